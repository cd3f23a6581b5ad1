"""What people did in the house whose pages are shown: all by the real actions."""

import io
import time
from datetime import timedelta

from django.utils import timezone

from qms.accounts import signatures
from qms.accounts.models import Meaning, User
from qms.inspections import enrolling, golden
from qms.inspections.enrolments import Enrolment, Phase
from qms.inspections.models import Inspection
from qms.plant.actions import save_product
from qms.plant.models import DefectType, Lot, Product
from qms.quality import actions as quality
from qms.quality import lots, remedies
from qms.quality.models import Nonconformance
from qms.review import actions as reviews
from qms.review import study
from qms.review.models import Review
from qms.review.opening import queue_of
from qms.web.machined_parts import part
from qms.web.management.commands.demo import PRODUCT, defect_of
from tests import factories
from tests.screens import labels

TOMORROW = timedelta(days=1)  # a claim of tomorrow does not expire while pictures are taken


def lived() -> dict[str, str]:
    """Fill the house, and name its pages."""
    _wait_until(lambda: not Inspection.objects.filter(status__in=("SUBMITTED", "JUDGED")).exists())
    ines = factories.person(
        "ines", "inspector", "lead", "manager", "admin", "ml", "mrb", "annotator"
    )
    otto = factories.person("otto", "inspector")
    flange = Product.objects.get(code=PRODUCT)
    good = Inspection.objects.filter(product=flange, evaluation="OK").order_by("id")[0]
    golden.add_inspected(good, by=ines, now=timezone.now())
    _decide(otto, 24)
    _decide(ines, 12)
    case = _follow_up(ines)
    _hold_a_lot(ines)
    _study(flange, ines, otto)
    new = _enrol(ines)
    _wait_until(lambda: not Inspection.objects.filter(status="SUBMITTED").exists())
    return {
        **labels.labelled(ines),
        **_of_parts(ines),
        **_of_quality(case),
        **_of_plant(flange, new),
        **OTHERS,
    }


OTHERS = {
    "start": "/",
    "line": "/line/",
    "line-wall": "/line/?wall=1",
    "inspections": "/inspections/",
    "review-queue": "/review/",
    "review-history": "/review/history/",
    "review-keys": "/review/keys/",
    "thresholds": "/thresholds/",
    "agreement": "/agreement/?looks=all",
    "keys": "/keys/",
    "dead-letters": "/dead-letters/",
}


def _of_parts(ines: User) -> dict[str, str]:
    in_hand = reviews.take_next(by=ines, now=timezone.now() + TOMORROW)
    decided = Review.objects.filter(decision="NOT_OK", rules=True).order_by("pk").last()
    blind = queue_of(ines).filter(blind=True).first()
    assert in_hand and decided
    if blind:
        reviews.claim(blind, by=ines, now=timezone.now() + TOMORROW)
    pages = {
        "inspection": f"/inspections/{decided.inspection_id}/",
        "review": f"/review/{in_hand.pk}/",
        "review-wall": f"/review/{in_hand.pk}/",
        "review-decided": f"/review/{decided.pk}/",
    }
    return {**pages, **({"review-blind": f"/review/{blind.pk}/"} if blind else {})}


def _of_quality(case: Nonconformance) -> dict[str, str]:
    return {
        "nonconformances": "/quality/",
        "nonconformance": f"/quality/{case.number}/",
        "nonconformance-new": f"/quality/new/?inspection={case.inspection_id}",
        "evidence": f"/quality/{case.number}/evidence/",
        "lots": "/lots/",
    }


def _of_plant(flange: Product, new: Product) -> dict[str, str]:
    return {
        "plant": "/plant/",
        "product": f"/plant/products/{flange.code}/",
        "recipes": f"/plant/products/{flange.code}/recipes/",
        "recipe-publish": f"/plant/products/{flange.code}/recipes/publish/",
        "golden": f"/plant/products/{flange.code}/golden/",
        "enrol": f"/plant/products/{new.code}/enrol/",
        "catalogue-import": "/plant/import/",
    }


def _decide(person: User, number: int) -> None:
    """Rightly, as far as the line knows: it made the defects."""
    for review in list(queue_of(person).filter(kind__in=("VERIFY", "AUDIT"))[:number]):
        now = timezone.now()
        made = defect_of(int(review.inspection.serial.rsplit("-", 1)[1]))
        kind = DefectType.objects.filter(product=review.product_id, code=made).first()
        reviews.claim(review, by=person, now=now)
        reviews.decide(
            review,
            decision="NOT_OK" if made else "OK",
            defect_type=kind,
            by=person,
            now=now + timedelta(seconds=4 + review.pk % 5),
        )


def _follow_up(ines: User) -> Nonconformance:
    """The rule opened it; its parts are contained, some decided, and something is to be done."""
    _wait_until(lambda: Nonconformance.objects.exists())
    case, now = Nonconformance.objects.order_by("pk")[0], timezone.now()
    quality.contain(case, text="Rack 4, red tape; line 1 was told.", by=ines, now=now)
    proof = _proof(ines, Meaning.APPROVAL, "The hole cannot be drilled afterwards.")
    line = case.lines.order_by("pk")[0]
    quality.dispose(case, "SCRAP", proof=proof, now=now, covers="ONE", line=line)
    remedies.agree(
        case,
        kind="CORRECTIVE",
        text="Check the drill before each shift.",
        owner=ines,
        due=now.date() + timedelta(days=7),
        check_due=now.date() + timedelta(days=30),
        by=ines,
        now=now,
    )
    return case


def _hold_a_lot(ines: User) -> None:
    held, released = Lot.objects.order_by("number")[:2]
    lots.hold(held, reason="A hole was missing in one of its parts.", by=ines, now=timezone.now())
    proof = _proof(ines, Meaning.APPROVAL, "All parts were seen.")
    lots.let_go(released, "RELEASED", proof=proof, now=timezone.now())


def _study(flange: Product, *people: User) -> None:
    study.begin_study(
        flange,
        name="Before the audit in May",
        people=people,
        parts=10,
        trials=2,
        by=people[0],
        now=timezone.now(),
    )


def _enrol(ines: User) -> Product:
    """A new product, fitted and not yet activated."""
    new = Product(code="FLANGE-60")
    save_product(new, {"name": "Flange, 60 mm"}, by=ines, now=timezone.now())
    new = Product.objects.get(code="FLANGE-60")
    for seed in range(40):
        out = io.BytesIO()
        part(500_000 + seed, None)[0].save(out, "PNG")
        name = f"good-{seed:02}.png"
        enrolling.add_picture(new, out.getvalue(), name=name, by=ines, now=timezone.now())
    enrolment = Enrolment.objects.get(product=new)
    plan = enrolling.Plan(defect_types=["scratch", "dent"])
    enrolling.begin_fit(enrolment, plan, by=ines, now=timezone.now())
    _wait_until(lambda: Enrolment.objects.get(product=new).status != Phase.FITTING)
    return new


def _proof(person: User, meaning: Meaning, reason: str) -> signatures.Proof:
    return signatures.prove(
        person,
        "a long password",
        meaning=meaning,
        reason=reason,
        address="here",
        now=timezone.now(),
    )


def _wait_until(holds, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "the house did not get there"
        time.sleep(0.5)
