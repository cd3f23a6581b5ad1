"""The commands that take labels out and bring them in."""

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from tests.labeling.exchange.pictures import labelled, region, square
from tests.qms.labels.exchange_fixtures import brought_in, coco_zip, tile

A_PICTURE = labelled(region(square(3, 5), severity="MAJOR"), region(square(20, 20), None), seed=1)


@pytest.fixture
def product(db):
    return tile()


def test_the_commands_take_out_and_bring_in(product, tmp_path, capsys):
    brought_in(coco_zip(A_PICTURE, labelled(seed=2)), product)
    file = tmp_path / "out.zip"
    call_command("export_labels", "tile", str(file), "--as", "coco", "--shares", "100,0,0")
    assert "2 labelled pictures" in capsys.readouterr().out
    call_command("import_labels", "tile", str(file), "--as", "coco", "--dry-run")
    assert "Would be 0 new pictures, 0 new annotations, 2 known" in capsys.readouterr().out
    other = factories.product("other", "chip")
    factories.model(other)
    with pytest.raises(CommandError, match=r"no defect type dent, scratch.*Nothing was stored"):
        call_command("import_labels", "other", str(file), "--as", "coco")
    call_command("import_labels", "other", str(file), "--as", "coco", "--add-types")
    assert "Done: 2 new pictures, 2 new annotations" in capsys.readouterr().out


def test_the_commands_say_what_is_wrong_in_a_sentence(product, tmp_path):
    with pytest.raises(CommandError, match="no product brick"):
        call_command("export_labels", "brick", str(tmp_path / "a.zip"), "--as", "coco")
    for option, value in (("--shares", "80,30,10"), ("--from", "yesterday")):
        with pytest.raises(CommandError, match=f"{value}' (are no three|is no day)"):
            call_command("export_labels", "tile", "a.zip", "--as", "coco", option, value)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_labels", "tile", str(tmp_path / "no" / "a.zip"), "--as", "yolo")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_labels", "tile", str(tmp_path / "a.zip"), "--as", "coco")
    (tmp_path / "a.zip").write_bytes(b"x")
    with pytest.raises(CommandError, match="not a zip"):
        call_command("import_labels", "tile", str(tmp_path / "a.zip"), "--as", "coco")
