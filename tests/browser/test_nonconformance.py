"""A bad part's whole way: raised by one key, contained, signed for, mended, closed, printed."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from qms.accounts.models import Signature
from qms.events import seal
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.quality.models import Nonconformance
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rejected(roles: None, deliver_all) -> Inspection:
    """A good part, a bad one that a person rejected, and one that came after."""
    station = plant.ensure_station("S1")
    for number, brightness in enumerate([factories.NORMAL, factories.DEFECT, factories.NORMAL]):
        factories.submission(
            brightness=brightness, seed=number, serial=f"S{number}", station=station, lot="L7"
        )
        deliver_all()
    review, ines = Review.objects.get(), factories.person("ines")
    dent = review.product.defect_types.get(code="dent")
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(
        review, decision="NOT_OK", defect_type=dent, by=ines, now=timezone.now(), note="deep"
    )
    deliver_all()
    return review.inspection


@pytest.fixture
def raised(page: Page, sign_in, rejected) -> Page:
    """By the key D on the page of the part."""
    sign_in("lea", "lead")
    page.goto(f"/inspections/{rejected.pk}/")
    page.keyboard.press("d")
    expect(page.get_by_label("What was found")).to_have_value("Dent: S1")
    page.get_by_label("Everything of the station since its last good part").check()
    page.get_by_label("Put lot L7 on hold").check()
    page.get_by_role("button", name="Raise it").click()
    expect(page.get_by_text("Contain it next")).to_be_visible()
    return page


def test_a_bad_part_goes_all_the_way(raised: Page, deliver_all):
    page, case = raised, Nonconformance.objects.get()
    expect(page.get_by_role("heading", name=case.number)).to_be_visible()
    expect(page.get_by_role("heading", name="Parts in doubt now")).to_contain_text("2")
    page.get_by_label("How are the 2 parts kept apart?").fill("Rack 4")
    page.get_by_role("button", name="Contain 2 parts").click()
    expect(page.get_by_role("heading", name="Containment list")).to_contain_text("2")

    page.get_by_role("link", name="Decide").first.click()
    expect(page.get_by_label("Line of the part")).to_have_value("1")
    _sign(page, "Scrap", "guess")
    expect(page.get_by_text("The password is not right")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("agreed on the line")
    expect(page.get_by_label("Your password again")).to_have_value("")
    assert not Signature.objects.exists()
    _sign(page, "Scrap", "a long password")
    expect(page.get_by_text("The disposition is signed")).to_be_visible()
    page.get_by_label("Which parts").select_option("REST")
    page.get_by_label("Line of the part").fill("")
    _sign(page, "Sort", "a long password")
    expect(page.get_by_role("heading", name="Next: close it")).to_be_visible()
    expect(page.get_by_text("There is no corrective action")).to_be_visible()

    page.get_by_label("Why did it happen?").fill("Worn fixture")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("What is to be done").fill("Change the fixture")
    page.get_by_label("Kind").select_option("CORRECTIVE")
    today = timezone.localdate().isoformat()
    page.get_by_label("Due").fill(today)
    page.get_by_label("Check whether it helped").fill(today)
    page.get_by_role("button", name="Agree on it").click()
    page.get_by_label("What was done").fill("changed")
    page.get_by_role("button", name="It is done").click()
    page.get_by_label("Did it help?").fill("none in 400 parts")
    page.get_by_role("button", name="Effective", exact=True).click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text(f"{case.number} is closed")).to_be_visible()


def _sign(page: Page, kind: str, password: str) -> None:
    page.get_by_label("What is done with the parts").select_option(label=kind)
    page.get_by_label("Reason").fill("agreed on the line")
    page.get_by_label("Your password again").fill(password)
    page.get_by_role("button", name="Sign the disposition").click()


def test_the_evidence_is_printed_on_sheets_of_a4(raised: Page, tmp_path):
    seal.seal()
    raised.keyboard.press("p")
    expect(raised.get_by_role("button", name="Print, or save as PDF")).to_be_visible()
    expect(raised.locator(".part-picture .outline")).to_have_count(1)
    expect(raised.get_by_role("img", name="Pareto")).to_be_visible()
    raised.emulate_media(media="print")
    expect(raised.locator(".tools")).to_be_hidden()
    sheets = raised.pdf(prefer_css_page_size=True)
    assert sheets.startswith(b"%PDF")
    assert b"/MediaBox [0 0 594.9" in sheets or b"/MediaBox [0 0 595" in sheets
    wide = raised.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_no_page_of_the_room_is_wider_than_a_telephone(raised: Page):
    case = Nonconformance.objects.get()
    raised.set_viewport_size({"width": 390, "height": 800})
    own = f"/quality/{case.number}/"
    for address in (own, f"{own}evidence/", f"/lots/{case.lot_id}/"):
        raised.goto(address)
        beyond = raised.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{address} is {beyond} px too wide"
