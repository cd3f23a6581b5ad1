"""axe-core on every page, light and dark: no serious or critical finding (WCAG 2.2 AA)."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from qms.plant import actions as plant
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories

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
    return {
        "a decided part": f"/review/{first.pk}/",
        "a part to decide": f"/review/{second.pk}/",
        "an inspection": f"/inspections/{first.inspection_id}/",
    }


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
    page.emulate_media(color_scheme=scheme)
    page.goto("/sign-in/")
    found = {"/sign-in/": grave(page)}
    ines = sign_in("ines", "inspector", "lead", "admin", "ml", "manager")
    claimed = Review.objects.get(pk=int(house["a part to decide"].split("/")[2]))
    reviews.claim(claimed, by=ines, now=factories.timezone.now())
    for address in [*PLAIN, *PLANT, *house.values()]:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found[address] = grave(page)
    assert {address: faults for address, faults in found.items() if faults} == {}
