"""--prompts FILE.json: what the product is called and how its defects look.

{"product": "hazelnut", "defects": {"crack": "a dark jagged line across the shell"}}, or the
finished sentences that a recipe keeps (``Prompts.as_json``).
"""

import argparse
import json
from pathlib import Path
from typing import Any

from inference.faults import Fault
from inference.language.prompts import Prompts, generate

READERS = ("zeroshot",)  # detectors that read


class BadPrompts(Fault):
    """The file with prompts cannot be used."""


def given(options: argparse.Namespace) -> dict[str, Any]:
    """What ``fit`` of the chosen detector takes besides the usual; empty without --prompts."""
    if options.prompts is None:
        return {}
    if options.detector not in READERS:
        raise BadPrompts(f"--prompts is for a detector that reads: choose --detector {READERS[0]}.")
    return {"prompts": read(options.prompts)}


def read(path: Path) -> Prompts:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _prompts(found)
    except OSError as error:
        raise BadPrompts(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadPrompts(
            f'{path} holds no prompts: write {{"product": "...", "defects": {{"code": "how it '
            'looks"}}.'
        ) from error


def _prompts(found: Any) -> Prompts:
    if not isinstance(found, dict) or not isinstance(found.get("product"), str):
        raise ValueError("no product is named")
    if "normal" in found:
        return Prompts.from_json(found)
    defects = found.get("defects", {})
    if not isinstance(defects, dict) or not all(isinstance(t, str) for t in defects.values()):
        raise ValueError("defects are no descriptions by code")
    return generate(found["product"], defects)
