"""A product as annotators see it, and what they really submitted of it in Label Studio 1.23.2.

The files of ``submitted/`` were made in its editor: SCHEMA and PROPOSAL were sent, and a person
(Chromium) left all as it was, corrected it, changed only a severity, or skipped it.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from labeling import annotations
from labeling.words import (
    SEVERITIES,
    DefectLabel,
    Labelled,
    Mask,
    Proposal,
    ProposedRegion,
    Question,
    Schema,
)

WIDTH, HEIGHT = 640, 480
SUBMITTED = Path(__file__).parent / "submitted"
X, Y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
MASKS: dict[str, Mask] = {
    "f1": (X - 200) ** 2 / 80**2 + (Y - 150) ** 2 / 40**2 < 1,
    "f2": (X - 450) ** 2 + (Y - 330) ** 2 < 50**2,
    "f3": (np.abs(X - 60) < 20) & (np.abs(Y - 400) < 30),
}
SCHEMA = Schema(
    product='A "b" <c> & 😀',
    labels=(
        DefectLabel(code="SCR-1", name='Kratzer <b> & "x" 😀', colour="#E69F00", severity="MAJOR"),
        DefectLabel(code="dent", name="dent", colour="#56B4E9", severity="MINOR"),
        *(
            DefectLabel(code=f"type{n}", name=f"Type {n}", colour="#009E73", severity="MINOR")
            for n in range(10)
        ),
    ),
    questions=(
        Question(
            slot="orient",
            text="Which <way>? & $image",
            choices=("up", "$5 off", "true", '"q" & <x>'),
        ),
        Question(slot="free", text="Say."),
        Question(slot="more", text="More?", choices=("yes", "no")),
    ),
)
PROPOSAL = Proposal(
    inspection_id="insp-1",
    title='Part 7 <b> & "x"',
    link="http://andon.example/inspections/1?a=1&b=2",
    image="/data/local-files/?d=pictures/p.png",
    width=WIDTH,
    height=HEIGHT,
    model_version="m1",
    urgency=0.8,
    evaluation="NOT_OK",
    description="A scratch, and a dent.",
    regions=[
        ProposedRegion(
            key="f1", label="SCR-1", severity="MAJOR", score=0.7, mask=MASKS["f1"], note="long"
        ),
        ProposedRegion(key="f2", label="dent", severity=None, score=0.3, mask=MASKS["f2"]),
        ProposedRegion(key="f3", label=None, severity="MINOR", score=0.1, mask=MASKS["f3"]),
    ],
    answers={"orient": "$5 off", "free": "yes indeed", "more": "maybe"},
)
PROPOSED: dict[str, Any] = {
    "regions": {"f1": "SCR-1", "f2": "dent", "f3": None},
    "answers": dict(PROPOSAL.answers),
    "description": PROPOSAL.description,
    "evaluation": PROPOSAL.evaluation,
}


def submitted(name: str) -> dict[str, Any]:
    annotation: dict[str, Any] = json.loads((SUBMITTED / f"{name}.json").read_text())
    return annotation


def parsed(annotation: Mapping[str, Any], *, schema: Schema = SCHEMA) -> Labelled:
    return annotations.parse(annotation, schema, width=WIDTH, height=HEIGHT, proposed=PROPOSED)


def changed(name: str, *path: Any, to: Any) -> dict[str, Any]:
    """That annotation with one thing in it put in place of another."""
    annotation = copy.deepcopy(submitted(name))
    inner: Any = annotation
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return annotation


def place(annotation: Mapping[str, Any], control: str, key: str | None = None) -> int:
    """Where in ``result`` a control speaks (of a region)."""
    return next(
        number
        for number, item in enumerate(annotation["result"])
        if item["from_name"] == control and key in (None, item["id"])
    )


words = st.text(min_size=1, max_size=12)
codes = st.from_regex(r"[\w.+-]{1,8}", fullmatch=True)
colours = st.from_regex(r"#[0-9A-F]{6}", fullmatch=True)
labels = st.builds(
    DefectLabel, code=codes, name=words, colour=colours, severity=st.sampled_from(SEVERITIES)
)
questions = st.builds(
    Question, slot=codes, text=words, choices=st.lists(words, max_size=4).map(tuple)
)
schemas = st.builds(
    Schema,
    product=words,
    labels=st.lists(labels, max_size=12, unique_by=lambda label: label.code).map(tuple),
    questions=st.lists(questions, max_size=4, unique_by=lambda question: question.slot).map(tuple),
)
