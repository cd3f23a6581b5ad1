"""Weights out of local files and out of the model hub's cache. Never reaches for the network."""

from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from inference.backbones.backbone import half
from inference.zoo import UnknownName


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, floats as float16."""
    if not file.is_file():
        raise UnknownName(f"There is no file {file} with weights for the backbone.")
    try:
        state = load_file(file)
    except SafetensorError as error:
        raise UnknownName(f"{file} is not a safetensors file.") from error
    return {name: half(value) for name, value in state.items()}


def cached(repository: str, *names: str) -> Path | None:
    """The first of the files that the hub's local cache holds of a repository."""
    try:
        found = [try_to_load_from_cache(repository, name) for name in names]
    except ValueError:  # no name that a repository could have
        return None
    return next((Path(one) for one in found if isinstance(one, str)), None)


def fill(network: nn.Module, given: Mapping[str, Tensor], model: str) -> None:
    """Load what is given, as float32; UnknownName if shapes differ."""
    try:
        network.load_state_dict({k: v.float() for k, v in given.items()}, strict=False)
    except RuntimeError as error:
        raise UnknownName(f"The weights do not belong to {model}: shapes differ.") from error


def needed(network: nn.Module, state: Mapping[str, Tensor], model: str) -> dict[str, Tensor]:
    """What the network takes of the state; UnknownName if something it needs is missing."""
    wanted = network.state_dict()
    given = {name: value for name, value in state.items() if name in wanted}
    missing = [name for name in wanted if name not in given and not name.endswith("tracked")]
    if missing:
        raise UnknownName(
            f"The weights do not belong to {model}: {missing[0]} and "
            f"{len(missing) - 1} more are missing."
        )
    return given
