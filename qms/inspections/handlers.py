"""InspectionSubmitted -> read the picture, judge it, record the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import structlog
from django.utils import timezone

from qms import storage
from qms.events import catalogue
from qms.events.deadletters import Hopeless
from qms.inspections import actions, judge
from qms.inspections.models import Inspection, Verdict
from qms.lifecycle import Refused
from qms.plant.models import Product, Station
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion

log = structlog.get_logger(__name__)

Rules = tuple[ModelVersion, Recipe | None]

# Pictures whose files are read or written together: while one waits for the disk, another one is
# at work. Nothing in these threads touches the database.
TOGETHER = 4


@dataclass(frozen=True)
class Sight:
    """A picture before the eyes of the model that is to judge it."""

    inspection: Inspection
    version: ModelVersion
    recipe: Recipe | None
    picture: judge.Picture


@dataclass(frozen=True)
class Seen:
    """What the model said, its heat map already on stable storage."""

    sight: Sight
    judgement: judge.Judgement
    heatmap_key: str


def read_pictures(
    facts: Sequence[catalogue.InspectionSubmitted],
) -> list[Sight | Exception]:
    """Read and decode, ahead of the model; write the upright file that people will look at."""
    ids = [fact.inspection_id for fact in facts]
    rows = Inspection.objects.select_related("product", "station").in_bulk(ids)
    places = {_place(row): (row.product, row.station) for row in rows.values()}
    rules = {place: _rules(*of) for place, of in places.items()}
    sights = judge.in_threads(lambda pk: _sight(rows[pk], rules[_place(rows[pk])]), ids, TOGETHER)
    return list(sights)


def _place(inspection: Inspection) -> tuple[int, int | None]:
    return inspection.product_id, inspection.station_id


def _rules(product: Product, station: Station | None) -> Rules | Refused:
    """Who judges this product, by which recipe of this station."""
    try:
        return ModelVersion.active_for(product), Recipe.current_for(product, station)
    except Refused as refusal:
        return refusal


def _sight(inspection: Inspection, rules: Rules | Refused) -> Sight | Exception:
    if isinstance(rules, Refused):
        return rules
    try:
        stored = storage.read(inspection.picture_key)
        picture = judge.decode(stored)
        upright, _ = judge.encode_upright(picture, stored)
        if upright != stored:  # else the file that was sent is fit to be shown
            storage.keep(inspection.upright_key, upright)
    except judge.BadPicture as error:  # no further look makes it a better one
        return Hopeless(str(error))
    except Exception as error:  # this picture's own trouble: the others go on
        return error
    return Sight(inspection, *rules, picture)


def judge_pictures(sights: Sequence[Sight]) -> list[Seen | Exception]:
    """The model's turn: one pass for each model and recipe among the batch."""
    seen: dict[int, Seen] = {}
    order = sorted(range(len(sights)), key=lambda i: _together(sights[i]))
    for _, group in groupby(order, key=lambda i: _together(sights[i])):
        places = list(group)
        seen.update(zip(places, _judge([sights[i] for i in places]), strict=True))
    return [seen[i] for i in range(len(sights))]


def _together(sight: Sight) -> tuple[int, int]:
    return sight.version.pk, sight.recipe.pk if sight.recipe else 0


def _judge(sights: Sequence[Sight]) -> list[Seen]:
    pictures, version, recipe = [s.picture for s in sights], sights[0].version, sights[0].recipe
    judgements = judge.judge_many(
        pictures,
        by=version,
        mm_per_px=recipe.mm_per_px if recipe else None,
        limits=recipe.thresholds_for(version.sha256) if recipe else None,
    )
    pairs = zip(sights, judgements, strict=True)
    return list(judge.in_threads(lambda pair: _seen(*pair), pairs, TOGETHER))


def _seen(sight: Sight, judgement: judge.Judgement) -> Seen:
    verdict = Verdict.key_of(sight.inspection.pk, sight.version.pk)
    key = f"{sight.inspection.picture_key.rsplit('.', 1)[0]}.{verdict}.heat.png"
    storage.keep(key, judge.heatmap_png(judgement))
    return Seen(sight, judgement, key)


def judge_inspection(event: catalogue.InspectionSubmitted, seen: Seen) -> None:
    actions.record_verdict(
        seen.sight.inspection,
        seen.judgement,
        by=seen.sight.version,
        recipe=seen.sight.recipe,
        heatmap_key=seen.heatmap_key,
        now=timezone.now(),
    )


def note_failure(event: catalogue.DeliveryDied) -> None:
    """The inspection whose judging died says so on its own page."""
    if event.name == catalogue.InspectionSubmitted.__name__:
        inspection = Inspection.objects.get(pk=event.payload["inspection_id"])
        actions.fail(inspection, error=event.error, now=timezone.now())


def drop_orphans(event: catalogue.HourStruck) -> None:
    """Pictures that were stored but whose submission never committed; a day old, so none is late."""
    dropped = actions.drop_orphans(day=timezone.now() - timedelta(days=2))
    if dropped:
        log.info("orphans dropped", files=dropped)
