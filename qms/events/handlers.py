"""What the post office does by the clock."""

from django.utils import timezone

from qms import partitions
from qms.events import catalogue, deadletters, witness


def leave_witness(event: catalogue.HourStruck) -> None:
    """The hour's own witness of the chain, which nobody overwrites."""
    try:
        witness.leave(now=timezone.now())
    except witness.TrailBroken as broken:  # an alarm at once: no other try mends a chain
        raise deadletters.Hopeless(str(broken)) from broken


def keep_house(event: catalogue.HourStruck) -> None:
    """Slices for the months to come."""
    partitions.ensure_all(now=timezone.now())


def forget_deliveries(event: catalogue.HourStruck) -> None:
    """What was done long ago; the events themselves stay."""
    deadletters.prune(now=timezone.now())
