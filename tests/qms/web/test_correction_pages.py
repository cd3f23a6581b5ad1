"""What annotators corrected, on the page of the part."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image

from labeling.words import Origin
from qms.inspections.models import Finding, Inspection
from qms.labels.models import Annotation, LabelTask
from tests import desk, factories


@pytest.fixture(autouse=True)
def connected(settings) -> None:
    settings.STUDIO_TOKEN = "a token"


@pytest.fixture
def part(judged) -> Inspection:
    """A part with one finding, which nobody has sent to the annotators."""
    inspection = judged(factories.DEFECT, serial="SN-1")
    LabelTask.objects.filter(inspection=inspection).delete()
    return inspection


@pytest.fixture
def finding(part) -> Finding:
    return Finding.objects.get(verdict__inspection=part)


def page(client, inspection, query: str = "") -> str:
    answer = client.get(reverse("inspection", args=[inspection.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def png(client, annotation: Annotation, which: str) -> np.ndarray:
    answer = client.get(reverse("annotation-picture", args=[annotation.pk, which]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    return np.asarray(Image.open(io.BytesIO(answer.content)))


# --- sending ---


def test_a_part_is_sent_to_the_annotators_from_its_page(sign_in, part):
    client = sign_in("lead", name="lou")
    send = reverse("label-send", args=[part.pk])
    assert send in page(client, part)
    client.post(send)
    task = LabelTask.objects.get(inspection=part)
    assert (task.reason, task.why) == ("BY_HAND", ["lou chose it by hand."])
    seen = page(client, part)
    assert send not in seen
    assert "To be sent" in seen


def test_only_those_who_may_are_offered_to_send(sign_in, part):
    send = reverse("label-send", args=[part.pk])
    assert send not in page(sign_in("auditor"), part)
    assert sign_in("annotator").post(send).status_code == 403


def test_a_part_that_is_yet_to_be_judged_blind_is_not_sent(sign_in, audited):
    part = audited().inspection
    LabelTask.objects.filter(inspection=part).delete()
    answer = sign_in("lead").post(reverse("label-send", args=[part.pk]), follow=True)
    assert "blind check" in answer.content.decode()
    assert not LabelTask.objects.filter(inspection=part).exists()


# --- what came back ---


@pytest.fixture
def corrected(part, finding) -> Annotation:
    """The finding was given another type, a region was drawn, text and an answer were mended."""
    old = desk.left(finding, label="scratch", severity="CRITICAL", note="runs to the edge", origin=Origin.CHANGED)  # fmt: skip
    return desk.corrected(
        part,
        by="anna@example.com",
        description="A deep cut.",
        description_origin=Origin.CHANGED,
        regions=[old, desk.drawn(desk.box(part, 2, 3, 10, 5))],
        answers=[
            desk.answer("Where is it?", "on the left", "on the right"),
            desk.answer("How deep?", "2 mm", slot="q2"),
        ],
        added=[("Is it new?", "no")],
    )


def test_the_page_tells_what_a_person_changed(sign_in, part, corrected):
    seen = page(sign_in("auditor"), part)
    for words in (
        "anna@example.com",
        "12 s",
        "Changed 4 of 4 answers, changed 1 of 1 region, drew 1 region, asked 1 question.",
        "runs to the edge",
        '<del><span class="for-readers">taken out: </span>right</del>',
        '<ins><span class="for-readers">put in: </span>left</ins>',
        "Is it new?",
        "Own question",
        "Scratch",
        "Critical",
        "★★★★☆",
    ):
        assert words in seen, words
    assert "Corrections are stored" in seen  # the timeline


def test_a_finding_that_was_deleted_is_told(sign_in, part, finding):
    desk.corrected(part, regions=[], deleted=["f1"], evaluation="OK")
    seen = page(sign_in("ml"), part)
    assert "deleted 1 region" in seen
    assert f'data-show="{finding.number}" aria-label="Show the deleted finding' in seen


def test_several_annotations_are_versions_of_which_one_is_shown(sign_in, part):
    first = desk.corrected(part, by="anna", description="The first.")
    second = desk.corrected(part, by="otto", description="The second.")
    desk.skipped(part, by="maria")
    client = sign_in("lead")
    seen = page(client, part)
    assert "second" in seen
    assert f"?version={first.pk}" in seen
    assert "maria skipped it: too dark" in seen
    earlier = page(client, part, f"?version={first.pk}")
    assert f'data-href="{reverse("annotation-picture", args=[first.pk, "regions"])}"' in earlier
    assert f"?version={second.pk}" in earlier


@pytest.mark.parametrize("query", ["?version=x", "?version=99999999999999999999", "?version="])
def test_a_version_that_is_not_there_shows_the_latest(sign_in, part, corrected, query):
    assert "runs to the edge" in page(sign_in("lead"), part, query)


def test_what_people_wrote_is_shown_as_text(sign_in, part, finding):
    bad = "<script>alert(1)</script>"
    desk.corrected(
        part,
        by=bad,
        description=bad,
        regions=[desk.left(finding, note=bad)],
        answers=[desk.answer(bad, bad, "fine")],
        added=[(bad, bad)],
    )
    desk.skipped(part, reason=bad, by=bad)
    client = sign_in("lead", "annotator")
    for seen in (
        page(client, part),
        client.get(reverse("labels")).content.decode(),
        client.get(reverse("labels-mine")).content.decode(),
        client.get(reverse("labels-sync")).content.decode(),
    ):
        assert bad not in seen
    assert "&lt;script&gt;" in page(client, part)


def test_a_person_sees_the_pixels_that_differ(sign_in, part, finding, corrected):
    client = sign_in("auditor")
    mine = desk.box(part, 2, 3, 10, 5)
    model = desk.left(finding).mask
    both = {which: png(client, corrected, which) > 0 for which in ("kept", "new", "gone")}
    assert (both["kept"] == model).all()
    assert (both["new"] == (mine & ~model)).all()
    assert not both["gone"].any()
    drawn = png(client, corrected, "regions")
    assert ((drawn[..., 3] > 0) == (mine | model)).all()
    assert drawn[3, 2, 3] == 255  # the edge
    assert 0 < drawn[5, 5, 3] < 255


def test_there_is_no_other_picture_of_an_annotation(sign_in, corrected):
    client = sign_in("lead")
    address = reverse("annotation-picture", args=[corrected.pk, "others"])
    assert client.get(address).status_code == 404


def test_an_annotation_without_any_region_has_an_empty_picture(sign_in, part):
    empty = desk.corrected(part, regions=[], deleted=["f1"])
    client = sign_in("ml")
    assert not png(client, empty, "regions").any()
    assert png(client, empty, "gone").any()


# --- what a blind check hides ---


def test_a_blind_check_hides_what_annotators_said(sign_in, audited):
    part = audited(serial="BLIND").inspection
    LabelTask.objects.filter(inspection=part).delete()
    annotation = desk.corrected(part, by="anna@example.com")
    lead, auditor = sign_in("lead"), sign_in("auditor")
    assert "anna@example.com" not in page(lead, part)
    assert "anna@example.com" in page(auditor, part)
    for which in ("regions", "kept"):
        address = reverse("annotation-picture", args=[annotation.pk, which])
        assert lead.get(address).status_code == 403
        assert auditor.get(address).status_code == 200
    assert "anna" not in lead.get(reverse("labels-sync")).content.decode()


def test_the_page_of_a_part_asks_a_fixed_number_of_questions(
    sign_in, part, corrected: Annotation, django_assert_max_num_queries: Callable
):
    client = sign_in("lead")
    for number in range(4):
        desk.corrected(part, by=f"person{number}")
    with django_assert_max_num_queries(26):
        page(client, part)
