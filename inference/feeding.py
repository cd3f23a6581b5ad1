"""Pictures on their way to the device: while one batch is worked on, the next one is coming.

On a GPU a batch is copied from pinned memory on a second stream; the first stream waits for it
only when it is needed. On a CPU there is nothing to copy.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def fed(parts: Sequence[NDArray[np.uint8]], device: torch.device) -> Iterator[Tensor]:
    """Each array as a tensor on the device, in order."""
    if device.type != "cuda":
        return (torch.from_numpy(part).to(device) for part in parts)
    return _ahead(parts, device)


def _ahead(parts: Sequence[NDArray[np.uint8]], device: torch.device) -> Iterator[Tensor]:
    copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    coming = [_sent(part, device, copying) for part in parts[:1]]
    for number in range(len(parts)):
        here = coming.pop()
        working = torch.cuda.current_stream(device)
        working.wait_stream(copying)
        here.record_stream(working)  # its memory is not given away before the work on it is done
        coming = [_sent(part, device, copying) for part in parts[number + 1 : number + 2]]
        yield here


def _sent(part: NDArray[np.uint8], device: torch.device, copying: torch.cuda.Stream) -> Tensor:
    with torch.cuda.stream(copying):
        return torch.from_numpy(part).pin_memory().to(device, non_blocking=True)
