"""Which looks are blind: an audit says nothing of the model until the person has decided."""

from qms.review.models import Reason, Review


def is_blind(review: Review) -> bool:
    return review.reason == Reason.AUDIT and not review.decision
