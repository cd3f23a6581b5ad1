import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from inference import artefact
from inference.cli.main import main
from tests.inference.pictures import png, scratched, texture

KEYS = {
    "images", "image_auroc", "image_ap", "image_f1_max", "balanced_accuracy", "false_call_rate",
    "escape_rate", "not_decidable_rate", "pixel_auroc", "pixel_ap", "aupro", "per_defect_type",
    "latency_ms", "images_per_second", "fit_seconds", "artefact_bytes", "artefact_sha256",
    "backbone", "detector", "promise", "groups", "left_out", "intervals", "seen_types",
    "unseen_types",
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Twelve good parts to fit on, four good and four scratched ones to test, with a manifest."""
    folder = tmp_path_factory.mktemp("striped")
    rows = []
    for number in range(20):
        bad, name = number >= 16, f"{number:02d}.png"
        pixels = scratched(number) if bad else texture(number)
        (folder / name).write_bytes(png(pixels))
        mask = f"mask_{name}" if bad else ""
        if bad:
            Image.fromarray(((pixels[:, :, 0] == 235) * 255).astype(np.uint8)).save(folder / mask)
        split = "train" if number < 12 else "test"
        kind = "scratch" if bad else ""
        rows.append([name, split, "defect" if bad else "good", kind, mask, f"part {number // 2}"])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["path", "split", "label", "defect_type", "mask", "group"], *rows]
        )
    return folder


@pytest.fixture(scope="module")
def fitted(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "stub"
    assert (
        main(["fit", str(dataset), "--out", str(out), "--detector", "stub", "--size", "128"]) == 0
    )
    return out


def test_fit_says_what_it_made(dataset, tmp_path, capsys):
    assert main(["fit", str(dataset), "--out", str(tmp_path / "a"), "--detector", "stub"]) == 0
    said = capsys.readouterr().out
    assert "stub from 12 pictures" in said and "with 6 held-out normals" in said
    assert artefact.sha256(tmp_path / "a") in said


def test_judge_speaks_in_words(fitted, dataset, capsys):
    assert main(["judge", str(fitted), str(dataset / "19.png"), str(dataset / "13.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "not ok" in lines[0] and "bottom right" in lines[0]
    assert "13.png: ok" in lines[1]


def test_judge_prints_one_json_object_and_draws_overlays(fitted, dataset, tmp_path, capsys):
    overlays = tmp_path / "overlays"
    images = [str(dataset / "19.png"), str(dataset / "13.png")]
    assert main(["judge", str(fitted), *images, "--json", "--overlay", str(overlays)]) == 0
    found = json.loads(capsys.readouterr().out)
    bad, good = found["judgements"]
    assert bad["evaluation"] == "not_ok" and good["evaluation"] == "ok"
    assert bad["image"] == images[0] and found["artefact"] == artefact.sha256(fitted)
    drawn = np.asarray(Image.open(bad["overlay"]))
    assert drawn.shape == (128, 128, 3)
    assert (drawn == (0, 255, 255)).all(axis=2).any(), "the outline is missing"
    assert not (np.asarray(Image.open(good["overlay"])) == (0, 255, 255)).all(axis=2).any()


def test_evaluate_prints_the_agreed_keys(fitted, dataset, capsys):
    assert main(["evaluate", str(fitted), str(dataset), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == KEYS
    assert figures["images"] == 8 and figures["image_auroc"] == 1.0
    assert set(figures["per_defect_type"]["scratch"]) >= {"image_auroc", "recall"}
    assert set(figures["latency_ms"]) == {"p50", "p95", "p99"}
    assert figures["artefact_sha256"] == artefact.sha256(fitted)
    assert figures["pixel_auroc"] > 0.9 and figures["aupro"] > 0.8
    assert figures["detector"] == "stub" and figures["fit_seconds"] > 0


def test_evaluate_can_take_an_even_sample(fitted, dataset, capsys):
    assert main(["evaluate", str(fitted), str(dataset), "--json", "--limit", "4"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["images"] == 4 and "scratch" in figures["per_defect_type"]


def test_evaluate_without_defects_has_null_for_what_cannot_be_known(fitted, dataset, capsys):
    assert main(["evaluate", str(fitted), str(dataset), "--json", "--split", "train"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["image_auroc"] is None and figures["false_call_rate"] is not None


def test_evaluate_prints_a_table_for_people(fitted, dataset, capsys):
    assert main(["evaluate", str(fitted), str(dataset)]) == 0
    assert "image_auroc            1.0000" in capsys.readouterr().out


def test_list_names_what_there_is(capsys):
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert "memory" in said and "stub" in said and "open_clip" in said and "hf:<folder>" in said


def wrong(arguments: list[str], capsys) -> str:
    """The one sentence of a refusal."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse
        status = int(stop.code or 0)
    assert status == 2
    streams = capsys.readouterr()
    assert streams.out == "" and "Traceback" not in streams.err
    return streams.err.strip().splitlines()[-1]


def test_wrong_use_ends_with_a_sentence_and_status_2(fitted, dataset, tmp_path, capsys):
    good, out = str(dataset / "13.png"), ["--out", str(tmp_path / "a")]
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.png").write_bytes(png(texture(1)))
    cases = [
        (["judge", str(tmp_path / "no"), good], "is not an artefact"),
        (["judge", str(fitted), str(tmp_path / "no.png")], "cannot be read"),
        (["judge", str(fitted), str(tmp_path / "text.png")], "text.png: The file is not a picture"),
        (["judge", str(fitted), good, "--overlay", good], "cannot take overlays"),
        (["evaluate", str(fitted), str(tmp_path / "no")], "no folder or manifest"),
        (["evaluate", str(fitted), str(dataset), "--split", "x"], "in the split 'x'"),
        (["evaluate", str(fitted), str(dataset), "--limit", "0"], "whole number above 0"),
        (["fit", str(tmp_path / "no"), *out], "no folder or manifest"),
        (["fit", str(dataset), "--out", str(dataset)], "is not an artefact"),
        (["fit", str(dataset), *out, "--size", "100"], "multiple of 8"),
        (["fit", str(dataset), *out, "--backbone", "nothing"], "no backbone named 'nothing'"),
        (["fit", str(dataset), *out, "--backbone", "timm:resnet18"], "python -m inference pull"),
        (["fit", str(dataset), *out, "--backbone", "timm:resnet18@no"], "There is no file no"),
        (["fit", str(dataset), *out, "--detector", "magic"], "invalid choice"),
        (["fit", str(dataset), *out, "--device", "toaster"], "no device 'toaster'"),
        (["fit", str(tmp_path / "one"), *out], "at least two good parts"),
        (
            ["fit", str(dataset), *out, "--confirmed", "1"],
            "memory takes no --confirmed: choose head",
        ),
        (["fit", str(dataset), *out, "--checkpoint", "x"], "memory takes no --checkpoint"),
        (["fit", str(dataset), *out, "--confirmed-groups"], "add --confirmed N"),
        (["fit", str(dataset), *out, "--seed", "-1"], "whole number, 0 or above"),
        (["synthesise", str(dataset), "--out", str(dataset)], "not an empty folder"),
        (["pull", "builtin"], "no weights to fetch"),
        (["fly"], "invalid choice"),
        ([], "required"),
    ]
    for arguments, says in cases:
        assert says in wrong(arguments, capsys), arguments
    assert not (tmp_path / "a").exists()


@pytest.fixture(scope="module")
def taught(dataset, tmp_path_factory):
    """A head that knows one scratch of the test split, and which other views its part has."""
    out = tmp_path_factory.mktemp("taught")
    size = ["--detector", "head", "--size", "64", "--checkpoint", str(out / "state")]
    drawn = ["--confirmed", "1", "--confirmed-groups"]
    assert main(["fit", str(dataset), "--out", str(out / "a"), *size, *drawn]) == 0
    return out / "a"


def test_confirmed_defects_are_learnt_and_then_no_longer_tested(taught, dataset, capsys):
    config = artefact.read(taught).config
    assert config["seen_types"] == ["scratch"] and config["defects"] == 2
    digests = {artefact.digest((dataset / f"{n}.png").read_bytes()): n for n in range(16, 20)}
    learnt = {digests[name] for name in config["learnt"]}
    assert learnt in ({16, 17}, {18, 19}), "a part has two views"
    assert (taught.parent / "state").is_file()
    assert main(["evaluate", str(taught), str(dataset), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["images"] == 6 and figures["detector"] == "head"


def test_defects_that_cannot_be_learnt_end_with_a_sentence(dataset, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(png(scratched(1)))
    (tmp_path / "m.png").write_bytes(png(texture(1, 64)))
    given = ["fit", str(tmp_path), "--out", str(tmp_path / "x"), "--detector", "head"]
    header = "path,split,label,defect_type,mask\n"
    (tmp_path / "manifest.csv").write_text(f"{header}a.png,train,defect,scratch,m.png\n")
    assert "what is normal must be shown too" in wrong(given, capsys)
    names = [f"{number}.png" for number in range(4)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(png(texture(number)))
    with (tmp_path / "manifest.csv").open("a") as file:
        file.writelines(f"{name},train,good,,\n" for name in names)
    assert "m.png is 64 x 64 pixels, its picture 128 x 128" in wrong(given, capsys)
    assert "no defects with a mask in the split 'test'" in wrong(
        [*given, "--confirmed", "1"], capsys
    )
    assert not (tmp_path / "x").exists()


def test_a_damaged_artefact_is_refused(fitted, dataset, tmp_path, capsys):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in fitted.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / artefact.MODEL).write_bytes(b"x")
    said = wrong(["judge", str(copy), str(dataset / "13.png")], capsys)
    assert "is damaged" in said


def test_the_module_runs_as_a_program(fitted, dataset):
    done = subprocess.run(
        [sys.executable, "-m", "inference", "judge", fitted, dataset / "19.png", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["judgements"][0]["evaluation"] == "not_ok"
