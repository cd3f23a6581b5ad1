"""What can go wrong with a real Label Studio beside this house, and that nothing is lost by it."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image

from labeling import brush
from labeling.words import Mask
from qms.inspections import judge
from qms.inspections.models import Inspection
from qms.labels import actions, drift, pull, push, rounds
from qms.labels.models import Annotation, Desk, LabelTask, StudioProject
from qms.plant.models import Product
from tests import factories
from tests.studio import StudioServer

WIDTH, HEIGHT = 2448, 2048  # five megapixels
CASES = 30


@pytest.fixture
def product(db, real_desk) -> Product:
    """Of its own, for Label Studio keeps the projects of former tests."""
    return factories.product(f"tile-{uuid4().hex[:8]}")


@pytest.fixture
def sent(product: Product, judged: Callable[..., Inspection]) -> Callable[..., LabelTask]:
    """An uncertain picture that lies before the annotators."""

    def made(**words: Any) -> LabelTask:
        inspection = judged(of=product, **words)
        task = LabelTask.objects.get(inspection=inspection)
        assert task.status == "OPEN", task.error
        return task

    return made


def number_of(product: Product) -> int:
    number = StudioProject.objects.get(product=product, gone_at=None).studio_id
    assert number is not None
    return number


def said(desk: StudioServer, task: LabelTask) -> list[dict[str, Any]]:
    """All that the model said of it, as a person leaves it."""
    told = desk.predictions(task.studio_id or 0)[-1]["result"]
    return [{**one, "origin": "prediction"} for one in told]


def region(mask: Mask, label: str = "dent", key: str = "x9") -> dict[str, Any]:
    """As drawn by a person."""
    height, width = mask.shape
    return {
        "id": key,
        "from_name": "mask",
        "to_name": "image",
        "type": "brushlabels",
        "origin": "manual",
        "image_rotation": 0,
        "original_width": width,
        "original_height": height,
        "value": {"format": "rle", "rle": brush.encode(mask), "brushlabels": [label]},
    }


def spot(task: LabelTask) -> Mask:
    mask = np.zeros((task.verdict.height, task.verdict.width), np.bool_)
    mask[3:8, 2:6] = True
    return mask


def status_of(task: LabelTask) -> str:
    task.refresh_from_db()
    return task.status


def later() -> None:
    """Whatever was put off is due now."""
    soon = timezone.now() - timedelta(seconds=1)
    LabelTask.objects.filter(status="WANTED").update(next_try_at=soon)


# --- down, and back with the same data ---


def test_what_came_while_it_was_down_is_there_afterwards_and_none_of_it_twice(
    real_desk, product, sent, deliver_all
):
    labelled, open_there = sent(seed=1), sent(seed=2)
    real_desk.accept(labelled.studio_id)
    real_desk.go_down()
    try:
        for _ in range(CASES):
            factories.submission(product, factories.UNCLEAR)
        deliver_all()
        waiting = LabelTask.objects.filter(status="WANTED")
        assert waiting.filter(error__contains="does not answer").count() == CASES
        assert "does not answer" in rounds.go()
    finally:
        real_desk.come_back()
    later()
    assert rounds.go() == ""
    with real_desk.client() as studio:
        there = [one.inspection_id for one in studio.changed_tasks(number_of(product), None)]
    assert sorted(there) == sorted(str(one.inspection_id) for one in LabelTask.objects.all())
    assert (status_of(labelled), status_of(open_there)) == ("PULLED", "OPEN")
    assert set(LabelTask.objects.values_list("status", flat=True)) == {"OPEN", "PULLED"}


def test_a_revoked_token_keeps_what_is_wanted_until_there_is_another(
    real_desk, product, sent, judged, settings
):
    settings.STUDIO_TOKEN = real_desk.personal_token()
    sent(seed=1)
    real_desk.revoke(settings.STUDIO_TOKEN)
    task = LabelTask.objects.get(inspection=judged(of=product, seed=2))
    assert task.status == "WANTED"
    for told in ("blacklisted", "STUDIO_TOKEN"):
        assert told in task.error and told in Desk.objects.get().error
    settings.STUDIO_TOKEN = real_desk.token
    later()
    assert push.send_waiting() == ""
    assert status_of(task) == "OPEN"


# --- what people do there ---


def test_a_task_deleted_there_fails_and_is_sent_again(real_desk, product, sent, deliver_all):
    gone, stays = sent(seed=1), sent(seed=2)
    real_desk.delete_task(gone.studio_id)
    assert rounds.go() == ""
    assert (status_of(gone), gone.error) == ("FAILED", pull.DELETED)
    assert status_of(stays) == "OPEN"
    actions.retry(gone, by=factories.person(), now=timezone.now())
    deliver_all()
    assert status_of(gone) == "OPEN"
    with real_desk.client() as studio:
        assert studio.task_ids(number_of(product)) == {gone.studio_id, stays.studio_id}


def test_a_project_deleted_there_is_replaced(real_desk, product, sent, deliver_all):
    task = sent()
    real_desk.delete_project(number_of(product))
    rounds.go()
    assert (status_of(task), task.error) == ("FAILED", drift.GONE)
    actions.retry(task, by=factories.person(), now=timezone.now())
    deliver_all()
    assert (status_of(task), task.project.number) == ("OPEN", 2)


def test_a_label_renamed_there_is_named_and_read_once_it_is_put_back(real_desk, product, sent):
    task = sent()
    number = number_of(product)
    real_desk.rename_label(number, "dent", "beule")
    made = real_desk.submit(
        task.studio_id, [*said(real_desk, task), region(spot(task), label="beule")]
    )
    rounds.go()
    assert "Label “dent” is missing in Label Studio." in StudioProject.objects.get().drift
    assert status_of(task) == "FAILED"
    assert "beule" in task.error
    real_desk.rename_label(number, "beule", "dent")
    real_desk.change(made["id"], [*said(real_desk, task), region(spot(task))])
    assert rounds.go() == ""
    assert StudioProject.objects.get().drift == []
    assert (status_of(task), task.error) == ("PULLED", "")


def test_a_broken_mask_fails_with_a_sentence_and_the_others_go_on(real_desk, product, sent):
    broken, whole = sent(seed=1), sent(seed=2)
    cut = region(spot(broken))
    cut["value"]["rle"] = cut["value"]["rle"][:20]
    made = real_desk.submit(broken.studio_id, [*said(real_desk, broken), cut])
    real_desk.accept(whole.studio_id)
    assert rounds.go() == ""
    assert status_of(whole) == "PULLED"
    assert status_of(broken) == "FAILED"
    assert "break off" in broken.error and "Mend it in Label Studio" in broken.error
    assert not Annotation.objects.filter(label_task=broken).exists()
    real_desk.change(made["id"], [*said(real_desk, broken), region(spot(broken))])
    rounds.go()
    assert (status_of(broken), broken.error) == ("PULLED", "")


def test_masks_of_five_megapixels_are_there_and_come_back_pixel_for_pixel(real_desk, product, sent):
    """One of the model, and one that is as noisy as none that a person draws."""
    pixels = np.full((HEIGHT, WIDTH), factories.NORMAL, np.uint8)
    pixels[600:1400, 500:1900] = factories.UNCLEAR + 1  # as bright as one of theirs with its noise
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    task = sent(data=out.getvalue())
    finding = task.verdict.findings.get()
    ours = judge.mask_of(finding.counts, (HEIGHT, WIDTH))
    (there,) = (one for one in said(real_desk, task) if one["type"] == "brushlabels")
    assert (brush.decode(there["value"]["rle"], width=WIDTH, height=HEIGHT) == ours).all()

    noise = np.random.default_rng(7).random((HEIGHT, WIDTH)) < 0.02
    real_desk.submit(task.studio_id, [*said(real_desk, task), region(noise)])
    assert rounds.go() == ""
    left, drawn = Annotation.objects.get(label_task=task).regions.all()
    assert (left.origin, left.counts) == ("prediction", finding.counts)
    assert (judge.mask_of(drawn.counts, (HEIGHT, WIDTH)) == noise).all()
