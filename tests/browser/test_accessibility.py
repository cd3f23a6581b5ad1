"""axe-core on every page, light and dark: no serious or critical finding (WCAG 2.2 AA)."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page

from qms.accounts.models import User
from qms.inspections.models import Finding, Inspection
from qms.labels.models import Annotation, StudioProject
from qms.plant import actions as plant
from qms.plant.models import Lot
from qms.quality import actions, opening, remedies
from qms.quality.models import Nonconformance
from qms.review import actions as reviews
from qms.review.models import Review
from tests import desk, factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRAVE = ("serious", "critical")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PLAIN = [
    "/",
    "/line/",
    "/line/?wall=1",
    "/inspections/",
    "/review/",
    "/review/history/",
    "/review/keys/",
    "/thresholds/",
    "/agreement/?looks=all",
    "/labels/",
    "/labels/?status=FAILED",
    "/labels/sync/",
    "/quality/",
    "/lots/",
    "/keys/",
    "/dead-letters/",
]

PLANT = [
    "/plant/",
    "/plant/site/add/",
    "/plant/stations/CAM-1/",
    "/plant/products/tile/",
    "/plant/products/tile/defect-types/",
    "/plant/products/tile/questions/publish/",
    "/plant/products/tile/recipes/",
    "/plant/products/tile/recipes/publish/",
    "/plant/parts/?serial=S",
    "/plant/import/",
]


@pytest.fixture(autouse=True)
def connected(settings) -> None:
    settings.STUDIO_TOKEN = "a token"


@pytest.fixture
def house(roles: None, deliver_all: Callable[[], int]) -> dict[str, str]:
    """Parts in each state that a page can show; the addresses of three of them."""
    station = plant.ensure_station("CAM-1")
    for number, look in enumerate((factories.DEFECT, factories.UNCLEAR, factories.NORMAL)):
        factories.submission(brightness=look, seed=number, serial=f"S{number}", station=station)
        factories.submission(brightness=look, seed=number + 9, lot="L1")
    deliver_all()
    first, second, *_ = Review.objects.order_by("pk")
    otto, now = factories.person("otto", "inspector"), factories.timezone.now()
    reviews.claim(first, by=otto, now=now)
    reviews.decide(first, decision="NOT_OK", by=otto, now=now, note="a deep one")
    case, lot = _cases(first, by=otto)
    corrected = _at_the_desk()
    return {
        "an open nonconformance": f"/quality/{lot.number}/",
        "a nonconformance": f"/quality/{case.number}/",
        "its evidence": f"/quality/{case.number}/evidence/",
        "a form to raise one": f"/quality/new/?inspection={first.inspection_id}",
        "a lot": f"/lots/{lot.lot_id}/",
        "a decided part": f"/review/{first.pk}/",
        "a part to decide": f"/review/{second.pk}/",
        "a corrected part": f"/inspections/{corrected.inspection_id}/",
        "an inspection": f"/inspections/{first.inspection_id}/",
    }


def _at_the_desk() -> Annotation:
    """Pictures that failed, wait and were corrected; of the corrected one each kind of change."""
    waits, failed, done = Inspection.objects.filter(status="IN_REVIEW").order_by("pk")[:3]
    desk.opened(waits)
    desk.failed(failed)
    StudioProject.objects.update(drift=["The label “dent” is called “Delle” there."])
    finding = Finding.objects.filter(verdict__inspection=done).first()
    old = [desk.left(finding, label="dent", confidence=2, note="deep")] if finding else []
    desk.corrected(done, by="otto")
    return desk.corrected(
        done,
        by="ines",
        description="A dent.",
        regions=[*old, desk.drawn(desk.box(done, 2, 3, 10, 5))],
        answers=[desk.answer("Where?", "on the left", "on the right")],
        added=[("Is it new?", "yes")],
    )


def _cases(review: Review, *, by: User) -> tuple[Nonconformance, Nonconformance]:
    """One of a part that is contained and has an action, and an open one of a lot on hold."""
    now, today, part = timezone.now(), timezone.localdate(), review.inspection
    found = opening.Found(product=part.product, inspection=part, scope="PART", title="A dent")
    case = opening.raise_nonconformance(found, by=by, now=now)
    actions.contain(case, text="rack 4", by=by, now=now)
    remedies.agree(
        case, kind="CORRECTION", text="grind", owner=by, due=today, check_due=None, by=by, now=now
    )
    doubt = opening.Found(
        product=part.product, lot=Lot.objects.get(), scope="LOT", title="Rust", hold_lot=True
    )
    return case, opening.raise_nonconformance(doubt, by=by, now=now)


def grave(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_of_any_page(page, sign_in, house, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto("/sign-in/")
    found = {"/sign-in/": grave(page)}
    ines = sign_in("ines", "inspector", "lead", "admin", "ml", "manager", "annotator")
    claimed = Review.objects.get(pk=int(house["a part to decide"].split("/")[2]))
    reviews.claim(claimed, by=ines, now=factories.timezone.now())
    for address in [*PLAIN, *PLANT, *house.values()]:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found[address] = grave(page)
    assert {address: faults for address, faults in found.items() if faults} == {}
