"""A trained detector on disk: a folder with config.json, model.safetensors and notes.json.

config.json carries the sha256 of model.safetensors, so the sha256 of config.json names the whole
artefact. The same config and tensors give the same bytes, hence the same name. notes.json holds
what differs from run to run (date, seconds) and is left out of the name. There is no pickle here,
and no torch: tensors are NumPy arrays.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from inference.faults import Fault

FORMAT = 1
CONFIG, MODEL, NOTES = "config.json", "model.safetensors", "notes.json"

Tensors = Mapping[str, NDArray[Any]]


class BadArtefact(Fault):
    """The folder is not an artefact, or not the one that was written."""


@dataclass(frozen=True)
class Artefact:
    config: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    sha256: str
    notes: dict[str, Any] = field(default_factory=dict)


def write(
    folder: Path,
    config: Mapping[str, Any],
    tensors: Tensors,
    notes: Mapping[str, Any] | None = None,
) -> str:
    """Write the artefact in one step, replacing an older one, and return its sha256.

    A reader sees the old folder or the new one, whole; a crash leaves at most a hidden sibling.
    """
    folder = Path(folder)
    refuse_to_replace_something_else(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    files = _files(config, tensors, notes or {})
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            _write_through(fresh / name, content)
        _sync_folder(fresh)
        fresh.chmod(0o755)  # mkdtemp makes it private; a worker under another user must read it
        _swap_in(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return digest(files[CONFIG])


def read(folder: Path) -> Artefact:
    """The artefact in a folder, every byte checked against its hash; BadArtefact otherwise."""
    raw = _bytes(Path(folder), CONFIG)
    config = _parsed(raw, folder)
    model = _bytes(Path(folder), MODEL)
    if digest(model) != config["files"].get(MODEL):
        raise BadArtefact(
            f"{folder} is damaged: {MODEL} does not have the sha256 that {CONFIG} names. "
            "Copy it again or fit it anew."
        )
    try:
        tensors = tensors_from_bytes(model)
    except SafetensorError as error:
        raise BadArtefact(f"{folder} is damaged: {MODEL} is not a safetensors file.") from error
    return Artefact(config, tensors, digest(raw), _notes(Path(folder)))


def sha256(folder: Path) -> str:
    """The artefact's name, without reading its weights (``read`` verifies those)."""
    raw = _bytes(Path(folder), CONFIG)
    _parsed(raw, folder)
    return digest(raw)


def name(config: Mapping[str, Any], tensors: Tensors) -> str:
    """The sha256 that ``write`` would return, without writing."""
    return digest(_files(config, tensors, {})[CONFIG])


def size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in Path(folder).iterdir() if path.is_file())


def _files(
    config: Mapping[str, Any], tensors: Tensors, notes: Mapping[str, Any]
) -> dict[str, bytes]:
    plain = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    model = tensors_to_bytes(plain)
    whole = {**config, "format": FORMAT, "files": {MODEL: digest(model)}}
    return {MODEL: model, CONFIG: _json(whole), NOTES: _json(dict(notes))}


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def _parsed(raw: bytes, folder: Path) -> dict[str, Any]:
    try:
        config = json.loads(raw)
    except ValueError as error:
        raise BadArtefact(f"{folder} is damaged: {CONFIG} is not JSON.") from error
    if not isinstance(config, dict) or not isinstance(config.get("files"), dict):
        raise BadArtefact(f"{folder} is not an artefact: {CONFIG} names no files.")
    _check_format(config.get("format"), folder)
    return config


def _check_format(found: object, folder: Path) -> None:
    if isinstance(found, int) and found > FORMAT:
        raise BadArtefact(f"{folder} is of format {found}, made by a newer version: update Andon.")
    if found != FORMAT:
        raise BadArtefact(f"{folder} is of format {found!r}; this version reads format {FORMAT}.")


def _notes(folder: Path) -> dict[str, Any]:
    """Notes are a courtesy: an artefact without them is whole."""
    try:
        found = json.loads((folder / NOTES).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BadArtefact(f"{folder} is not an artefact: {name} cannot be read.") from error


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def refuse_to_replace_something_else(folder: Path) -> None:
    """Writing replaces the whole folder, so it must be an artefact, empty or not there."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / CONFIG).is_file()):
        raise BadArtefact(f"{folder} exists and is not an artefact: choose another place.")


def _write_through(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap_in(fresh: Path, folder: Path) -> None:
    """Rename over; a full folder cannot be renamed over, so the old one steps aside first."""
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.rename(aside / "was")
        fresh.rename(folder)
        shutil.rmtree(aside)
    else:
        fresh.rename(folder)
    _sync_folder(folder.parent)
