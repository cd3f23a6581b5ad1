"""What an annotator submitted in Label Studio, in the house's own words.

Nothing that comes back is trusted: any JSON is either read or refused with BadAnnotation. What
cannot be read whole is not read at all; it still lies in Label Studio, and can be mended there.

Traps that are met here and in the two files below: every result of a region repeats its mask, so
masks are told by ``type``; a region that was removed is simply absent, one whose pixels were all
rubbed out is still there; strokes have soft edges; a skip carries half an answer; a draft is none.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from labeling import project
from labeling.regionresults import read_regions
from labeling.results import BadAnnotation, Result, choice_of, read_results, words_of
from labeling.words import EVALUATIONS, Answer, Labelled, Origin, Question, Schema

__all__ = ["BadAnnotation", "latest", "parse"]

BIGGEST = 2**31 - 1  # as a number of Label Studio's is stored


def parse(
    annotation: Mapping[str, Any],
    schema: Schema,
    *,
    width: int,
    height: int,
    proposed: Mapping[str, Any],
) -> Labelled:
    """All that one person said of a picture of ``width`` x ``height``, as the API gives it.

    ``proposed`` is what was laid before them: ``{"regions": {key: label}, "answers": {slot: text},
    "description": text, "evaluation": code}``. BadAnnotation, with a sentence, for anything else
    than an annotation of this schema.
    """
    told = _about(annotation)
    results = read_results(annotation.get("result"), schema)
    if told["skipped"] or _skip_reason(results):
        return _skipped(told, results)
    were = proposed.get("regions") or {}
    regions = read_regions(results, schema, width=width, height=height, proposed=were)
    evaluation = _evaluation(results)
    description = words_of(_by(results, project.DESCRIPTION))
    left = {region.key for region in regions}
    return Labelled(
        **told,
        skip_reason="",
        evaluation=evaluation,
        evaluation_origin=_origin(evaluation, _known(proposed.get("evaluation"))),
        description=description,
        description_origin=_origin(description, proposed.get("description")),
        regions=regions,
        answers=tuple(_answers(results, schema, proposed.get("answers") or {})),
        added=tuple(_added(results)),
        deleted=tuple(key for key in were if key not in left),
    )


def latest(annotations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What holds of several: the last that was submitted, else the last skip; drafts are neither.

    BadAnnotation if one does not say when it was changed.
    """
    finished = [one for one in annotations if not _is_draft(one)]
    said = [one for one in finished if not one.get("was_cancelled")] or finished
    return max(said, key=lambda one: (_moment(one, "updated_at"), _number(one, "id")), default=None)


def _about(annotation: Any) -> dict[str, Any]:
    """Whose it is and of when. BadAnnotation if it is none."""
    if not isinstance(annotation, Mapping):
        raise BadAnnotation(f"An annotation is an object, not {type(annotation).__name__}.")
    if _is_draft(annotation):
        raise BadAnnotation("This is a draft: nobody has submitted it.")
    return {
        "studio_id": _number(annotation, "id"),
        "task_id": _number(annotation, "task"),
        "updated_at": _moment(annotation, "updated_at"),
        "made_at": _moment(annotation, "created_at"),
        "person": _person(annotation.get("completed_by")),
        "seconds": _seconds(annotation.get("lead_time")),
        "skipped": bool(annotation.get("was_cancelled")),
    }


def _is_draft(annotation: Mapping[str, Any]) -> bool:
    return "was_postponed" in annotation


def _number(annotation: Mapping[str, Any], name: str) -> int:
    number = annotation.get(name)
    if type(number) is not int or not 0 < number <= BIGGEST:
        raise BadAnnotation(f"Its {name} is no number of Label Studio's.")
    return number


