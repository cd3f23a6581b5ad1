"""The start page, the sign-in, the dead letters."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts import brake
from qms.accounts.http import PersonRequest
from qms.accounts.models import User
from qms.accounts.roles import EVERYONE, Role, role_required, roles_of
from qms.events import deadletters
from qms.events.models import Delivery
from qms.inspections.models import Inspection
from qms.reports import queries
from qms.web.health import healthz, metrics, readyz

__all__ = ["SignIn", "counts", "dead_letters", "healthz", "metrics", "readyz", "revive", "start"]

_LATEST = 12
_LETTERS = 100


class SignIn(LoginView):
    """The one door for people, the admin's too: with a brake on guessing."""

    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if brake.is_on(*self._who(), now=timezone.now()):
            context = self.get_context_data(form=self.get_form_class()(request), braked=True)
            return self.render_to_response(context, status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        brake.note_failure(*self._who(), now=timezone.now())
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        brake.forget(*self._who())
        return super().form_valid(form)

    def get_default_redirect_url(self) -> str:
        """Who only corrects begins at what is to be corrected."""
        mine = roles_of(self.request.user) if isinstance(self.request.user, User) else frozenset()
        return reverse("labels") if mine == {Role.ANNOTATOR} else super().get_default_redirect_url()

    def _who(self) -> tuple[str, str]:
        return self.request.POST.get("username", ""), brake.address_of(self.request)


@require_GET
@role_required(*EVERYONE)
def start(request: PersonRequest) -> HttpResponse:
    return render(request, "web/start.html", _today())


@require_GET
@role_required(*EVERYONE)
def counts(request: PersonRequest) -> HttpResponse:
    """The moving part of the start page, which asks for it every two seconds."""
    response = render(request, "web/counts.html", _today())
    response["Cache-Control"] = "no-store"
    return response


def _today() -> dict[str, object]:
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    latest = Inspection.objects.select_related("product", "part", "station__line__site")
    return {
        "counts": queries.counts(now=now, since=midnight),
        "products": queries.by_product(since=midnight),
        "latest": latest.prefetch_related("reviews").order_by("-id")[:_LATEST],
        "now": now,
    }


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """For what asks for it by its old name, such as a page of plain JSON."""
    return redirect(static("andon.svg"))


@require_GET
@role_required(Role.ADMIN, Role.ML)
def dead_letters(request: PersonRequest) -> HttpResponse:
    dead = Delivery.objects.filter(dead_at__isnull=False).select_related("event")
    letters = dead.order_by("-dead_at")[:_LETTERS]
    return render(
        request, "web/dead_letters.html", {"letters": letters, "waiting": deadletters.waiting()}
    )


@require_POST
@role_required(Role.ADMIN, Role.ML)
def revive(request: PersonRequest, pk: int) -> HttpResponse:
    letter = get_object_or_404(Delivery, pk=pk)
    deadletters.revive(letter, now=timezone.now(), actor=str(request.user))
    return redirect("dead-letters")
