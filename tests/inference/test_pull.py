import pytest

from inference.backbones import open_backbone
from inference.cli import listing
from inference.cli.main import main
from inference.download import CannotFetch, fetch
from inference.zoo import UnknownName


def test_every_family_is_listed(capsys):
    assert main(["pull", "list"]) == 0
    said = capsys.readouterr().out
    for name in ("builtin", "timm:<model>", "open_clip:<model>/<tag>", "hf:<folder>", "zeroshot"):
        assert name in said
    assert "?layers=" in said and "not yet" not in said


def test_the_families_that_are_listed_are_there():
    families = {name.partition(":")[0] for name in listing.BACKBONES}
    with pytest.raises(UnknownName) as refused:
        open_backbone("nothing")
    assert all(family in str(refused.value) for family in families)


@pytest.mark.parametrize(
    "name",
    ["builtin", "timm:nothing", "open_clip:ViT-B-32", "open_clip:nothing/at-all", "hf:nothing"],
)
def test_what_is_not_published_is_refused_in_a_sentence(name, tmp_path, capsys):
    assert main(["pull", name, "--out", str(tmp_path / "weights")]) == 2
    said = capsys.readouterr().err
    assert "no weights to fetch" in said and said.count("\n") == 1
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://127.0.0.1:1/model.safetensors", "cannot be fetched .* name the file"),
        ("http://127.0.0.1:1/model.safetensors", "is not an https address"),
    ],
)
def test_what_cannot_be_fetched_leaves_nothing_behind(url, says, tmp_path):
    with pytest.raises(CannotFetch, match=says):
        fetch(url, tmp_path / "model.safetensors", lambda _done, _total: None)
    assert list(tmp_path.iterdir()) == []
