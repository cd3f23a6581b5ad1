"""Which of an inspection's looks speaks for it, on lists and in files."""

from qms.inspections.models import Inspection
from qms.review.models import BINDING, Review, Status


def first_or_holding(inspection: Inspection) -> Review | None:
    """The look whose answer holds; before there is one, the one that is waited for.

    Asks nothing of the database where the reviews were fetched with the inspection.
    """
    looks = [look for look in inspection.reviews.all() if look.kind in BINDING]
    waited = [look for look in looks if look.status in (Status.OPEN, Status.CLAIMED)]
    return next((look for look in looks if look.rules), waited[0] if waited else None)
