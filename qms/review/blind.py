"""Which looks are blind: nothing is said of the model until the person has decided.

All audits of accepted parts and all repeats are, and as many of the flagged parts, so that a blind
look does not tell what the model thought.
"""

from qms.review.models import Review


def is_blind(review: Review) -> bool:
    return review.blind and not review.decision
