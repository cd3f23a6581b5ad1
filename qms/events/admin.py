from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from qms.events import deadletters
from qms.events.models import Delivery, Event
from qms.lifecycle import Refused


class ReadOnly(admin.ModelAdmin[Any]):
    """Facts are looked at, never edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ["number", "name", "actor", "subject", "occurred_at"]
    list_filter = ["name"]
    search_fields = ["subject", "actor"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ["id", "event", "handler", "due_at", "attempts", "done_at", "dead_at", "error"]
    list_filter = ["handler", ("dead_at", admin.EmptyFieldListFilter)]
    actions = ["deliver_again"]

    def has_revive_permission(self, request: HttpRequest) -> bool:
        """To look at a delivery is not yet to send it out again."""
        return request.user.has_perm("events.change_delivery")

    @admin.action(description="Deliver again", permissions=["revive"])
    def deliver_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset:
            try:
                deadletters.revive(delivery, now=timezone.now(), actor=str(request.user))
            except Refused as refusal:
                messages.warning(request, f"{delivery}: {refusal}")
