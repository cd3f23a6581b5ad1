"""A detector from the folder that was typed, or one sentence why there is none in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

import inference
from inference.artefact import BadArtefact
from inference.detector import Detector


def detector(folder: Path, device: str) -> Detector:
    with contents_of(folder):
        return inference.load(folder, device=device)


@contextmanager
def contents_of(folder: Path) -> Iterator[None]:
    """What a config lacks shows first when a detector is rebuilt from it, as any kind of error."""
    try:
        yield
    except torch.OutOfMemoryError as error:  # a RuntimeError too, but not the artefact's fault
        raise MemoryError from error
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise BadArtefact(
            f"{folder} is damaged: its config.json does not describe its tensors "
            f"({type(error).__name__}). Copy it again or fit it anew."
        ) from error
