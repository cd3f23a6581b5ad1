"""The whole loop with a real Label Studio: what the model says, what a person makes of it, and back."""

import io
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, expect

from inference.judgement import Answer, Candidate, Region
from labeling.words import Mask
from qms import labelstudio, storage
from qms.accounts.models import User
from qms.inspections import actions as inspections
from qms.inspections import judge
from qms.inspections.models import Finding, Inspection
from qms.labels.models import Annotation, LabelledRegion, LabelTask, Origin, Ring
from qms.plant import questions
from qms.plant.models import Product
from qms.registry.models import ModelVersion
from tests import factories
from tests.browser.editor import WINDOW, Editor
from tests.studio import StudioServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTH, HEIGHT = 640, 480
KINDS = ("scratch", "burr", "crack")  # of the three findings
SPOTS = ((80, 60, 120, 80), (300, 200, 90, 140), (460, 60, 100, 60))  # x, y, width, height
STROKE = ((130, 100), (60, 150))  # from within the first finding to outside of it
DENT = ((200, 400), (260, 420), (300, 400))
DENT_KEY = "3"  # of burr, crack, dent and scratch
BLURRED, UNKNOWN = "The picture is blurred, dark or cut off", "I do not know this part"
ASKED, ANSWERED, BETTER = "Where does it lie?", "in the middle", "in the left half"


@pytest.fixture(autouse=True)
def connected(settings, live_server, real_desk: StudioServer) -> None:
    """Label Studio rings at the very server that the browser sees."""
    settings.PUBLIC_URL = live_server.url


@pytest.fixture
def product(roles: None) -> Product:
    """Of its own, for Label Studio keeps the projects of former tests."""
    tile = factories.product(f"tile-{uuid4().hex[:8]}", *KINDS, "dent")
    asked = [questions.Question(slot="where", text=ASKED, choices=[])]
    questions.publish(tile, asked, by=None, now=timezone.now())
    return tile


@pytest.fixture
def sent(product: Product, deliver_all: Callable[[], int]) -> Callable[[], LabelTask]:
    """Three grey spots of which the model is not sure lie before the annotators."""

    def made() -> LabelTask:
        inspection = factories.submission(product, data=_picture())
        _judge(inspection)
        deliver_all()
        task = LabelTask.objects.get(inspection=inspection)
        assert task.status == "OPEN", task.error
        return task

    return made


def _picture() -> bytes:
    noise = np.random.default_rng(7).integers(0, 3, (HEIGHT, WIDTH, 3))
    pixels = np.full((HEIGHT, WIDTH, 3), factories.NORMAL) + noise
    for x, y, width, height in SPOTS:
        pixels[y : y + height, x : x + width] += factories.UNCLEAR - factories.NORMAL
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _judge(inspection: Inspection) -> None:
    """As a model that names what it sees and answers: the stub does neither."""
    by = ModelVersion.active_for(inspection.product)
    (seen,) = judge.judge_many([judge.decode(_picture())], by=by, mm_per_px=None)
    said = replace(
        seen,
        regions=[_named(*pair) for pair in zip(seen.regions, KINDS, strict=True)],
        answers=[Answer(question=ASKED, answer=ANSWERED)],
    )
    heat = inspection.picture_key.replace(".png", ".heat.png")
    storage.keep(heat, judge.heatmap_png(seen))
    now = timezone.now()
    inspections.record_verdict(inspection, said, by=by, recipe=None, heatmap_key=heat, now=now)


def _named(region: Region, code: str) -> Region:
    return replace(region, candidates=[Candidate(code=code, probability=0.8)])


def _opened(page: Page, task: LabelTask, there: StudioServer) -> Editor:
    """By the link on the inspection's page, through the sign-in of Label Studio."""
    page.goto(f"/inspections/{task.inspection_id}/")
    with page.expect_popup() as tab:
        page.get_by_role("link", name="Open in Label Studio").click()
    tab.value.set_viewport_size(WINDOW)
    tab.value.set_default_timeout(60_000)  # it is a cold server, on two busy cores
    editor = Editor(tab.value, there.url)
    editor.arrive(labelstudio.PERSON, there.desk.password)
    return editor


def _masks(task: LabelTask) -> dict[str, Mask]:
    rows = Finding.objects.filter(verdict=task.verdict).order_by("number")
    return {f"f{row.number}": judge.mask_of(row.counts, (HEIGHT, WIDTH)) for row in rows}


def _mask(region: LabelledRegion) -> Mask:
    return judge.mask_of(region.counts, (HEIGHT, WIDTH))


def _iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


# --- corrected ---


