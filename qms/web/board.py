"""The line board: its page, its wall, its tiles for those who ask, and the door of the stream."""

from dataclasses import dataclass
from datetime import datetime

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET

from qms.accounts.http import PersonRequest
from qms.accounts.models import User
from qms.accounts.roles import EVERYONE, REVIEWERS, has_role, role_required
from qms.plant.models import Line
from qms.reports import line
from qms.reports.tiles import Tile, tiles_of


@dataclass(frozen=True)
class Looker:
    """As whom somebody looks at the board, and at which part of it."""

    reviewer: bool
    site: str = ""
    line: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Looker":
        facets = {name: request.GET.get(name, "") for name in ("site", "line")}
        return cls(reviewer=has_role(request.user, *REVIEWERS), **facets)

    def sees(self, tile: Tile) -> bool:
        return tile.lies_in(self.site, self.line)


def drawn(tile: Tile, *, now: datetime) -> str:
    """One tile as HTML; the same for everybody who sees it."""
    return render_to_string("web/tile.html", {"tile": tile, "now": now})


@require_GET
@role_required(*EVERYONE)
def board(request: PersonRequest) -> HttpResponse:
    """For a desk; ``?wall=1`` for the screen above the line."""
    wall = bool(request.GET.get("wall"))
    context = {
        **_tiles(request),
        **_lines(request.GET.get("site", "")),
        "usual_theme": "dark" if wall else "",
    }
    return render(request, "web/wall.html" if wall else "web/board.html", context)


@require_GET
@role_required(*EVERYONE)
def tiles(request: PersonRequest) -> HttpResponse:
    """All tiles, for a browser that cannot listen to the stream."""
    response = render(request, "web/tiles.html", _tiles(request))
    response["Cache-Control"] = "no-store"
    return response


@require_GET
@role_required(*EVERYONE)
def door(request: PersonRequest) -> HttpResponse:
    """Who may listen to the stream, and under which headers; ``live.py`` then goes on with it.

    A server that knows no coroutines ends here: the browser asks for the tiles instead.
    """
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=204)  # to an EventSource: do not try again
    response = HttpResponse(content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would hold each push back
    return response


def person_of(request: HttpRequest) -> User | None:
    """The person whose session it is, if that is still so and they still have a role."""
    person = request.user
    return person if isinstance(person, User) and has_role(person, *EVERYONE) else None


def _tiles(request: PersonRequest) -> dict[str, object]:
    now, looker = timezone.now(), Looker.of(request)
    every = tiles_of(line.read(now=now), now=now, reviewer=looker.reviewer)
    return {
        "tiles": [one for one in every if looker.sees(one)],
        "any_station": bool(every),
        "looker": looker,
        "now": now,
    }


def _lines(site: str) -> dict[str, list[str]]:
    """What can be chosen: the lines of the chosen site, or of all."""
    rows = list(Line.objects.values_list("site__code", "code").order_by("site__code", "code"))
    lines = [code for of, code in rows if site in ("", of)]
    return {
        "sites": list(dict.fromkeys(of for of, _ in rows)),
        "lines": list(dict.fromkeys(lines)),
    }
