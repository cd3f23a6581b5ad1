"""What the post office does by the clock."""

from django.apps import apps
from django.utils import timezone

from qms import partitions
from qms.events import catalogue, deadletters, seal


def keep_house(event: catalogue.HourStruck) -> None:
    """Slices for the months to come, a witness of the chain, old deliveries forgotten."""
    now = timezone.now()
    for table in sliced_tables():
        partitions.ensure_months(table, now=now)
    seal.leave_witness(now=now)
    deadletters.prune(now=now)


def sliced_tables() -> list[str]:
    """The tables of all models whose key is a UUIDv7 that slices them."""
    models = apps.get_models()
    return [m._meta.db_table for m in models if getattr(m, "SLICED", False)]