def test_what_a_person_corrects_in_the_editor_comes_back_whole(
    page: Page, sign_in, sent, real_desk, deliver_all
):
    task, person = sent(), sign_in("lea", "lead")
    User.objects.filter(pk=person.pk).update(email=labelstudio.PERSON)
    findings = _masks(task)
    assert list(findings) == ["f1", "f2", "f3"]

    editor = _opened(page, task, real_desk)
    drawn = editor.masks()
    assert drawn.keys() == findings.keys()
    assert all(_iou(drawn[key], findings[key]) >= 0.99 for key in findings)
    _correct(editor)
    painted = editor.masks()
    editor.submit()
    assert Ring.objects.filter(action="ANNOTATION_CREATED", studio_task=task.studio_id).exists()
    deliver_all()

    task.refresh_from_db()
    assert (task.status, task.error) == ("PULLED", "")
    annotation = Annotation.objects.get(label_task=task)
    assert annotation.person == person
    assert annotation.seconds
    assert annotation.deleted == [3]
    _has_the_words(annotation, task)
    _has_the_regions(annotation, findings, painted)
    _is_shown(page, annotation)


def _correct(editor: Editor) -> None:
    """A mask changed, an answer changed, one region deleted, another one added; and the verdict."""
    editor.extend("scratch", STROKE)
    editor.remove("crack")
    editor.rewrite(ANSWERED, BETTER)
    editor.choose("NOT_OK")
    editor.paint(DENT_KEY, DENT)


def _has_the_words(annotation: Annotation, task: LabelTask) -> None:
    said = (annotation.evaluation, annotation.evaluation_origin)
    assert said == ("NOT_OK", Origin.CHANGED)
    left = (annotation.description, annotation.description_origin)
    assert left == (task.verdict.description, Origin.PREDICTION)
    pair = annotation.answers.get()
    assert (pair.slot, pair.question, pair.predicted) == ("where", ASKED, ANSWERED)
    assert (pair.corrected, pair.origin, pair.edit_distance) == (BETTER, Origin.CHANGED, 8)


def _has_the_regions(
    annotation: Annotation, findings: dict[str, Mask], painted: dict[str, Mask]
) -> None:
    changed, left, added = annotation.regions.select_related("finding", "defect_type")
    assert (changed.origin, changed.finding.number) == (Origin.CHANGED, 1)
    assert (_mask(changed) & findings["f1"]).sum() == findings["f1"].sum()  # nothing was rubbed out
    assert all(_mask(changed)[y, x] and not findings["f1"][y, x] for x, y in STROKE[1:])
    assert _iou(_mask(changed), painted["f1"]) >= 0.99

    assert (left.origin, left.finding.number) == (Origin.PREDICTION, 2)
    assert (_mask(left) == findings["f2"]).all()

    assert (added.origin, added.finding) == (Origin.MANUAL, None)
    assert (changed.defect_type.code, added.defect_type.code) == ("scratch", "dent")
    (drawn,) = (mask for key, mask in painted.items() if key not in findings)
    assert _iou(_mask(added), drawn) >= 0.97  # a thin stroke is mostly edge


def _is_shown(page: Page, annotation: Annotation) -> None:
    page.reload()
    labels = page.locator("#labels")
    expect(labels).to_contain_text(
        "Changed 2 of 3 answers, changed 1 of 3 regions, drew 1 region, deleted 1 region."
    )
    for told in ("Corrected", "Left as it was", "Drawn", "Deleted", "8 letters differ"):
        expect(labels.get_by_text(told).first).to_be_visible()
    expect(page.locator("[data-layer=person] .finding")).to_have_count(annotation.regions.count())
    expect(page.get_by_role("button", name="Difference", exact=True)).to_be_visible()


# --- skipped ---


def test_a_picture_that_nobody_can_judge_is_skipped_with_its_reason(
    page: Page, sign_in, sent, real_desk, deliver_all
):
    """By the reason where the link leads to; by the button in Label Studio's own queue."""
    first = sent()
    sign_in("lea", "lead")
    editor = _opened(page, first, real_desk)
    editor.choose(BLURRED)
    editor.submit()
    deliver_all()
    first.refresh_from_db()
    assert (first.status, first.error) == ("SKIPPED", "")

    second = sent()
    editor.next(second.project.studio_id)
    editor.close_instructions()
    editor.choose(UNKNOWN)
    editor.skip()
    deliver_all()
    second.refresh_from_db()
    assert (second.status, second.error) == ("SKIPPED", "")

    said = Annotation.objects.order_by("pk").values_list("skipped", "skip_reason", "evaluation")
    assert list(said) == [(True, BLURRED, ""), (True, UNKNOWN, "")]
    page.reload()
    expect(page.locator("#labels")).to_contain_text(f"skipped it: {BLURRED}")