def _moment(annotation: Mapping[str, Any], name: str) -> datetime:
    """With a time zone; Label Studio keeps UTC."""
    said = annotation.get(name)
    try:
        moment = datetime.fromisoformat(said if isinstance(said, str) else "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadAnnotation(f"Its {name} is no time.") from None


def _person(said: Any) -> int | None:
    """The number of a user, which some of Label Studio's answers wrap in an object."""
    number = said.get("id") if isinstance(said, Mapping) else said
    return number if type(number) is int and 0 < number <= BIGGEST else None


def _seconds(said: Any) -> float | None:
    """How long it took; an annotation that no editor made does not say."""
    if type(said) not in (int, float):
        return None
    try:
        return float(said) if isfinite(said) and said >= 0 else None
    except OverflowError:
        return None


def _skipped(told: Mapping[str, Any], results: Sequence[Result]) -> Labelled:
    """Half an answer is no answer: of a skipped picture only the reason counts.

    Where Label Studio shows no button to skip, people give the reason and submit.
    """
    return Labelled(
        **{**told, "skipped": True},
        skip_reason=_skip_reason(results),
        evaluation="",
        evaluation_origin=Origin.MANUAL,
        description="",
        description_origin=Origin.MANUAL,
        regions=(),
        answers=(),
    )


def _skip_reason(results: Sequence[Result]) -> str:
    chosen = choice_of(_by(results, project.SKIP_REASON)) or ""
    if chosen and chosen not in project.SKIP_REASONS:
        raise BadAnnotation(f"The reason for skipping, {chosen!r:.60}, is none of ours.")
    note = words_of(_by(results, project.SKIP_NOTE))
    return ": ".join(part for part in (chosen, note) if part)


def _evaluation(results: Sequence[Result]) -> str:
    evaluation = choice_of(_by(results, project.VERDICT))
    if evaluation is None:
        raise BadAnnotation("It has no verdict; choose one in Label Studio, and update it.")
    if evaluation not in EVALUATIONS:
        raise BadAnnotation(f"Its verdict {evaluation!r:.60} is none of {', '.join(EVALUATIONS)}.")
    return evaluation


def _known(evaluation: Any) -> str | None:
    return evaluation if evaluation in EVALUATIONS else None


def _answers(
    results: Sequence[Result], schema: Schema, proposed: Mapping[str, Any]
) -> Iterator[Answer]:
    """What was answered, and what the model had answered but the person took away."""
    for number, question in enumerate(schema.questions, start=1):
        text = _answer(results, number, question)
        predicted = str(proposed.get(question.slot) or "").strip() or None
        if question.choices and predicted not in question.choices:
            predicted = None  # it was never laid before anybody
        if text or predicted:
            yield Answer(
                slot=question.slot,
                question=question.text,
                text=text,
                predicted=predicted,
                origin=_origin(text, predicted),
            )


def _answer(results: Sequence[Result], number: int, question: Question) -> str:
    given = list(_by(results, project.answer_name(number)))
    if not question.choices:
        return words_of(given)
    choices = project.choices_of(question)
    chosen = choice_of(given)
    if chosen is not None and chosen not in choices:
        raise BadAnnotation(
            f"The answer to {question.slot}, {chosen!r:.60}, is none of its choices."
        )
    return choices[chosen] if chosen is not None else ""


def _origin(text: str, predicted: Any) -> Origin:
    """By the words, not by what Label Studio says: what was changed and changed back is as it was."""
    if not isinstance(predicted, str) or not predicted.strip():
        return Origin.MANUAL
    return Origin.PREDICTION if text == predicted.strip() else Origin.CHANGED


def _added(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Pairs of the person's own, one a line. A line without an answer is kept as a question."""
    for line in words_of(_by(results, project.NEW_QA)).splitlines():
        question, _, answer = (part.strip() for part in line.partition(project.PAIR))
        if question:
            yield question, answer
        elif answer:
            yield answer, ""


def _by(results: Sequence[Result], control: str) -> Iterator[Result]:
    return (result for result in results if result.control == control)
