"""Labels come in and go out by the browser, and nobody is kept from it."""

import zipfile
from pathlib import Path

import pytest

from qms.labels.models import Annotation
from tests import factories
from tests.browser.test_accessibility import grave
from tests.labeling.exchange.pictures import labelled, region
from tests.qms.labels.exchange_fixtures import coco_zip

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def faults(page):
    """In both themes, without what moves."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += grave(page)
    return found


def test_a_file_is_looked_at_brought_in_and_taken_out_again(page, sign_in, tmp_path: Path):
    factories.model(factories.product("tile", "dent"))
    file = tmp_path / "labels.zip"
    bad = labelled(seed=3, width=65)
    file.write_bytes(coco_zip(labelled(region(), seed=1), labelled(seed=2), bad).getvalue())
    sign_in("mia", "ml")
    page.goto("/labels/export/")
    assert "Nothing is labelled yet" in page.content()
    page.get_by_role("link", name="Import labels").first.click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Make defect types").check()
    page.get_by_role("button", name="Show what would come in").click()
    page.wait_for_selector("text=What labels.zip would bring in")
    assert faults(page) == []
    page.get_by_role("button", name="Import the others").click()
    page.wait_for_selector("text=2 new pictures, 2 new annotations. 1 could not come in")
    assert Annotation.objects.count() == 2
    assert faults(page) == []
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download COCO").click()
    with zipfile.ZipFile(waiting.value.path()) as opened:
        assert opened.testzip() is None
        assert "manifest.json" in opened.namelist()
