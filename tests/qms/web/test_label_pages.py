"""The labelling desk: its list, an annotator's queue, what is tried again, and the sync page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from qms.events.models import Event
from qms.inspections.models import Inspection
from qms.labels.models import Desk, LabelTask, StudioProject
from qms.labels.templatetags.labels import with_code
from tests import desk, factories


@pytest.fixture(autouse=True)
def connected(settings) -> None:
    settings.STUDIO_TOKEN = "a token"
    settings.STUDIO_PUBLIC_URL = "https://studio.example/"


@pytest.fixture
def unclear(judged) -> Callable[..., Inspection]:
    """A part that the model could not decide, and that nobody has sent anywhere yet."""

    def make(**words: object) -> Inspection:
        inspection = judged(factories.UNCLEAR, **words)
        LabelTask.objects.filter(inspection=inspection).delete()
        return inspection

    return make


def page(client, name: str, *args, query: str = "") -> str:
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def listed(client, query: str) -> list[str]:
    found = client.get(reverse("labels") + query).context["page"].object_list
    return [task.inspection.serial for task in found]


@pytest.fixture
def three(unclear) -> list[LabelTask]:
    """One failed, one open, one corrected by anna."""
    failed = desk.failed(unclear(serial="FAILED-1", seed=1, lot="L1"))
    opened = desk.opened(unclear(serial="OPEN-1", seed=2), reason="DISPUTED", why="ines says OK.")
    done = desk.corrected(
        unclear(serial="DONE-1", seed=3), by="anna@example.com", description="A deep cut."
    )
    return [failed, opened, done.label_task]


# --- the list ---


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["DONE-1", "OPEN-1", "FAILED-1"]),
        ("?order=oldest", ["FAILED-1", "OPEN-1", "DONE-1"]),
        ("?order=urgent&status=OPEN&status=PULLED", ["OPEN-1", "DONE-1"]),
        ("?status=FAILED&status=OPEN", ["OPEN-1", "FAILED-1"]),
        ("?reason=DISPUTED", ["OPEN-1"]),
        ("?product=tile", ["DONE-1", "OPEN-1", "FAILED-1"]),
        ("?product=nothing", []),
        ("?person=anna%40example.com", ["DONE-1"]),
        ("?text=does+not+know", ["FAILED-1"]),
        ("?text=deep+cut", ["DONE-1"]),
        ("?text=l1", ["FAILED-1"]),
        ("?after=2999-01-01T00:00", []),
        ("?before=2999-01-01T00:00&status=PULLED", ["DONE-1"]),
    ],
)
def test_the_list_is_an_address(sign_in, three, query, found):
    assert listed(sign_in("auditor"), query) == found


def test_each_state_is_counted_and_leads_to_its_list(sign_in, three):
    answer = sign_in("manager").get(reverse("labels"))
    assert {name: n for name, n in answer.context["counts"].items() if n} == {
        "failed": 1,
        "open": 1,
        "pulled": 1,
    }
    assert "?status=PULLED" in answer.content.decode()


def test_a_line_leads_into_label_studio_and_tells_why_it_is_there(sign_in, three):
    seen, opened = page(sign_in("lead"), "labels"), three[1]
    link = (
        f"https://studio.example/projects/{opened.project.studio_id}/data?task={opened.studio_id}"
    )
    assert f'href="{link}" target="_blank" rel="noopener"' in seen
    for words in ("ines says OK.", "A person and the model disagree", "does not know the label"):
        assert words in seen


@pytest.mark.parametrize("query", ["?order=up", "?status=WRONG", "?after=yesterday"])
def test_a_filter_that_makes_no_sense_is_told(sign_in, three, query):
    assert "A filter was not understood" in page(sign_in("lead"), "labels", query=query)


def test_an_empty_list_says_the_next_step(sign_in, settings, unclear):
    client = sign_in("lead")
    assert "Nothing was sent to the annotators yet" in page(client, "labels")
    settings.STUDIO_TOKEN = ""
    assert "make labelstudio" in page(client, "labels")
    assert "Nothing matches" in page(client, "labels", query="?text=none")
    desk.wanted(unclear(serial="WAITS"))
    seen = page(client, "labels")
    assert "<strong>1</strong> picture waits here and is sent once there is one" in seen


def test_what_is_wrong_with_the_line_is_told_above_the_list(sign_in, three):
    said = {"error": "It does not answer at all.", "error_at": timezone.now()}
    Desk.objects.update_or_create(pk=1, defaults=said)
    assert "It does not answer at all." in page(sign_in("auditor"), "labels")


def test_a_long_list_costs_as_few_questions_as_a_short_one(
    sign_in, three, django_assert_max_num_queries
):
    first, client = three[1], sign_in("lead")
    copies = [Inspection.objects.get(pk=first.inspection_id) for _ in range(5000)]
    for copy in copies:
        copy.pk = Inspection._meta.pk.get_default()
    Inspection.objects.bulk_create(copies)
    many = [
        LabelTask(
            inspection=one,
            product_id=first.product_id,
            verdict_id=first.verdict_id,
            reason="UNCERTAIN",
            urgency=0.3,
            wanted_at=timezone.now(),
        )
        for one in copies
    ]
    LabelTask.objects.bulk_create(many)
    for query in ("", "?page=90", "?text=a", "?order=urgent"):
        with django_assert_max_num_queries(12):
            assert client.get(reverse("labels") + query).status_code == 200


# --- an annotator's own queue ---


def test_an_annotator_meets_the_most_urgent_picture_first(sign_in, unclear):
    calm = desk.opened(unclear(serial="CALM", seed=1))
    urgent = desk.opened(unclear(serial="URGENT", seed=2), reason="ASKED", why="ines asks")
    answer = sign_in("annotator").get(reverse("labels"))
    assert answer.context["queue"] == [urgent, calm]
    seen = answer.content.decode()
    first = seen.index('data-key="Enter"')
    assert seen.rindex(f"task={urgent.studio_id}", 0, first) > 0
    assert f'task={calm.studio_id}" target="_blank" rel="noopener" data-key="n"' in seen


def test_an_annotator_without_work_is_told_so(sign_in, settings):
    client = sign_in("annotator")
    assert "Nothing waits for you" in page(client, "labels-mine")
    settings.STUDIO_TOKEN = ""
    assert "No labelling desk is connected" in page(client, "labels-mine")


def test_what_came_back_says_how_much_was_changed(sign_in, unclear):
    client = sign_in("annotator", name="anna")
    answers = [desk.answer("Deep?", "no", "yes"), desk.answer("Where?", "left", "left", "q2")]
    desk.corrected(unclear(serial="MINE", seed=1), by="anna", answers=answers)
    desk.corrected(unclear(serial="THEIRS", seed=2), by="otto@example.com")
    desk.skipped(unclear(serial="DARK", seed=3), by="anna")
    seen = page(client, "labels-mine")
    assert "12 s, you changed 2 of 4 answers" in seen
    assert "You skipped it: too dark." in seen
    assert "THEIRS" not in seen


def test_annotators_begin_at_their_queue(db):
    from django.test import Client

    words = {"password": "a long password"}
    for name, roles, place in (
        ("anna", ["annotator"], reverse("labels")),
        ("lea", ["annotator", "lead"], "/"),
    ):
        factories.person(name, *roles)
        answer = Client().post(reverse("sign-in"), {"username": name, **words})
        assert answer["Location"] == place
    answer = Client().post(reverse("sign-in"), {"username": "anna", "next": "/lots/", **words})
    assert answer["Location"] == "/lots/"


# --- trying again ---


def test_one_that_failed_is_tried_again(sign_in, three):
    failed, client = three[0], sign_in("ml")
    client.post(reverse("label-retry", args=[failed.pk]) + "?status=FAILED")
    failed.refresh_from_db()
    assert (failed.status, failed.error) == ("WANTED", "")


def test_all_that_failed_under_the_filters_are_tried_again_and_counted_before(sign_in, unclear):
    for number in range(3):
        desk.failed(unclear(serial=f"A{number}", seed=number, lot="L1" if number else "L2"))
    client = sign_in("lead")
    assert "Try all 3 again" in page(client, "labels")
    assert "Try all 2 again" in page(client, "labels", query="?text=L1")
    answer = client.post(reverse("labels-retry") + "?text=L1", follow=True)
    assert "2 are tried again" in answer.content.decode()
    assert answer.redirect_chain[0][0] == reverse("labels") + "?text=L1"
    assert LabelTask.objects.filter(status="FAILED").count() == 1
    client.post(reverse("labels-retry") + "?order=wrong")
    assert LabelTask.objects.filter(status="FAILED").count() == 1


def test_what_did_not_fail_is_not_tried_again(sign_in, three):
    client, opened = sign_in("admin"), three[1]
    answer = client.post(reverse("label-retry", args=[opened.pk]), follow=True)
    assert "can be sent again" in answer.content.decode()
    opened.refresh_from_db()
    assert opened.status == "OPEN"


# --- the sync page ---


def test_the_sync_page_tells_of_projects_tasks_and_drift(sign_in, three):
    StudioProject.objects.update(
        drift=["The label “dent” is called “Delle” there."],
        model_version="tile 1",
        looked_at=timezone.now(),
    )
    seen = page(sign_in("lead"), "labels-sync")
    assert "The label “dent” is called “Delle” there." in seen
    assert f"/projects/{three[1].project.studio_id}/data" in seen
    assert "does not know the label" in seen
    assert "?product=tile&amp;status=PULLED" in seen


def test_a_label_studio_that_is_slow_holds_up_nothing(sign_in, settings):
    """The page itself asks nobody: the address of the check stands in it, to be asked later."""
    settings.STUDIO_URL = "http://192.0.2.1:9"
    seen = page(sign_in("admin"), "labels-sync")
    assert f'data-load="{reverse("labels-checks")}"' in seen


def test_looking_now_is_asked_for_by_an_event(sign_in):
    sign_in("lead", name="lou").post(reverse("labels-look"))
    event = Event.objects.get(name="StudioRoundDue")
    assert event.actor == "lou"


# --- what a blind check hides ---


@pytest.fixture
def blind(audited) -> LabelTask:
    part = audited(serial="BLIND").inspection
    LabelTask.objects.filter(inspection=part).delete()
    return desk.opened(part, why="Its score is 1.31.")


@pytest.mark.parametrize("query", ["", "?status=OPEN", "?text=blind"])
def test_the_list_tells_nobody_what_a_blind_check_hides(sign_in, blind, query):
    lead, auditor = sign_in("lead"), sign_in("auditor")
    seen = page(lead, "labels", query=query)
    assert "Hidden until the blind check is decided" in seen
    assert f"task={blind.studio_id}" not in seen
    assert "1.31" not in seen
    assert "1.31" in page(auditor, "labels", query=query)


def test_a_picture_that_waits_for_a_blind_check_is_kept_back_and_says_so(sign_in, audited):
    desk.wanted(audited(serial="BLIND").inspection)
    for name in ("labels", "labels-sync"):
        assert "kept back" in page(sign_in("ml"), name)
        assert "kept back" not in page(sign_in("lead"), name)


@pytest.mark.parametrize("query", ["?reason=UNCERTAIN", "?order=urgent", "?text=1.31"])
def test_a_filter_tells_nobody_what_a_blind_check_hides(sign_in, blind, query):
    LabelTask.objects.update(error="1.31")
    assert listed(sign_in("lead"), query) == []
    assert listed(sign_in("auditor"), query) == ["BLIND"]


def test_an_annotator_who_reviews_as_well_is_not_given_a_part_that_they_may_judge_blind(
    sign_in, blind
):
    assert sign_in("annotator", "inspector").get(reverse("labels-mine")).context["queue"] == []
    assert sign_in("annotator").get(reverse("labels-mine")).context["queue"] == [blind]


# --- start page and navigation ---


def test_the_navigation_counts_what_waits_for_an_annotator(sign_in, three):
    seen = page(sign_in("annotator"), "start")
    assert '1<span class="for-readers"> waiting</span>' in seen
    assert reverse("labels") not in page(sign_in("inspector"), "start")


def test_the_start_page_has_a_tile_of_the_desk(sign_in, three):
    assert "Waiting for an annotator" in page(sign_in("manager"), "start-counts")
    assert "Waiting for an annotator" not in page(sign_in("inspector"), "start-counts")


def test_old_tasks_show_their_age(sign_in, three):
    desk.aged(three, timedelta(days=3))
    assert "3 days" in page(sign_in("lead"), "labels")


def test_a_command_in_what_is_to_be_done_is_set_apart_and_nothing_else_is():
    assert (
        with_code("Start it (`make labelstudio`).") == "Start it (<code>make labelstudio</code>)."
    )
    assert with_code("<b>`{0}") == "&lt;b&gt;<code>{0}</code>"
