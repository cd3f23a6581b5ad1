"""Where tensors are computed. ``auto`` takes the accelerator if there is one."""

from collections.abc import Callable, Iterable

import torch

from inference.threads import R, T, cores, in_threads
from inference.zoo import UnknownName


def chosen(device: str) -> torch.device:
    """The torch device of a name; UnknownName if this machine has none such."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise UnknownName(
            f"There is no device {device!r} on this machine: use auto or cpu."
        ) from error
    return found


def each_on_a_core(work: Callable[[T], R], items: Iterable[T], device: torch.device) -> list[R]:
    """``work`` for each item, in order; on a CPU several at a time, each in one thread.

    Threads that share one matrix product wait for each other by spinning: quick on an idle
    machine, twenty times slower as soon as anything else wants a core. Pictures do not wait.
    On a GPU ``items`` are asked for one by one, so that they can be on their way (``feeding``).
    """
    if device.type != "cpu":
        return [work(item) for item in items]
    all_of_them = list(items)
    before = torch.get_num_threads()
    if len(all_of_them) < 2 or cores() < 2:
        return [work(item) for item in all_of_them]
    torch.set_num_threads(1)
    try:
        return list(in_threads(work, all_of_them))
    finally:
        torch.set_num_threads(before)
