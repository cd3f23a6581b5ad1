"""Where a person and the model disagree, and where a correction and a review do: in sentences."""

from collections.abc import Iterator

from qms.inspections.models import Evaluation
from qms.labels.models import Annotation
from qms.review.models import Review

_PLAIN = (Evaluation.OK, Evaluation.NOT_OK)  # who cannot tell contradicts nobody


def with_the_model(review: Review) -> list[str]:
    """What the person says otherwise than the model; empty: they agree as far as both can tell."""
    return [*_of_the_part(review), *_of_its_findings(review)]


def _of_the_part(review: Review) -> Iterator[str]:
    said = review.verdict.evaluation
    if review.decision in _PLAIN and said in _PLAIN and review.decision != said:
        yield f"{review.reviewer} says {_word(review.decision)}, the model {_word(said)}."
    kind = review.defect_type
    if kind and not review.verdict.findings.filter(defect_type=kind).exists():
        yield f"{review.reviewer} names {kind}, which the model has not marked."


def _of_its_findings(review: Review) -> Iterator[str]:
    answers = review.finding_answers.select_related("finding__defect_type", "defect_type")
    for answer in answers.order_by("finding__number"):
        number, kind = answer.finding.number, answer.defect_type
        if not answer.is_defect:
            yield f"{review.reviewer} says that finding {number} is no defect."
        elif kind and kind != answer.finding.defect_type:
            was = answer.finding.defect_type or "of no known type"
            yield f"{review.reviewer} says that finding {number} is {kind}, the model {was}."


def with_the_review(annotation: Annotation, review: Review) -> str:
    """How a correction contradicts the answer that holds; empty: it does not."""
    said, decided = annotation.evaluation, review.decision
    if said in _PLAIN and decided in _PLAIN and said != decided:
        return (
            f"{annotation.person_name} corrected it to {_word(said)}; "
            f"{review.reviewer} decided {_word(decided)}."
        )
    drawn = {one.defect_type for one in annotation.regions.select_related("defect_type")}
    others = drawn - {review.defect_type}
    if said == decided == Evaluation.NOT_OK and review.defect_type and others == drawn != set():
        names = ", ".join(sorted(str(kind or "no known type") for kind in drawn))
        return (
            f"{annotation.person_name} marked {names}; "
            f"{review.reviewer} rejected it for {review.defect_type}."
        )
    return ""


def _word(evaluation: str) -> str:
    return str(Evaluation(evaluation).label)
