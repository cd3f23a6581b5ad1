"""The scores of a period: which count, for how many parts, and what is left out."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone

from qms.inspections.models import Verdict
from qms.plant import actions as plant
from qms.registry import actions as registry
from qms.reports.periods import Period
from qms.reports.scores import scores_of
from qms.reports.whatif import consequences
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories
from tests.production import decide_all, is_bad, run

TODAY = Period(timezone.localdate() - timedelta(days=1), timezone.localdate() + timedelta(days=1))


def scores(station=None, period=TODAY, model=None):
    tile = factories.product()
    return scores_of(tile, model or tile.models.get(status="ACTIVE"), station, period)


@pytest.fixture
def reviewed(db, deliver_all):
    run(deliver_all, 30, audit_share=0.5)
    decide_all(factories.person())


def test_a_routed_part_counts_once_and_an_audited_one_by_its_chance(reviewed):
    found = scores()
    audits = Review.objects.filter(kind="AUDIT")
    assert audits
    weights = sorted(part.weight for part in found.production.looked)
    expected = [1 / review.probability for review in audits]
    routed = Review.objects.filter(kind="VERIFY").count()
    assert weights == pytest.approx(sorted([*expected, *[1.0] * routed]))
    bad = sum(is_bad(review) for review in Review.objects.all())
    assert sum(part.bad for part in found.production.looked) == bad
    assert (found.other_models, found.unclear, found.waiting) == (0, 0, 0)


def test_an_audit_of_the_first_release_counts_by_the_share_of_its_recipe(db, deliver_all):
    run(deliver_all, 30, audit_share=0.5)
    decide_all(factories.person())
    Review.objects.update(probability=None, stratum="")  # as 0.1.0 kept them
    with connection.cursor() as cursor:
        cursor.execute(import_module("qms.review.migrations.0004_known_looks").FILL)
    audits = Review.objects.filter(kind="AUDIT")
    assert {audit.probability for audit in audits} == {0.5}
    assert sum(part.weight == 2 for part in scores().production.looked) == len(audits) > 0


def test_at_the_present_thresholds_the_counts_are_what_the_model_said(reviewed):
    found = scores()
    said = {word: Verdict.objects.filter(evaluation=word).count() for word in ("OK", "NOT_OK")}
    ok, not_ok = found.present
    verdict = Verdict.objects.first()
    assert (ok, not_ok) == (verdict.threshold_ok, verdict.threshold_not_ok)
    each = consequences(found.production, ok=ok, not_ok=not_ok)
    assert each.accepted * found.production.shifts == pytest.approx(said["OK"])
    assert each.rejected * found.production.shifts == pytest.approx(said["NOT_OK"])
    assert sum(part.parts for part in found.production.judged) == found.parts == 30


def test_the_answer_that_holds_is_the_truth(reviewed):
    before = sum(part.bad for part in scores().production.looked)
    look = Review.objects.filter(kind="VERIFY", decision="NOT_OK").first()
    mara = factories.person("mara", "mrb")
    reviews.rule(look.verdict, decision="OK", by=mara, now=timezone.now(), note="within the plan")
    assert sum(part.bad for part in scores().production.looked) == before - 1


def test_an_answer_that_says_neither_is_left_out_and_counted(db, deliver_all):
    run(deliver_all, 20, audit_share=1.0, route_unsure=False)
    ines, now = factories.person(), timezone.now()
    look = reviews.take_next(by=ines, now=now)
    reviews.decide(look, decision="NOT_DECIDABLE", by=ines, now=now)
    found = scores()
    assert (len(found.production.looked), found.unclear, found.waiting) == (0, 1, 19)


def test_looks_at_what_another_model_judged_are_left_out_and_counted(reviewed):
    looked = len(scores().production.looked)
    newer = factories.model(factories.product())
    found = scores(model=newer)
    assert (found.parts, len(found.production.looked), found.other_models) == (0, 0, looked)
    assert found.present is None


def test_only_the_days_that_are_asked_for_count(reviewed):
    long_ago = timezone.localdate() - timedelta(days=90)
    assert scores(period=Period(long_ago, long_ago)).parts == 0


def test_a_station_with_a_recipe_of_its_own_stands_apart(db, deliver_all):
    tile, north, south = factories.product(), *map(plant.ensure_station, ("north", "south"))
    for station in (north, south, None):
        factories.submission(tile, factories.DEFECT, station=station)
    deliver_all()
    decide_all(factories.person())
    assert (scores().parts, scores(north).parts) == (3, 1)
    plant.publish_recipe(tile, by=None, now=timezone.now(), reason="its own", station=north)
    found = scores()
    assert (found.parts, len(found.production.looked), found.stations_apart) == (2, 2, [north])
    assert scores(north).parts == 1


def test_a_shift_in_which_nothing_was_judged_is_none(db, deliver_all):
    now = timezone.now()
    for hours in (0, 24, 24 * 5):
        factories.submission(now=now - timedelta(hours=hours))
    deliver_all()
    week = Period(TODAY.first - timedelta(days=7), TODAY.last)
    assert scores(period=week).production.shifts == 3


def test_published_thresholds_are_the_present_ones_only_for_their_model(reviewed):
    tile = factories.product()
    sha256 = tile.models.get().sha256
    own = scores().present
    rules = {"threshold_ok": 0.2, "threshold_not_ok": 0.3, "threshold_artefact": sha256}
    plant.publish_recipe(tile, by=None, now=timezone.now(), reason="looser", **rules)
    assert scores().present == (0.2, 0.3)
    plant.publish_recipe(
        tile, by=None, now=timezone.now(), reason="x", **{**rules, "threshold_artefact": "f" * 64}
    )
    assert scores().present == own


def test_a_critical_defect_is_seen_whatever_the_thresholds_are(db, deliver_all):
    factories.submission(brightness=factories.DEFECT)
    deliver_all()
    Review.objects.update(reason="CRITICAL")  # the stub names no types
    decide_all(factories.person())
    (part,) = scores().production.looked
    assert part.always
    assert [some.always for some in scores().production.judged] == [True]


def test_a_page_of_many_parts_takes_few_questions(reviewed, django_assert_max_num_queries):
    with django_assert_max_num_queries(17):
        scores()


def test_a_model_that_was_promoted_again_keeps_its_scores(reviewed):
    tile = factories.product()
    first = tile.models.get()
    factories.model(tile)
    first.refresh_from_db()
    registry.promote(first, by=None, now=timezone.now())
    assert scores().parts == 30
