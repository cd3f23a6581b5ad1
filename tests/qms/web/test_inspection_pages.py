"""The list with its facets, and the page of one inspection."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from qms.inspections import views
from qms.plant import actions as plant
from qms.review import actions as reviews
from tests import factories


@pytest.fixture
def three(judged):
    """One good, one bad, one unclear part."""
    cam = plant.ensure_station("cam-7")
    good = judged(factories.NORMAL, serial="GOOD", lot="L1", station=cam)
    bad = judged(factories.DEFECT, serial="BAD", lot="L1", seed=1)
    unclear = judged(factories.UNCLEAR, serial="UNCLEAR", lot="L2", seed=2)
    return good, bad, unclear


def _serials(answer):
    return {row.serial for row in answer.context["page"].rows}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"GOOD", "BAD", "UNCLEAR"}),
        ("evaluation=OK", {"GOOD"}),
        ("evaluation=OK&evaluation=NOT_OK", {"GOOD", "BAD"}),
        ("lot=L1", {"GOOD", "BAD"}),
        ("serial=BAD", {"BAD"}),
        ("station=cam-7", {"GOOD"}),
        ("product=tile&lot=L2", {"UNCLEAR"}),
        ("status=SETTLED", {"GOOD"}),
        ("after=2999-01-01T00:00", set()),
        ("before=2999-01-01T00:00", {"GOOD", "BAD", "UNCLEAR"}),
    ],
)
def test_facets_choose(sign_in, three, query, expected):
    answer = sign_in("manager").get(f"{reverse('inspections')}?{query}")
    assert _serials(answer) == expected
    assert answer.context["count"] == len(expected)


def test_a_score_range_chooses(sign_in, three):
    scores = sorted(row.score for row in three)
    answer = sign_in("manager").get(reverse("inspections"), {"score_min": scores[1]})
    assert len(_serials(answer)) == 2


def test_a_defect_type_chooses_what_a_person_named(sign_in, flagged, three):
    review, ines = flagged(serial="DENTED", seed=5), factories.person("ines")
    kind = review.inspection.product.defect_types.get(code="dent")
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(review, decision="NOT_OK", defect_type=kind, by=ines, now=timezone.now())
    answer = sign_in("manager").get(reverse("inspections"), {"defect_type": "dent"})
    assert _serials(answer) == {"DENTED"}


def test_a_filter_that_is_not_understood_is_said_and_lists_nothing(sign_in, three):
    answer = sign_in("manager").get(reverse("inspections"), {"product": "no-such"})
    assert _serials(answer) == set()
    assert "field-error" in answer.content.decode()


def test_the_export_has_exactly_what_the_list_shows(sign_in, three):
    client = sign_in("manager")
    for query in ("", "evaluation=NOT_OK", "lot=L1&evaluation=OK"):
        listed = _serials(client.get(f"{reverse('inspections')}?{query}"))
        answer = client.get(f"{reverse('inspections-csv')}?{query}")
        lines = csv.DictReader(io.StringIO(answer.getvalue().decode()))
        assert {line["serial"] for line in lines} == listed
        assert f"{timezone.localtime():%Y-%m-%d}" in answer["Content-Disposition"]


def test_the_export_button_carries_the_filters(sign_in, three):
    page = sign_in("manager").get(f"{reverse('inspections')}?lot=L1").content.decode()
    assert f"{reverse('inspections-csv')}?lot=L1" in page
    assert (
        reverse("inspections-csv") not in sign_in("inspector").get("/inspections/").content.decode()
    )


def test_a_wrong_filter_exports_nothing(sign_in, three):
    answer = sign_in("manager").get(reverse("inspections-csv"), {"product": "no-such"})
    assert answer.status_code == 302


def test_pages_meet_without_a_gap_or_a_twin(sign_in, db):
    total = views.PAGE + 3
    for number in range(total):
        factories.submission(serial=f"S{number}", seed=number)
    client = sign_in("manager")
    first = client.get(reverse("inspections")).context["page"]
    assert (len(first.rows), first.newer, first.older) == (views.PAGE, False, True)
    second = client.get(reverse("inspections"), {"before_id": first.rows[-1].pk}).context["page"]
    assert (len(second.rows), second.newer, second.older) == (3, True, False)
    back = client.get(reverse("inspections"), {"after_id": second.rows[0].pk}).context["page"]
    assert [row.pk for row in back.rows] == [row.pk for row in first.rows]
    assert not back.newer


def test_a_page_mark_that_is_no_key_is_ignored(sign_in, three):
    assert len(_serials(sign_in("ml").get("/inspections/", {"before_id": "x"}))) == 3


def test_the_list_needs_a_fixed_number_of_queries(sign_in, three, django_assert_max_num_queries):
    client = sign_in("manager")
    with django_assert_max_num_queries(12):
        client.get(reverse("inspections"))


# --- one inspection ---


def _detail(client, inspection):
    return client.get(reverse("inspection", args=[inspection.pk])).content.decode()


def test_it_shows_the_verdict_the_findings_and_the_life(sign_in, three):
    page = _detail(sign_in("manager"), three[1])
    for words in ("Not OK", "OK below", "data-finding=", "Picture received", "Sent to a person"):
        assert words in page


def test_the_person_and_the_model_stand_beside_each_other(sign_in, flagged):
    review = flagged(serial="S1")
    ines = factories.person("ines")
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(review, decision="OK", by=ines, now=timezone.now(), note="only dust")
    page = _detail(sign_in("manager"), review.inspection)
    assert "badge-not-ok" in page
    assert "badge-ok" in page
    assert "False call" in page
    assert "only dust" in page


def test_a_waiting_picture_watches_for_its_verdict(sign_in, db):
    page = _detail(sign_in("manager"), factories.submission())
    assert "Waiting for a verdict" in page
    assert "data-watch" in page


def test_a_failed_picture_says_why_and_what_to_do(sign_in, dead_letter):
    inspection_id = dead_letter.event.subject
    for role, words in (("admin", reverse("dead-letters")), ("manager", "An administrator")):
        page = sign_in(role).get(reverse("inspection", args=[inspection_id])).content.decode()
        assert "OSError: gone" in page
        assert words in page


def test_an_unknown_inspection_is_not_found(sign_in):
    address = reverse("inspection", args=["0192f0a0-0000-7000-8000-000000000000"])
    answer = sign_in("manager").get(address)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


# --- blind checks ---


def test_the_model_is_hidden_from_those_who_may_judge_a_blind_check(sign_in, audited):
    inspection = audited(serial="S1").inspection
    hidden = _detail(sign_in("inspector"), inspection)
    assert "Blind check" in hidden
    for words in ("score-words", "badge-ok", "data-layer", inspection.verdicts.get().description):
        assert words not in hidden
    assert "score-words" in _detail(sign_in("auditor"), inspection)


def test_the_list_hides_a_blind_check_too(sign_in, audited):
    audited(serial="S1")
    assert "score-bar" not in sign_in("lead").get("/inspections/").content.decode()
    assert "score-bar" in sign_in("manager").get("/inspections/").content.decode()


def test_a_decided_audit_is_open_to_all(sign_in, audited):
    review, ines = audited(serial="S1"), factories.person("ines")
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(review, decision="OK", by=ines, now=timezone.now() + timedelta(seconds=4))
    assert "score-words" in _detail(sign_in("inspector"), review.inspection)
