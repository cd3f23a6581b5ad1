"""What is asked of each picture of a product: published as versions, like recipes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from qms.events import catalogue, outbox
from qms.lifecycle import Refused
from qms.plant.changes import ChangedMeanwhile, Who, name_of, person_of
from qms.plant.models import CODE, Product
from qms.plant.recipes import QuestionSet

LONGEST_SLOT, LONGEST_TEXT, LONGEST_CHOICE = 32, 500, 64
MOST = 50


class Question(TypedDict):
    slot: str
    text: str
    choices: list[str]


def current(product: Product) -> QuestionSet | None:
    return QuestionSet.objects.filter(product=product).order_by("-number").first()


@transaction.atomic
def publish(
    product: Product,
    questions: Sequence[Question],
    *,
    by: Who,
    now: datetime,
    seen: int | None = None,
) -> QuestionSet:
    """The next version of a product's questions; a recipe says from when on they are asked.

    ``seen`` is the number of the version on the screen (0: none), if a person looked at one.
    """
    Product.objects.select_for_update(no_key=True).get(
        pk=product.pk
    )  # numbers have no gap and no twin
    asked: list[Any] = [check(question) for question in questions]
    _check_all(asked)
    present = current(product)
    number = present.number if present else 0
    if seen is not None and seen != number:
        raise ChangedMeanwhile(
            f"Someone published other questions of {product} while you were at it. "
            "Nothing was published: look at them and begin from there."
        )
    if present and present.questions == asked:
        raise Refused(f"Nothing differs from version {number}: nothing was published.")
    made = QuestionSet.objects.create(
        product=product,
        number=number + 1,
        questions=asked,
        published_at=now,
        published_by=person_of(by),
    )
    event = catalogue.QuestionsPublished(
        question_set_id=made.pk, product=product.code, number=made.number
    )
    outbox.publish(event, now=now, actor=name_of(by))
    return made


def check(question: Question) -> Question:
    """The question in its plain form. Refused, with a sentence, if it cannot be asked."""
    slot, text, choices = question["slot"], question["text"], list(question["choices"])
    try:
        CODE(slot)
    except ValidationError as error:
        raise Refused(f"Slot {slot!r}: {error.message}") from None
    if len(slot) > LONGEST_SLOT:
        raise Refused(f"The slot {slot} has more than {LONGEST_SLOT} letters.")
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise Refused(f"Write what {slot} asks, in 1 to {LONGEST_TEXT} letters.")
    _check_choices(slot, choices)
    return {"slot": slot, "text": text, "choices": choices}


def _check_choices(slot: str, choices: list[str]) -> None:
    if len(choices) == 1:
        raise Refused(f"{slot}: give two choices or more, or none for an answer in any words.")
    if len(set(choices)) != len(choices):
        raise Refused(f"{slot}: the same choice stands there twice.")
    for choice in choices:
        fits = choice.strip() == choice and 0 < len(choice) <= LONGEST_CHOICE
        if not fits or "|" in choice or not choice.isprintable():
            raise Refused(
                f"{slot}: a choice has 1 to {LONGEST_CHOICE} letters, none of them |, "
                "and no space around it."
            )


def _check_all(asked: Sequence[Question]) -> None:
    slots = [question["slot"] for question in asked]
    twice = sorted({slot for slot in slots if slots.count(slot) > 1})
    if twice:
        raise Refused(f"The slot {twice[0]} stands there twice: each answer has a slot of its own.")
    if len(asked) > MOST:
        raise Refused(f"Ask {MOST} questions at most.")
