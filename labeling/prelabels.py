"""What the model said of a picture, as a task of Label Studio that people correct.

Label Studio takes a broken prediction without a word and then draws it wrong or not at all, so
each is checked here before it is sent.
"""

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from labeling import brush, project
from labeling.words import EVALUATIONS, SEVERITIES, Proposal, ProposedRegion, Schema

LONGEST_FAULT = 200  # the validator repeats the value, which may be a mask of megabytes

Result = dict[str, Any]


class BadPrediction(ValueError):
    """Label Studio would not show this as it is meant; the message says why."""


def task(proposal: Proposal, schema: Schema) -> dict[str, Any]:
    """``{"data", "meta", "predictions"}`` of one picture. BadPrediction if it does not fit."""
    asked = {f"q{n}": question.text for n, question in enumerate(schema.questions, start=1)}
    data = {
        "image": proposal.image,
        "title": proposal.title,
        "inspection_id": proposal.inspection_id,
        "link": proposal.link,
        "open": _link(proposal.link),
        **asked,
    }
    meta = {"inspection_id": proposal.inspection_id}
    return {"data": data, "meta": meta, "predictions": [prediction(proposal, schema)]}


def prediction(proposal: Proposal, schema: Schema) -> dict[str, Any]:
    """All that the model said, as one prediction. BadPrediction if it does not fit.

    Label Studio serves the lowest ``score`` first, so it is one less the urgency.
    """
    result = [
        item for region in proposal.regions for item in _region_results(region, proposal, schema)
    ]
    made = {
        "model_version": proposal.model_version,
        "score": _share(1 - proposal.urgency),
        "result": [*result, *_picture_results(proposal, schema)],
    }
    size = {"width": proposal.width, "height": proposal.height}
    if wrong := faults(made, project.label_config(schema), **size):
        raise BadPrediction(" ".join(wrong))
    return made


def _link(address: str) -> str:
    if not address.startswith(("http://", "https://")):
        return ""
    return f'<a href="{html.escape(address)}" target="_blank" rel="noopener">Open in Andon</a>'


def _region_results(region: ProposedRegion, of: Proposal, schema: Schema) -> Iterator[Result]:
    """The mask first: what is said of a region before its mask is dropped by the editor."""
    if region.mask.shape != (of.height, of.width):
        height, width = region.mask.shape
        raise BadPrediction(
            f"The mask of {region.key} is {width} x {height}, the picture {of.width} x {of.height}."
        )
    known = {label.code for label in schema.labels}
    label = region.label if region.label in known else project.NO_TYPE
    value: Result = {"format": "rle", "rle": brush.encode(region.mask), "brushlabels": [label]}
    size = {"original_width": of.width, "original_height": of.height, "image_rotation": 0}
    common = {"id": region.key, "to_name": project.IMAGE, **size}
    score = _share(region.score)
    yield {
        **common,
        "from_name": project.MASK,
        "type": "brushlabels",
        "value": value,
        "score": score,
    }
    if region.severity in SEVERITIES:
        value = {"choices": [region.severity]}
        yield {**common, "from_name": project.SEVERITY, "type": "choices", "value": value}
    if region.note.strip():
        value = {"text": [region.note.strip()]}
        yield {**common, "from_name": project.REGION_NOTE, "type": "textarea", "value": value}
    value = {"rating": stars(score)}
    yield {**common, "from_name": project.REGION_CONF, "type": "rating", "value": value}


def stars(score: float) -> int:
    """One to five of them, each a fifth of the way from 0 to 1."""
    return max(1, math.ceil(score * project.STARS))


def _share(value: float) -> float:
    """As a number from 0 to 1; what is not a number counts as 0."""
    return min(max(float(value), 0.0), 1.0) if value == value else 0.0


def _picture_results(of: Proposal, schema: Schema) -> Iterator[Result]:
    if of.evaluation in EVALUATIONS:
        yield _said(project.VERDICT, project.IMAGE, "choices", of.evaluation)
    if of.description.strip():
        yield _said(project.DESCRIPTION, project.IMAGE, "textarea", of.description.strip())
    for number, question in enumerate(schema.questions, start=1):
        words = of.answers.get(question.slot, "").strip()
        names = (project.answer_name(number), project.question_name(number))
        called = {choice: name for name, choice in project.choices_of(question).items()}
        if question.choices and words in called:
            yield _said(*names, "choices", called[words])
        elif words and not question.choices:
            yield _said(*names, "textarea", words)


def _said(control: str, of: str, kind: str, words: str) -> Result:
    value = {"text" if kind == "textarea" else kind: [words]}
    return {"id": control, "from_name": control, "to_name": of, "type": kind, "value": value}


def faults(prediction: Mapping[str, Any], config: str, *, width: int, height: int) -> list[str]:
    """Why Label Studio would show this prediction wrong, in sentences; empty if it is right.

    First label_studio_sdk's own validator, then what it misses: the size, what is said of a
    region before its mask, and masks that are not drawn as they are.
    """
    screen = _screen(config)
    said = [_short(fault) for fault in screen.validate_prediction(dict(prediction), True)]
    if said:
        return said
    results: Sequence[Mapping[str, Any]] = prediction["result"]
    per_region = {c.name for c in screen.controls if (c.attr or {}).get("perRegion") == "true"}
    return [
        *_faults_of_order(results, per_region),
        *(
            fault
            for item in results
            if item["type"].lower() == "brushlabels"
            for fault in _faults_of_mask(item, width, height)
        ),
    ]


@lru_cache(maxsize=8)
def _screen(config: str) -> Any:
    """The SDK's view of a labelling screen; it has no types."""
    from label_studio_sdk.label_interface.interface import LabelInterface  # takes a second

    return LabelInterface(config)


def _short(fault: str) -> str:
    return fault if len(fault) <= LONGEST_FAULT else fault[:LONGEST_FAULT] + " ..."


def _faults_of_order(results: Sequence[Mapping[str, Any]], per_region: set[str]) -> Iterator[str]:
    drawn: set[Any] = set()
    for item in results:
        key = repr(item.get("id"))
        if item["type"].lower() == "brushlabels":
            if key == "None" or key in drawn:
                yield f"Two regions are called {key}, or one is called nothing."
            drawn.add(key)
        elif item["from_name"] in per_region and key not in drawn:
            yield f"The {item['from_name']} of {key} stands before its mask, or without one."


def _faults_of_mask(item: Mapping[str, Any], width: int, height: int) -> Iterator[str]:
    key = item.get("id")
    size = (item.get("original_width"), item.get("original_height"))
    if size != (width, height):
        yield f"Region {key} is said to be of {size[0]} x {size[1]} pixels, not {width} x {height}."
    try:
        opacity = brush.opacity(item["value"].get("rle"), width=width, height=height)
    except brush.BadMask as error:
        yield f"Region {key}: {error}"
        return
    drawn = int(np.count_nonzero(opacity == 255))
    if drawn + int(np.count_nonzero(opacity == 0)) != opacity.size:
        yield f"The mask of {key} holds other values than 0 and 255."
    if not drawn:
        yield f"The mask of {key} holds no pixel."
