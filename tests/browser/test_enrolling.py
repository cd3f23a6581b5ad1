"""From a folder of pictures to an active model, with the mouse: drop, watch, look, activate."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qms.inspections.enrolments import Enrolment
from qms.plant.models import GoldenPicture, Product
from qms.registry.models import ModelVersion
from tests import factories
from tests.browser.test_accessibility import grave
from tests.factories import picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What the browser hands over when files are dropped on the page.
DROP = """(zone, files) => {
    const data = new DataTransfer();
    for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name));
    zone.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def enrol_page(page: Page, sign_in, settings, tmp_path) -> Page:
    settings.VAR = tmp_path / "var"
    factories.product("tile", "scratch")
    sign_in("lea", "lead")
    page.goto("/plant/products/tile/enrol/")
    return page


def dropped(page: Page, files: list[tuple[str, bytes]]) -> None:
    handed = [[name, list(data)] for name, data in files]
    page.locator("[data-drop]").evaluate(DROP, handed)


def normals(count: int) -> list[tuple[str, bytes]]:
    return [(f"normal {n}.png", picture(20 + n % 7, seed=n)) for n in range(count)]


def fit(page: Page) -> None:
    page.get_by_text("Detector, backbone, size, promise").click()
    page.locator("[name=detector]").select_option("stub")
    page.get_by_role("button", name="Fit").click()
    expect(page.get_by_role("heading", name="Fitting stub")).to_be_visible()


def test_drop_watch_look_and_activate(enrol_page: Page, deliver_all: Callable[[], int]):
    files = [*normals(24), ("again.png", normals(1)[0][1]), ("notes.txt", b"not a picture")]
    dropped(enrol_page, [*files, (".DS_Store", b"x")])
    said = enrol_page.locator("[data-upload-words]")
    expect(said).to_have_text("24 taken in, 1 there already, counted once, 1 refused.")
    expect(enrol_page.locator("[data-tile]")).to_have_count(24)
    expect(enrol_page.locator("[data-refused]")).to_contain_text("notes.txt – The file is not")
    enrol_page.get_by_label("Defect types").fill("deep dent")
    fit(enrol_page)
    expect(enrol_page.locator("[data-poll]")).to_contain_text("Waiting for a worker")
    deliver_all()
    expect(enrol_page.get_by_text("With 24 held-out normals")).to_be_visible()
    expect(enrol_page.locator(".histogram")).to_be_visible()
    expect(enrol_page.locator(".odd")).to_have_count(10)
    enrol_page.get_by_label("Reason").fill("All 24 normals looked at")
    enrol_page.get_by_label("Your password again").fill("a wrong one")
    enrol_page.get_by_role("button", name="Sign and activate").click()
    expect(enrol_page.locator(".message-error")).to_contain_text("password is not right")
    enrol_page.get_by_label("Reason").fill("All 24 normals looked at")
    enrol_page.get_by_label("Your password again").fill("a long password")
    enrol_page.get_by_role("button", name="Sign and activate").click()
    expect(enrol_page.locator(".message-success")).to_contain_text("judges tile from now on")
    assert ModelVersion.objects.get().status == "ACTIVE"


def test_the_oddest_is_removed_and_the_rest_fitted_again(enrol_page: Page, deliver_all):
    dropped(enrol_page, [*normals(20), ("bad.png", picture(200))])
    expect(enrol_page.locator("[data-tile]")).to_have_count(21)
    fit(enrol_page)
    deliver_all()
    enrol_page.locator(".odd").first.get_by_role("button", name="Remove bad.png").click()
    expect(enrol_page.get_by_text("The pictures have changed")).to_be_visible()
    expect(enrol_page.get_by_role("button", name="Sign and activate")).to_be_hidden()
    enrol_page.get_by_role("button", name="Fit again").click()
    deliver_all()
    expect(enrol_page.get_by_text("With 20 held-out normals")).to_be_visible()


def test_a_picture_is_removed_where_it_stands(enrol_page: Page):
    dropped(enrol_page, normals(3))
    expect(enrol_page.locator("[data-tile]")).to_have_count(3)
    enrol_page.get_by_role("button", name="Remove normal 1.png").click()
    expect(enrol_page.locator("[data-tile]")).to_have_count(2)
    expect(enrol_page.locator("[data-summary]")).to_contain_text("18 more are needed")
    assert Enrolment.objects.get().pictures.count() == 2


def test_a_cancelled_fit_shows_that_nothing_is_lost(enrol_page: Page):
    dropped(enrol_page, normals(20))
    expect(enrol_page.locator("[data-tile]")).to_have_count(20)
    fit(enrol_page)
    enrol_page.get_by_role("button", name="Cancel the fit").click()
    expect(enrol_page.get_by_role("heading", name="The fit was cancelled")).to_be_visible()
    expect(enrol_page.locator("[data-tile]")).to_have_count(20)


def test_a_whole_folder_is_chosen(enrol_page: Page, tmp_path: Path):
    inside = tmp_path / "parts" / "monday"
    inside.mkdir(parents=True)
    for name, data in normals(4):
        (inside / name).write_bytes(data)
    (inside / "Thumbs.db").write_bytes(b"x")
    enrol_page.get_by_label("Choose a folder").set_input_files(tmp_path / "parts")
    expect(enrol_page.locator("[data-upload-words]")).to_have_text("4 taken in.")
    assert Enrolment.objects.get().pictures.filter(name__startswith="parts/monday/").count() == 4


def test_a_part_becomes_golden_and_a_file_takes_its_place(enrol_page: Page, deliver_all, tmp_path):
    good = factories.submission(Product.objects.get(code="tile"))
    deliver_all()
    enrol_page.goto(f"/inspections/{good.pk}/")
    enrol_page.get_by_role("button", name="Make this the golden picture").click()
    expect(enrol_page.locator(".message-success")).to_be_visible()
    enrol_page.goto("/plant/products/tile/golden/")
    expect(enrol_page.get_by_alt_text("Golden picture")).to_be_visible()
    (tmp_path / "new.png").write_bytes(picture(seed=77))
    enrol_page.get_by_label("Picture of a good part").set_input_files(tmp_path / "new.png")
    enrol_page.get_by_role("button", name="Make it golden").click()
    expect(enrol_page.get_by_alt_text("Former golden picture")).to_have_count(1)
    assert GoldenPicture.objects.filter(retired_at=None).count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_of_enrolling(enrol_page: Page, deliver_all, scheme):
    page, found = enrol_page, {}
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found["empty"] = grave(page)
    dropped(page, [*normals(20), ("notes.txt", b"no picture")])
    expect(page.locator("[data-tile]")).to_have_count(20)
    expect(page.locator("[data-refused]")).to_be_visible()
    found["collecting"] = grave(page)
    fit(page)
    found["fitting"] = grave(page)
    deliver_all()
    expect(page.locator(".histogram")).to_be_visible()
    found["ready"] = grave(page)
    page.locator(".odd").first.get_by_role("button").click()
    expect(page.get_by_text("The pictures have changed")).to_be_visible()
    found["changed"] = grave(page)
    page.goto("/plant/products/tile/golden/")
    found["golden"] = grave(page)
    assert {where: faults for where, faults in found.items() if faults} == {}
