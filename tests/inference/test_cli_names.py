import csv
import json

import numpy as np
import pytest
from PIL import Image

from inference import artefact
from inference.cli.main import main
from tests.inference.pictures import png, scratched, texture

KINDS = ("Kratzer", "Loch")
KEYS = {
    "answers", "accuracy", "macro_f1", "calibration_error", "unknown_rate", "confusion",
    "left_out", "namer", "types", "artefact_sha256",
}  # fmt: skip


def defective(kind: str, seed: int) -> np.ndarray:
    if kind == "Kratzer":
        return scratched(seed)
    pixels = texture(seed)
    y, x = np.random.default_rng(seed).integers(10, 80, 2)
    pixels[y : y + 30, x : x + 30] = 235
    pixels[y + 8 : y + 22, x + 8 : x + 22] = 5
    return pixels


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Ten good parts; of each kind eight defects to teach and six to test, with masks."""
    folder = tmp_path_factory.mktemp("kinds")
    rows = []
    for number in range(10):
        (folder / f"good{number}.png").write_bytes(png(texture(number)))
        rows.append([f"good{number}.png", "train", "good", "", "", ""])
    for kind in KINDS:
        for number in range(14):
            name, pixels = f"{kind}{number}.png", defective(kind, 50 + number)
            (folder / name).write_bytes(png(pixels))
            mask = (np.abs(pixels[:, :, 0].astype(int) - 120) > 100).astype(np.uint8) * 255
            Image.fromarray(mask).save(folder / f"mask_{name}")
            split = "train" if number < 8 else "test"
            rows.append([name, split, "defect", kind, f"mask_{name}", f"{kind} {number}"])
    with (folder / "manifest.csv").open("w", newline="") as file:
        heading = ["path", "split", "label", "defect_type", "mask", "group"]
        csv.writer(file).writerows([heading, *rows])
    return folder


@pytest.fixture(scope="module")
def stub(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("stub") / "a"
    assert main(["fit", str(dataset), "--out", str(out), "--detector", "stub"]) == 0
    return out


@pytest.fixture(scope="module")
def named(dataset, stub, tmp_path_factory):
    out = tmp_path_factory.mktemp("named") / "a"
    assert main(["teach", str(stub), str(dataset), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def alone(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "a"
    assert main(["teach", "none", str(dataset), "--out", str(out), "--per-type", "6"]) == 0
    return out


def evaluated(arguments, capsys):
    assert main(["evaluate-names", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_teach_says_what_was_taught(dataset, tmp_path, capsys):
    out = tmp_path / "a"
    assert main(["teach", "none", str(dataset), "--out", str(out), "--per-type", "5"]) == 0
    said = capsys.readouterr().out
    assert "names for 2 types from crops: Kratzer 5, Loch 5" in said
    assert "promise: with 10 held-out crops" in said and artefact.sha256(out) in said


def test_a_taught_detector_judges_with_names(named, dataset, capsys):
    assert main(["judge", str(named), str(dataset / "Kratzer12.png")]) == 0
    assert "probable Kratzer" in capsys.readouterr().out


@pytest.mark.parametrize("regions", ["true", "found", "whole"])
def test_evaluate_names_prints_the_agreed_keys(named, dataset, regions, capsys):
    found = evaluated([named, dataset, "--regions", regions], capsys)
    assert set(found) == KEYS and found["answers"] == 12 and found["left_out"] == 0
    assert found["types"] == list(KINDS) and found["namer"] == "prototypes"
    if regions == "true":
        assert found["accuracy"] >= 0.8


def test_a_namer_alone_is_an_artefact(alone, dataset, capsys):
    found = evaluated([alone, dataset], capsys)
    assert found["accuracy"] >= 0.8 and found["artefact_sha256"] == artefact.sha256(alone)
    assert main(["evaluate-names", str(alone), str(dataset)]) == 0
    assert "Loch: Loch" in capsys.readouterr().out


def test_what_was_taught_is_left_out(alone, dataset, capsys):
    found = evaluated([alone, dataset, "--split", "train"], capsys)
    assert found["left_out"] == 12 and found["answers"] == 4


def test_a_namer_alone_says_that_it_cannot_judge(alone, dataset, capsys):
    said = wrong(["judge", str(alone), str(dataset / "good0.png")], capsys)
    assert "holds names and no detector" in said and "python -m inference teach" in said


def test_names_are_taught_and_not_fitted(dataset, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["fit", str(dataset), "--out", str(tmp_path / "a"), "--detector", "named"])
    assert "invalid choice: 'named'" in capsys.readouterr().err


def test_discover_puts_kinds_together(alone, dataset, tmp_path, capsys):
    out = tmp_path / "sheets"
    assert (
        main(
            ["discover", str(alone), str(dataset), "--out", str(out), "--json", "--regions", "true"]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 28 and found["figures"]["defects"] == 28
    assert found["figures"]["nmi"] > 0.5 and len(found["clusters"]) >= 2
    for cluster in found["clusters"]:
        sheet = np.asarray(Image.open(cluster["sheet"]))
        assert sheet.shape[2] == 3 and sheet.shape[1] == 6 * 132 + 4
        assert cluster["typical"][0]["distance"] == 0


def test_discover_takes_what_a_detector_finds(stub, dataset, tmp_path, capsys):
    out = tmp_path / "sheets"
    assert main(["discover", str(stub), str(dataset), "--out", str(out), "--split", "test"]) == 0
    assert "unknown regions in 12 pictures" in capsys.readouterr().out


def wrong(arguments: list[str], capsys) -> str:
    """The one sentence of a refusal."""
    assert main(arguments) == 2
    streams = capsys.readouterr()
    assert streams.out == "" and "Traceback" not in streams.err
    return streams.err.strip().splitlines()[-1]


def test_wrong_use_ends_with_a_sentence(alone, stub, dataset, tmp_path, capsys):
    data, out = str(dataset), ["--out", str(tmp_path / "a")]
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.png").write_bytes(png(texture(1)))
    (tmp_path / "file").write_text("x")
    cases = [
        (["teach", str(tmp_path / "no"), data, *out], "is not an artefact"),
        (["teach", str(alone), data, *out], "has no detector"),
        (["teach", "none", str(tmp_path / "good"), *out], "no defects of a known type"),
        (["teach", "none", data, *out, "--split", "x"], "in the split 'x'"),
        (["teach", "none", data, "--out", data], "is not an artefact"),
        (["teach", "none", data, *out, "--backbone", "nothing"], "no backbone named 'nothing'"),
        (["evaluate-names", str(stub), data], "does not name"),
        (["evaluate-names", str(alone), data, "--regions", "found"], "has no detector"),
        (["discover", str(alone), data, *out, "--split", "x"], "in the split 'x'"),
        (["discover", str(alone), data, "--out", str(tmp_path / "file")], "cannot take sheets"),
    ]
    for arguments, says in cases:
        assert says in wrong(arguments, capsys), arguments
    assert not (tmp_path / "a").exists()
