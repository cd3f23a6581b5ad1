"""A worker judges: one verdict per model, its files beside it, facts that stay."""

import io

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.utils import InternalError, ProgrammingError
from django.utils import timezone
from PIL import Image

from qms import storage
from qms.inspections import actions, handlers, judge, pictures
from qms.inspections.models import Finding, Inspection, Verdict
from qms.partitions import moment_of
from qms.plant import actions as plant
from qms.registry.models import ModelVersion, NoActiveModel
from tests.factories import DEFECT, NORMAL, UNCLEAR, model, picture, product, submission


def test_a_clear_pass_settles_without_a_person(db, deliver_all):
    inspection = submission(brightness=NORMAL)
    deliver_all()
    inspection.refresh_from_db()
    assert (inspection.status, inspection.evaluation) == ("SETTLED", "OK")
    assert not Finding.objects.exists()
    assert inspection.settled_at is not None


def test_an_uncertain_one_waits_for_a_person(db, deliver_all):
    inspection = submission(brightness=UNCLEAR)
    deliver_all()
    inspection.refresh_from_db()
    assert (inspection.status, inspection.evaluation) == ("IN_REVIEW", "NOT_DECIDABLE")
    assert inspection.reviews.get().reason == "NOT_DECIDABLE"


def test_a_defect_has_mask_heat_map_and_description(db, deliver_all):
    inspection = submission(brightness=DEFECT)
    deliver_all()
    verdict = inspection.verdicts.get()
    (finding,) = verdict.findings.all()
    with Image.open(io.BytesIO(pictures.mask(verdict))) as image:
        mask = np.asarray(image)
    assert mask.shape == (64, 64)
    assert (mask == 255).sum() == finding.area_px == sum(finding.counts[1::2])
    with Image.open(io.BytesIO(storage.read(verdict.heatmap_key))) as grey:
        assert grey.mode.startswith("I;16")
        assert np.asarray(grey).max() >= 32768 - 64  # the threshold, but for rounding
    with Image.open(io.BytesIO(pictures.heat(verdict))) as coloured:
        assert coloured.mode == "RGBA"
    assert "region" in verdict.description


def test_a_second_judging_by_the_same_model_finds_the_first_verdict(db, deliver_all):
    inspection = submission(brightness=DEFECT)
    deliver_all()
    before = inspection.verdicts.get()
    fact = inspection_submitted(inspection)
    (sight,) = handlers.read_pictures([fact])
    (seen,) = handlers.judge_pictures([sight])
    handlers.judge_inspection(fact, seen)
    assert inspection.verdicts.get() == before
    assert Finding.objects.count() == 1


def inspection_submitted(inspection):
    from qms.events.models import Event

    return Event.objects.get(name="InspectionSubmitted", subject=inspection.pk).as_fact()


def test_a_second_verdict_row_of_one_model_is_impossible(db, deliver_all):
    inspection = submission()
    deliver_all()
    twin = inspection.verdicts.get()
    twin._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_another_model_may_give_a_second_verdict(db, deliver_all):
    inspection = submission(brightness=DEFECT)
    deliver_all()
    second = model(inspection.product)
    (sight,) = handlers.read_pictures([inspection_submitted(inspection)])
    (seen,) = handlers.judge_pictures([sight])
    assert seen.sight.version == second
    handlers.judge_inspection(inspection_submitted(inspection), seen)
    assert inspection.verdicts.count() == 2


def test_verdict_and_findings_lie_in_the_slice_of_their_inspection(db, deliver_all):
    inspection = submission(brightness=DEFECT)
    deliver_all()
    verdict = inspection.verdicts.get()
    moments = {moment_of(row.pk) for row in (inspection, verdict, verdict.findings.get())}
    assert len(moments) == 1


@pytest.mark.parametrize("kind", [Verdict, Finding])
def test_the_database_refuses_to_change_a_verdict_or_finding(db, deliver_all, kind):
    submission(brightness=DEFECT)
    deliver_all()
    for change in (lambda rows: rows.update(score=0), lambda rows: rows._raw_delete("default")):
        with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
            change(kind.objects.all())
    assert kind.objects.count() == 1


def test_sizes_are_in_millimetres_where_the_recipe_knows_the_scale(db, deliver_all):
    tile = product()
    plant.publish_recipe(tile, by=None, now=timezone.now(), reason="camera", mm_per_px=0.5)
    inspection = submission(tile, DEFECT)
    deliver_all()
    verdict = inspection.verdicts.get()
    finding = verdict.findings.get()
    assert " mm" in verdict.description
    assert finding.area_mm2 == pytest.approx(finding.area_px * 0.25)
    assert verdict.recipe.number == 2


def test_a_batch_of_two_products_is_judged_by_two_models(db, deliver_all):
    rows = [submission(product(code), DEFECT, seed=n) for n, code in enumerate(["a", "b", "a"])]
    deliver_all()
    models = [row.verdicts.get().model_version.product.code for row in rows]
    assert models == ["a", "b", "a"]


def test_an_artefact_that_is_not_the_enrolled_one_is_refused(db, settings):
    version = model()
    ModelVersion.objects.filter(pk=version.pk).update(sha256="0" * 64)
    version.refresh_from_db()
    with pytest.raises(ValueError, match="not the one that was enrolled"):
        judge.judge_many([judge.decode(picture())], by=version, mm_per_px=None)


def test_a_product_without_a_model_takes_no_picture(db):
    given = actions.Submission(product=product("bare"), picture=picture())
    with pytest.raises(NoActiveModel, match="enrol"):
        actions.submit(given, now=timezone.now(), actor="x")
    assert not Inspection.objects.exists()


@pytest.mark.parametrize("code", ["with space", "a/b", "", "x\n"])
def test_a_product_code_that_cannot_be_a_name_is_refused(db, code):
    with pytest.raises(ValidationError):
        plant.ensure_product(code, defect_types=[], now=timezone.now())


def exif_rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right to be upright
    out = io.BytesIO()
    Image.fromarray(np.full((32, 64, 3), NORMAL, np.uint8)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_the_upright_file_is_turned_and_bears_no_metadata(db, deliver_all):
    inspection = submission(data=exif_rotated())
    deliver_all()
    with Image.open(io.BytesIO(storage.read(inspection.upright_key))) as image:
        assert image.size == (32, 64)
        assert not image.getexif()
    inspection.refresh_from_db()
    verdict = inspection.verdicts.get()
    assert (verdict.width, verdict.height) == (inspection.width, inspection.height) == (32, 64)


def test_a_plain_png_is_stored_once_and_shown_as_it_was_sent(db, deliver_all):
    sent = picture(DEFECT)
    inspection = submission(data=sent)
    deliver_all()
    assert not storage.exists(inspection.upright_key)
    assert pictures.upright(inspection) == (sent, "image/png")


def test_what_a_camera_wrote_into_a_png_is_not_shown_before_it_is_judged(db):
    out = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(out, "PNG", dpi=(300, 300))
    inspection = submission(data=out.getvalue())
    shown, kind = pictures.upright(inspection)
    assert b"pHYs" in out.getvalue() and b"pHYs" not in shown and kind == "image/png"
