"""Labels out of the house and into it, through Postgres."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import ExifTags, Image

from labeling.exchange.picture import QA
from labeling.words import Origin
from qms.events.models import Event
from qms.inspections import trail
from qms.inspections.models import Inspection
from qms.labels import exchange, exchange_import
from qms.labels import trail as labels_trail
from qms.labels.models import Annotation, LabelledRegion
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import Lot, Part
from qms.review.models import Review
from tests import factories
from tests.labeling.exchange.pictures import SIDE, labelled, region, square, zip_of
from tests.labeling.exchange.test_coco import FOREIGN, PICTURE
from tests.qms.labels.exchange_fixtures import brought_in, coco_zip, documents, taken_out, tile

ANSWER = QA(
    slot="depth",
    question="How deep?",
    predicted="1 mm",
    corrected="2 mm",
    origin=Origin.CHANGED,
    edit_distance=1,
)


@pytest.fixture
def product(db):
    return tile()


def a_picture(seed=1, **words):
    given = {"serial": f"SN-{seed}", "lot": "L1", "description": "A scratch.", "seconds": 4.5}
    mask = square(3 + seed, 5) | square(40, 40, 3)
    return labelled(
        region(mask, severity="MAJOR", confidence=4, note="deep", finding=2),
        region(square(20, 20), None),
        seed=seed,
        answers=(ANSWER,),
        deleted=(1, 3),
        **{**given, **words},
    )


def test_a_file_becomes_pictures_and_annotations(product):
    plan = brought_in(coco_zip(a_picture(1), labelled(seed=2)), product)
    assert (plan.total, plan.pictures, plan.annotations, plan.known) == (2, 2, 2, 0)
    first = Inspection.objects.get(picture_name="part 1.png")
    assert (first.source, first.serial, first.lot.number) == ("import", "SN-1", "L1")
    said = first.annotations.get()
    assert (said.person_name, said.evaluation, said.deleted) == ("ines", "NOT_OK", [1, 3])
    known, unknown = said.regions.all()
    assert (known.defect_type.code, known.severity, known.area_px) == ("scratch", "MAJOR", 109)
    assert unknown.defect_type is None
    assert said.answers.get().corrected == "2 mm"
    imported = Event.objects.get(name="LabelsImported").payload
    assert (imported["pictures"], imported["annotations"]) == (2, 2)
    assert Event.objects.filter(name="AnnotationReceived").count() == 2


def test_what_was_imported_is_held_by_the_trail(product):
    brought_in(coco_zip(a_picture(1)), product)
    assert list(labels_trail.faults()) == []
    factories.behind_the_triggers("UPDATE labels_labelledregion SET note = 'another'")
    (fault,) = labels_trail.faults()
    assert "is not what was received" in fault.what


def test_twice_is_nothing_new(product):
    file = coco_zip(a_picture(1), labelled(seed=2))
    brought_in(file, product)
    plan = brought_in(file, product)
    assert (plan.pictures, plan.annotations, plan.known, plan.broken) == (0, 0, 2, [])
    assert (Inspection.objects.count(), Annotation.objects.count()) == (2, 2)


def test_a_file_that_has_grown_brings_in_what_is_new(product):
    brought_in(coco_zip(a_picture(1)), product)
    plan = brought_in(coco_zip(a_picture(1), a_picture(2)), product)
    assert (plan.pictures, plan.annotations, plan.known) == (1, 1, 1)


def test_other_words_of_a_known_picture_are_another_annotation(product):
    brought_in(coco_zip(a_picture(1)), product)
    later = a_picture(1).made_at + timedelta(days=1)
    plan = brought_in(coco_zip(a_picture(1, description="Two.", made_at=later)), product)
    assert (plan.pictures, plan.annotations) == (0, 1)
    (image,) = documents(taken_out(product))["images"].values()
    assert image["andon"]["description"] == "Two."


def test_out_in_another_house_and_out_again_is_the_same(product, deliver_all):
    """The other house is this one after the first export: another product, other keys."""
    brought_in(coco_zip(a_picture(1), a_picture(2), labelled(seed=3)), product)
    deliver_all()
    files = taken_out(product)
    other = factories.product("other", "chip")
    factories.model(other)
    plan = brought_in(zip_of(files), other, add_types=True)
    assert (plan.pictures, plan.annotations, plan.broken) == (3, 3, [])
    deliver_all()
    back = taken_out(other)
    before, again = documents(files), documents(back)
    assert again["images"] == before["images"]
    assert again["annotations"] == before["annotations"]
    assert before["categories"].items() <= again["categories"].items()
    assert contents(back) == contents(files)


def contents(files):
    """The pictures of an export by their names; in which split they are hangs on the product."""
    return {n.split("/")[-1]: d for n, d in files.items() if n.startswith("images/")}


def test_a_foreign_file_comes_out_with_its_numbers_and_its_own_words(product):
    said = json.loads(json.dumps(FOREIGN))
    said["annotations"][0]["iscrowd"] = 1
    file = zip_of({"train.json": json.dumps(said).encode(), "pictures/a.png": PICTURE})
    brought_in(file, product, by=factories.person("ada", "ml"))
    found = documents(taken_out(product))
    (image,) = found["images"].values()
    assert (image["id"], image["license"], image["andon"]["person"]) == (1, 2, "ada")
    (one,) = found["annotations"].values()
    assert (one["id"], one["category_id"], one["image_id"], one["iscrowd"]) == (9, 5, 1, 1)
    assert found["categories"][5]["name"] == "scratch"
    assert found["categories"][5]["supercategory"] == "metal"
    assert brought_in(file, product).known == 1


def test_numbers_that_another_file_had_first_are_not_given_twice(product):
    other = json.loads(json.dumps(FOREIGN))
    other["images"][0]["file_name"] = "b.png"
    first = {"a.json": json.dumps(FOREIGN).encode(), "a.png": PICTURE}
    second = {"a.json": json.dumps(other).encode(), "b.png": labelled(seed=8).content()}
    assert brought_in(zip_of(first), product).pictures == 1
    assert brought_in(zip_of(second), product).pictures == 1
    found = documents(taken_out(product))
    assert (len(found["images"]), len(found["annotations"])) == (2, 2)
    assert {1} < set(found["images"])
    assert {9} < set(found["annotations"])


def test_this_houses_own_pictures_are_annotated_not_sent_again(db, deliver_all):
    inspection = factories.submission(brightness=factories.DEFECT, serial="S1")
    deliver_all()
    inspection.refresh_from_db()
    before = inspection.status
    corrected = labelled(
        region(),
        seed=0,
        identity=str(inspection.pk),
        content=lambda: factories.picture(factories.DEFECT),
    )
    plan = brought_in(coco_zip(corrected), inspection.product)
    assert (plan.pictures, plan.annotations, plan.broken) == (0, 1, [])
    inspection.refresh_from_db()
    assert inspection.status == before
    (image,) = documents(taken_out(inspection.product))["images"].values()
    assert image["andon"]["identity"] == str(inspection.pk)


# --- what a person said settles it ---


@pytest.mark.parametrize("first", ["the annotation", "the model"])
def test_no_review_is_opened_and_the_persons_word_holds(product, deliver_all, first):
    """A dark picture, so the model says OK; the person said otherwise.

    The model is first where its worker is quick, or where the power failed between the two.
    """
    file = coco_zip(a_picture(1))
    if first == "the annotation":
        brought_in(file, product)
        deliver_all()
    else:
        exchange_import._submit(a_picture(1), product, by=None, now=timezone.now())
        deliver_all()
        assert Inspection.objects.get().status == "JUDGED"
        assert brought_in(file, product).annotations == 1
    inspection = Inspection.objects.get()
    assert (inspection.status, inspection.evaluation) == ("SETTLED", "NOT_OK")
    assert inspection.verdicts.get().evaluation == "OK"
    assert not Review.objects.exists()
    assert list(trail.faults()) == []


# --- what cannot come in ---


def test_a_dry_run_says_the_same_and_stores_nothing(product):
    bad = labelled(seed=3, width=SIDE + 1)
    file = coco_zip(a_picture(1), labelled(seed=2), bad)
    plan = exchange_import.look(file, product=product, add_types=False, now=timezone.now())
    assert not Inspection.objects.exists()
    assert plan == brought_in(file, product)
    (broken,) = plan.broken
    assert broken.name == "part 3.png"
    assert "64 x 64 pixels upright, the file says 65 x 64" in broken.why


def test_unknown_categories_are_refused_or_made_defect_types(db):
    bare = factories.product("bare", "dent")
    factories.model(bare)
    file = coco_zip(a_picture(1))
    with pytest.raises(Refused, match="no defect type scratch"):
        brought_in(file, bare)
    assert not Inspection.objects.exists()
    assert brought_in(file, bare, add_types=True).types == ["scratch"]
    made = bare.defect_types.get(code="scratch")
    assert (made.name, made.severity) == ("Scratch", "MAJOR")
    (said,) = Event.objects.filter(name="PlantChanged", payload__code="bare/scratch")
    assert said.payload["what"] == "added"


def test_a_category_that_cannot_be_a_code_is_told(product):
    said = json.loads(json.dumps(FOREIGN))
    said["categories"][0]["name"] = "big hole"
    file = zip_of({"a.json": json.dumps(said).encode(), "a.png": PICTURE})
    with pytest.raises(Refused, match="category 'big hole' cannot be a defect type: Use letters"):
        brought_in(file, product, add_types=True)


def test_a_product_without_a_model_says_what_to_do(db):
    with pytest.raises(Refused, match="model"):
        brought_in(coco_zip(a_picture(1)), factories.product("bare"))


def test_one_broken_picture_keeps_out_no_other(product):
    said = json.loads(json.dumps(FOREIGN))
    broken = {**said["annotations"][0], "id": 10, "image_id": 2}
    broken["segmentation"] = {"size": [SIDE, SIDE], "counts": "zzz"}
    said["images"].append({**said["images"][0], "id": 2, "file_name": "b.png"})
    said["annotations"].append(broken)
    files = {"a.json": json.dumps(said).encode(), "a.png": PICTURE, "b.png": PICTURE}
    plan = brought_in(zip_of(files), product)
    assert plan.pictures == 1
    assert [(one.name, "annotation 10" in one.why) for one in plan.broken] == [("b.png", True)]
    assert (Inspection.objects.count(), LabelledRegion.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"content": lambda: b"no picture"}, "not a picture"),
        ({"made_at": timezone.now() + timedelta(days=3)}, "which cannot be"),
        ({"captured_at": timezone.now() + timedelta(days=3)}, "captured_at"),
    ],
)
def test_a_picture_that_cannot_be_kept_is_told(product, words, why):
    plan = brought_in(coco_zip(a_picture(1, **words)), product)
    assert [why in one.why for one in plan.broken] == [True]
    assert not (Inspection.objects.exists() or Part.objects.exists() or Lot.objects.exists())


def test_a_known_picture_with_another_serial_is_told(product):
    brought_in(coco_zip(a_picture(1)), product)
    (broken,) = brought_in(coco_zip(a_picture(1, serial="other")), product).broken
    assert "another serial or lot" in broken.why


def test_a_door_that_cannot_wait_takes_so_many_pictures(product):
    file, now = coco_zip(labelled(seed=1), labelled(seed=2)), timezone.now()
    with pytest.raises(Refused, match="has 2 pictures, the page takes 1: bring it in by manage"):
        exchange_import.look(file, product=product, add_types=False, now=now, most=1)


def test_a_zip_that_wants_out_is_refused_whole(product):
    with pytest.raises(Refused, match="names must lie inside"):
        brought_in(zip_of({"../a.png": b"x"}), product)


# --- what goes out ---


def left_out(files):
    rows = csv.DictReader(io.StringIO(files["pictures.csv"].decode()))
    return {row["identity"]: row["left_out"] for row in rows}


def test_what_is_not_labelled_is_named_in_the_manifest(product, deliver_all):
    never = factories.submission(product)
    skipped = factories.submission(product, seed=5)
    Annotation.objects.create(
        inspection=skipped,
        source="import",
        person_name="ines",
        made_at=timezone.now(),
        received_at=timezone.now(),
        skipped=True,
        skip_reason="too dark",
        evaluation_origin="manual",
        description_origin="manual",
    )
    brought_in(coco_zip(a_picture(1)), product)
    files = taken_out(product)
    told = left_out(files)
    assert told[str(never.pk)] == "never labelled"
    assert told[str(skipped.pk)] == "skipped: too dark"
    assert exchange.counts(exchange.Asked(product=product)) == {
        "labelled": 1,
        "skipped": 1,
        "never": 1,
    }
    assert json.loads(files["manifest.json"])["left_out"] == {"never labelled": 1, "skipped": 1}


def test_what_is_to_be_judged_blind_is_kept_from_those_who_judge(product, deliver_all):
    inspection = factories.submission(product)
    corrected = labelled(region(), identity=str(inspection.pk), content=factories.picture)
    brought_in(coco_zip(corrected), product)
    plant.publish_recipe(product, by=None, now=timezone.now(), reason="all", audit_share=1.0)
    deliver_all()
    assert Review.objects.get().blind
    lead, manager = factories.person("lea", "lead", "manager"), factories.person("max", "manager")
    hidden = taken_out(product, reader=lead)
    assert json.loads(hidden["manifest.json"])["left_out"] == {"withheld": 1}
    assert str(inspection.pk) not in json.dumps({n: d.decode("latin1") for n, d in hidden.items()})
    assert json.loads(taken_out(product, reader=manager)["manifest.json"])["pictures"] == 1


def test_a_period_names_the_days_on_which_pictures_came(product):
    brought_in(coco_zip(a_picture(1)), product)
    tomorrow = timezone.now() + timedelta(days=1)
    assert json.loads(taken_out(product, since=tomorrow)["manifest.json"])["pictures"] == 0
    assert json.loads(taken_out(product, until=tomorrow)["manifest.json"])["pictures"] == 1


def test_the_same_lot_part_and_file_are_never_in_two_splits(product):
    same = factories.picture(seed=77)
    lots = [labelled(seed=n, lot=f"L{n}", serial=f"S{n}") for n in range(30)]
    moved = [labelled(seed=100 + n, lot=f"L{n + 1}", serial=f"S{n}") for n in range(20)]
    twins = [labelled(seed=200 + n, lot=f"L{n}", content=lambda: same) for n in range(10)]
    brought_in(coco_zip(*lots, *moved, *twins), product)
    files = taken_out(product)
    seen: dict[str, set[str]] = {}
    for name in (name for name in files if name.startswith("annotations/")):
        for image in json.loads(files[name])["images"]:
            own = image["andon"]
            for word in ("lot", "serial", "sha256"):
                seen.setdefault(f"{word} {own[word]}", set()).add(name)
    assert all(len(splits) == 1 for where, splits in seen.items() if not where.endswith(" "))
    told = json.loads(files["manifest.json"])
    assert told["pictures"] < 60
    assert sum(told["left_out"].values()) == 60 - told["pictures"]


@pytest.mark.parametrize("to", list(exchange.FORMATS))
def test_each_format_goes_out(product, to):
    brought_in(coco_zip(a_picture(1), labelled(seed=2)), product)
    assert json.loads(taken_out(product, to)["manifest.json"])["pictures"] == 2


def test_an_export_asks_little_of_the_database(product, django_assert_max_num_queries):
    brought_in(coco_zip(*(a_picture(n) for n in range(6))), product)
    with django_assert_max_num_queries(14):
        taken_out(product)


def test_a_bare_jpeg_goes_out_byte_for_byte_and_one_with_metadata_without(product):
    jpeg, exif = factories.picture(kind="JPEG"), Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(out, "JPEG", exif=exif)
    marked = out.getvalue()
    brought_in(coco_zip(labelled(seed=1, content=lambda: jpeg)), product)
    brought_in(coco_zip(labelled(seed=2, content=lambda: marked)), product)
    data = [d for name, d in taken_out(product).items() if name.startswith("images/")]
    assert jpeg in data
    assert not any(b"Exif" in one for one in data)
