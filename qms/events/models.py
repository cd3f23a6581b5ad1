"""The post office's two tables, and the head of the audit chain."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import pgtrigger
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Min, Q
from django.db.models.fields.json import KeyTextTransform

from qms.events import catalogue
from qms.partitions import new_key


class Event(models.Model):
    """A fact. Written once, in the transaction that made it true.

    ``number``, ``previous`` and ``digest`` are filled in once, later, by the one writer of
    ``seal.py``; the trigger below lets nothing else through.
    """

    SLICED = True
    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    name = models.CharField(max_length=64)
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    actor = models.CharField(max_length=128)
    subject = models.UUIDField(null=True)
    occurred_at = models.DateTimeField()
    number = models.BigIntegerField(null=True)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "id"], name="event_subject"),
            models.Index(fields=["number"], name="event_number"),
            models.Index(
                KeyTextTransform("nonconformance", "payload"),
                models.F("id"),
                name="event_nonconformance",
                condition=models.Q(payload__has_key="nonconformance"),
            ),
            models.Index(
                fields=["id"], name="event_unsealed", condition=models.Q(number__isnull=True)
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="event_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="event_sealed_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.number IS NULL AND NEW.number IS NOT NULL
                       AND to_jsonb(OLD) - '{number,previous,digest}'::text[]
                         = to_jsonb(NEW) - '{number,previous,digest}'::text[]
                    THEN RETURN NEW; END IF;
                    RAISE EXCEPTION 'andon: an event is a fact and is never changed';
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    def as_fact(self) -> catalogue.Event:
        kind: type[catalogue.Event] = getattr(catalogue, self.name)
        return kind.from_payload(self.payload)


class ChainHead(models.Model):
    """The latest seal: the single row whose lock makes the single writer."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_chain_head")]


class Delivery(models.Model):
    """One fact on its way to one handler.

    ``due_at`` is the whole clock: a lease and a back-off both move it forward, so how long the
    house owes a delivery stands in ``owed_since``. ``token`` is the
    fence: only the worker that bears the present token may write what it found. An insert calls the
    relay by NOTIFY, which the database sends if and when the transaction commits.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    handler = models.CharField(max_length=128)
    due_at = models.DateTimeField()
    owed_since = models.DateTimeField(null=True)  # no claim moves it; null: by an older release
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True)
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        triggers = [
            pgtrigger.Trigger(
                name="delivery_calls",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="fresh"),  # type: ignore[no-untyped-call]
                func="""
                    PERFORM pg_notify('andon_work', handler)
                       FROM (SELECT DISTINCT handler FROM fresh) AS called;
                    RETURN NULL;
                """,
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "handler"], name="one_delivery_per_handler"),
            models.CheckConstraint(
                condition=models.Q(done_at=None) | models.Q(dead_at=None),
                name="a_delivery_is_not_done_and_dead",
            ),
        ]
        indexes = [
            models.Index(
                fields=["handler", "due_at"],
                name="delivery_due",
                condition=models.Q(done_at=None, dead_at=None),
            ),
            models.Index(
                fields=["dead_at"], name="delivery_dead", condition=models.Q(dead_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.event_id} to {self.handler}"

    @property
    def state(self) -> str:
        if self.dead_at:
            return "dead"
        if self.done_at:
            return "done"
        return "working" if self.token else "waiting"


def unfinished() -> models.QuerySet[Delivery]:
    """All that is still owed: due, leased or waiting for its next try."""
    return Delivery.objects.filter(done_at=None, dead_at=None)


def oldest_owed(now: datetime, *, besides: Collection[str] = ()) -> datetime | None:
    """Since when the oldest unfinished delivery is owed, tried before or not.

    One that is meant for later counts only once it was due for the first time. ``besides`` are
    handlers that may take their time.
    """
    begun = unfinished().exclude(handler__in=besides).filter(Q(attempts__gt=0) | Q(due_at__lte=now))
    here = begun.aggregate(oldest=Min("owed_since"))["oldest"]
    older = begun.filter(owed_since=None).aggregate(oldest=Min("event__occurred_at"))["oldest"]
    return min((moment for moment in (here, older) if moment), default=None)


def of_subject(subject: UUID) -> models.QuerySet[Event]:
    """The life of one inspection, in order, each event with its deliveries."""
    return Event.objects.filter(subject=subject).order_by("id").prefetch_related("deliveries")


def of_nonconformances(numbers: Iterable[str]) -> models.QuerySet[Event]:
    """The lives of these nonconformances, in order."""
    named = KeyTextTransform("nonconformance", "payload")
    rows = Event.objects.filter(payload__has_key="nonconformance").annotate(named=named)
    return rows.filter(named__in=list(numbers)).order_by("id")
