"""DDQA-style questions and answers, made from masks and types: EIAD's four tasks, and free ones.

One JSON line a question, as ms-swift reads them: query, response, images. Nothing is made up by a
model. What was drawn by chance (distractors and their order) hangs on a seed and the picture
alone: it is the same in each export, and is told under "andon".
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from inference import runlengths
from inference.grid import CELLS, cell
from labeling.exchange import runs
from labeling.exchange.parcel import File, Spool
from labeling.exchange.picture import Category, LabelledPicture, Region, Unfit, share, suffix
from labeling.exchange.splits import SPLITS

SEED = 0
OPTIONS = 4
LETTERS = "ABCD"
TASKS = ("AD", "DC", "RDL", "DFM")
# Wrong answers for products with fewer than four types of their own.
STRANGERS = ("contamination", "crack", "dent", "missing part", "scratch", "stain", "weld bead")
_LETTER = "Answer with the letter of the right option only."
Line = dict[str, Any]


class DDQA:
    def __init__(self, categories: Sequence[Category]) -> None:
        self._names = {one.code: one.name for one in categories}
        self._spools = {(s, task): Spool() for s in SPLITS for task in (*TASKS, "QA")}
        self.notes: Counter[str] = Counter()

    def add(self, picture: LabelledPicture, split: str) -> list[File]:
        made = [(task, line) for task, line in self._questions(picture) if line]
        if not made:
            raise Unfit("there is nothing to ask: no verdict, no description, no answers")
        data = picture.content()
        name = f"images/{split}/{picture.identity}.{suffix(data)}"
        for task, line in made:
            line = {**line, "images": [name]}
            line["andon"] = {"task": task, "identity": picture.identity, **line.pop("told", {})}
            self._spools[split, task].line(json.dumps(line, ensure_ascii=False))
            self.notes[f"lines of {task}"] += 1
        return [File(name, data, packed=True)]

    def finish(self) -> Iterator[File]:
        """A file for each task, and one of EIAD's four together."""
        for split in SPLITS:
            spools = {task: self._spools[split, task] for task in (*TASKS, "QA")}
            for task, spool in spools.items():
                if spool.lines:
                    name = "QA" if task == "QA" else f"Task_{task}"
                    yield File(f"{split}/{name}.jsonl", spool.chunks())
            four = [spools[task] for task in TASKS if spools[task].lines]
            if four:
                yield File(f"{split}/{split}.jsonl", (c for spool in four for c in spool.chunks()))
            for spool in spools.values():
                spool.__exit__(None, None, None)

    def _questions(self, picture: LabelledPicture) -> Iterator[tuple[str, Line | None]]:
        yield "AD", _discrimination(picture)
        if picture.evaluation == "NOT_OK":
            yield "DC", self._classification(picture)
            for region in picture.regions:
                yield "RDL", self._rough(picture, region)
                yield "DFM", self._fine(picture, region)
        for query, response in _free(picture):
            yield "QA", {"query": query, "response": response}

    def _classification(self, picture: LabelledPicture) -> Line | None:
        """One right letter needs one known type."""
        if len(picture.labels) != 1 or picture.labels[0] is None:
            self.notes["no DC: several types, or none that is known"] += bool(picture.regions)
            return None
        right = self._names[picture.labels[0]]
        chance = _chance(picture, "DC")
        own = sorted({name for name in self._names.values() if name.lower() != right.lower()})
        wrong = chance.sample(own, min(len(own), OPTIONS - 1))
        taken = {word.lower() for word in (right, *own)}
        others = [word for word in STRANGERS if word not in taken]
        strangers = chance.sample(others, OPTIONS - 1 - len(wrong))
        query = "There is a defect in this picture. Of which type is it?"
        told = {"seed": SEED, "distractors": wrong, "not of this product": strangers}
        return _choice(query, right, [*wrong, *strangers], chance) | {"told": told}

    def _rough(self, picture: LabelledPicture, region: Region) -> Line | None:
        """The cell of the mask's centre; wrong are cells that the mask does not touch."""
        called = self._called(picture, region)
        if called is None:
            return None
        right, touched = places(picture, region)
        free = [one for one in CELLS if one not in touched and one != right]
        if not free:
            self.notes["no RDL: the region reaches into every cell"] += 1
            return None
        chance = _chance(picture, "RDL", region.label)
        wrong = chance.sample(free, min(len(free), OPTIONS - 1))
        query = f"In which part of the picture is {called}? Think of a grid of three by three."
        told = {"seed": SEED, "distractors": wrong}
        return _choice(query, right, wrong, chance) | {"told": told}

    def _fine(self, picture: LabelledPicture, region: Region) -> Line | None:
        called = self._called(picture, region)
        if called is None:
            self.notes["no RDL and DFM: several regions of one type"] += 1
            return None
        corners = ", ".join(f"{value:.3f}" for value in box(picture, region))
        query = (
            f"Find {called} and mark it with a box [x1, y1, x2, y2], "
            "each a share of the picture's width or height."
        )
        return {"query": query, "response": f"[{corners}]"}

    def _called(self, picture: LabelledPicture, region: Region) -> str | None:
        """What tells this region from the others; None if nothing does, or it has no pixels."""
        if not sum(region.counts[1::2]):
            return None
        if len(picture.regions) == 1:
            return "the defect"
        alike = sum(other.label == region.label for other in picture.regions)
        if region.label is None or alike > 1:
            return None
        return f'the defect of the type "{self._names[region.label]}"'


def _discrimination(picture: LabelledPicture) -> Line | None:
    letter = {"OK": "A", "NOT_OK": "B"}.get(picture.evaluation)
    if letter is None:
        return None
    query = f"Does this picture show a defect?\nA. No\nB. Yes\n{_LETTER}"
    return {"query": query, "response": letter}


def _choice(query: str, right: str, wrong: Sequence[str], chance: random.Random) -> Line:
    options = [right, *wrong]
    chance.shuffle(options)
    lines = [f"{LETTERS[place]}. {word}" for place, word in enumerate(options)]
    letter = LETTERS[options.index(right)]
    return {"query": "\n".join([query, *lines, _LETTER]), "response": letter}


def _free(picture: LabelledPicture) -> Iterator[tuple[str, str]]:
    if picture.description.strip():
        yield "Describe what you see on this part.", picture.description
    for answer in picture.answers:
        if answer.question.strip() and answer.corrected.strip():
            yield answer.question, answer.corrected


def places(picture: LabelledPicture, region: Region) -> tuple[str, set[str]]:
    """The cell of the centre of a region's pixels, and all cells that it touches."""
    width, height = picture.width, picture.height
    rows, columns = np.nonzero(runlengths.decode(region.counts, (height, width)))
    codes = np.unique((3 * rows // height) * 3 + 3 * columns // width)
    centre = cell(float(columns.mean()) + 0.5, float(rows.mean()) + 0.5, width, height)
    return centre, {CELLS[code] for code in codes}


def box(picture: LabelledPicture, region: Region) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 around its pixels, as shares of the picture."""
    size = (picture.height, picture.width)
    (x, y, width, height), _ = runs.measures(runs.pack(region.counts, *size), *size)
    right, bottom = x + width, y + height
    return x / size[1], y / size[0], right / size[1], bottom / size[0]


def _chance(picture: LabelledPicture, *words: object) -> random.Random:
    return random.Random(share(SEED, picture.identity, *words))  # noqa: S311 - no secret
