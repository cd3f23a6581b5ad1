import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import artefact
from inference.artefact import BadArtefact

CONFIG = {"detector": "stub", "size": 64, "nested": {"b": 1, "a": [0.1, 2.5]}}
TENSORS = {"bank": np.arange(12, dtype=np.float16).reshape(3, 4), "a": np.ones(2, np.float32)}


def test_what_is_written_is_read(tmp_path):
    name = artefact.write(tmp_path / "a", CONFIG, TENSORS, {"fit_seconds": 2.5})
    found = artefact.read(tmp_path / "a")
    assert found.sha256 == name == artefact.sha256(tmp_path / "a") == artefact.name(CONFIG, TENSORS)
    assert {key: found.config[key] for key in CONFIG} == CONFIG
    assert found.notes == {"fit_seconds": 2.5}
    for key, value in TENSORS.items():
        assert found.tensors[key].dtype == value.dtype
        assert np.array_equal(found.tensors[key], value)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    artefact.write(tmp_path / "a", CONFIG, TENSORS)
    artefact.write(tmp_path / "b", dict(reversed(CONFIG.items())), dict(reversed(TENSORS.items())))
    for file in (artefact.CONFIG, artefact.MODEL):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_notes_are_no_part_of_the_name(tmp_path):
    first = artefact.write(tmp_path / "a", CONFIG, TENSORS, {"fit_seconds": 1})
    assert artefact.write(tmp_path / "b", CONFIG, TENSORS, {"fit_seconds": 2}) == first


def test_another_weight_gives_another_name():
    other = {**TENSORS, "a": np.array([1, 1.001], np.float32)}
    assert artefact.name(CONFIG, other) != artefact.name(CONFIG, TENSORS)


def test_an_array_in_another_memory_order_is_the_same_tensor(tmp_path):
    turned = {**TENSORS, "bank": np.asfortranarray(TENSORS["bank"])}
    artefact.write(tmp_path / "a", CONFIG, turned)
    assert np.array_equal(artefact.read(tmp_path / "a").tensors["bank"], TENSORS["bank"])


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_weights_is_noticed(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("artefact") / "a"
    artefact.write(folder, CONFIG, TENSORS)
    model = folder / artefact.MODEL
    data = bytearray(model.read_bytes())
    data[place % len(data)] ^= 1 << bit
    model.write_bytes(data)
    with pytest.raises(BadArtefact, match="does not have the sha256"):
        artefact.read(folder)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "names no files"),
        ("{}", "names no files"),
        ('{"files": {}, "format": 99}', "is of format 99"),
    ],
)
def test_a_broken_config_is_refused(tmp_path, content, says):
    (tmp_path / artefact.CONFIG).write_text(content)
    with pytest.raises(BadArtefact, match=says):
        artefact.sha256(tmp_path)


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(BadArtefact, match=r"config\.json cannot be read"):
        artefact.read(tmp_path)


def test_weights_that_are_no_safetensors_are_refused(tmp_path):
    artefact.write(tmp_path / "a", CONFIG, TENSORS)
    (tmp_path / "a" / artefact.MODEL).write_bytes(b"pickle")
    config = json.loads((tmp_path / "a" / artefact.CONFIG).read_text())
    config["files"][artefact.MODEL] = artefact.digest(b"pickle")
    (tmp_path / "a" / artefact.CONFIG).write_text(json.dumps(config))
    with pytest.raises(BadArtefact, match="not a safetensors file"):
        artefact.read(tmp_path / "a")


def test_an_older_artefact_is_replaced_whole(tmp_path):
    artefact.write(tmp_path / "a", CONFIG, TENSORS)
    (tmp_path / "a" / "left over").write_text("x")
    name = artefact.write(tmp_path / "a", {**CONFIG, "size": 128}, TENSORS)
    assert artefact.read(tmp_path / "a").sha256 == name
    assert not (tmp_path / "a" / "left over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_something_else_is_not_replaced(tmp_path):
    (tmp_path / "holiday.jpg").write_text("x")
    with pytest.raises(BadArtefact, match="is not an artefact: choose another place"):
        artefact.write(tmp_path, CONFIG, TENSORS)
    assert (tmp_path / "holiday.jpg").exists()


def test_a_failed_write_leaves_the_older_one_and_nothing_else(tmp_path):
    name = artefact.write(tmp_path / "a", CONFIG, TENSORS)
    with pytest.raises(ValueError):
        artefact.write(tmp_path / "a", {"score": float("nan")}, TENSORS)
    assert artefact.read(tmp_path / "a").sha256 == name
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
