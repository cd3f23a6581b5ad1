"""The pages around the station: the queue, one's own decisions, one's own keys."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from qms.accounts.http import PersonRequest
from qms.accounts.models import User
from qms.accounts.roles import REVIEWERS, Role, has_role, role_required
from qms.inspections.models import Evaluation
from qms.plant.models import Product, Station
from qms.review import actions, keys, station
from qms.review.filters import HistoryFilter, QueueFilter
from qms.review.models import Reason, Review, Status
from qms.review.views import midnight

_SHOWN = 50
_PAGE = 50


@require_GET
@role_required(*REVIEWERS)
def queue(request: PersonRequest) -> HttpResponse:
    now = timezone.now()
    claimed = station.listed(Review.objects.filter(status=Status.CLAIMED))
    claimed = claimed.order_by("claimed_at", "pk")
    facets = QueueFilter(request.GET, station.waiting_for(request.user))
    others = claimed.exclude(reviewer=request.user)
    context = {
        "mine": list(claimed.filter(reviewer=request.user)),
        "open": list(facets.qs[:_SHOWN]) if facets.is_valid() else [],
        "others": list(others[:_SHOWN]),
        "pace": station.pace_of(request.user, now=now, since=midnight(now)),
        "products": Product.objects.all(),
        "stations": Station.objects.all(),
        "reasons": [r for r in Reason.choices if r[0] in _SHOWN_REASONS],
        "any_filter": any(request.GET.get(name) for name in facets.filters),
        "shown": _SHOWN,
        "keys": keys.keys_of(request.user),
        "now": now,
    }
    return render(request, "review/queue.html", context)


_SHOWN_REASONS = (
    *(Reason.CRITICAL, Reason.CONTRADICTION, Reason.NEW_DEFECT, Reason.NOT_DECIDABLE),
    *(Reason.NOT_OK, Reason.UNSURE, Reason.ASKED),
)


@require_GET
@role_required(*REVIEWERS)
def history(request: PersonRequest) -> HttpResponse:
    """One's own decisions; a lead may read those of others."""
    person = _whose(request)
    facets = HistoryFilter(
        request.GET, station.decided_by(person).prefetch_related("inspection__reviews")
    )
    pages = Paginator(facets.qs if facets.is_valid() else Review.objects.none(), _PAGE)
    now = timezone.now()
    context = {
        "page": pages.get_page(request.GET.get("page")),
        "whose": person,
        "people": _colleagues() if has_role(request.user, Role.LEAD) else [],
        "decisions": [e for e in Evaluation.choices if e[0] != Evaluation.UNDEFINED],
        "undo_from": now - actions.UNDO_LASTS,
        "now": now,
    }
    return render(request, "review/history.html", context)


def _whose(request: PersonRequest) -> User:
    wanted = request.GET.get("who", "")
    if not wanted or not has_role(request.user, Role.LEAD):
        return request.user
    return User.objects.filter(username=wanted).first() or request.user


def _colleagues() -> QuerySet[User]:
    return User.objects.filter(groups__name__in=REVIEWERS).distinct().order_by("username")


@require_http_methods(["GET", "POST"])
@role_required(*REVIEWERS)
def own_keys(request: PersonRequest) -> HttpResponse:
    """The keys of the station, to be read and changed."""
    if request.method == "POST":
        wanted = {} if "reset" in request.POST else request.POST.dict()
        keys.change(request.user, {name: str(key) for name, key in wanted.items()})
        messages.success(request, "Your keys are kept: they hold from now on, on every screen.")
        return redirect("review-keys")
    mine = keys.keys_of(request.user)
    rows = [(name, key, mine[name]) for name, key in keys.KEYS.items()]
    return render(request, "review/keys.html", {"rows": rows})
