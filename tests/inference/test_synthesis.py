import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference import datasets
from inference.cli.main import main
from inference.synthesis import KINDS, change, one_of
from inference.synthesis.noise import perlin_noise
from inference.synthesis.textures import foreign, procedural
from tests.inference.pictures import noise, png, texture

kinds = st.sampled_from(sorted(KINDS))
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(16, 90)


def flat(value: int, height: int = 64, width: int = 80):
    return np.full((height, width, 3), value, np.uint8)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=60, deadline=None)
@given(kinds, seeds, sides, sides, st.booleans())
def test_a_made_up_defect_is_somewhere_and_nothing_else_changes(kind, seed, height, width, same):
    picture = noise(seed % 7, height, width) // 4 + 90
    donor = picture if same else texture(seed % 5, 64)
    before = picture.copy()
    made, mask = KINDS[kind](picture, donor, generator(seed))
    assert made.shape == picture.shape and made.dtype == np.uint8
    assert mask.shape == (height, width) and mask.dtype == np.bool_ and mask.any()
    assert np.array_equal(picture, before), "the picture that was given is left alone"
    border = cv2.dilate(mask.astype(np.uint8), np.ones((2 * change.BORDER + 1,) * 2)) > 0
    assert np.array_equal(made[~border], picture[~border])
    assert (made[mask] != picture[mask]).any(axis=1).mean() > 0.5


@settings(max_examples=15, deadline=None)
@given(kinds, seeds)
def test_the_same_chance_makes_the_same_defect(kind, seed):
    picture, donor = texture(1, 48), texture(2, 48)
    first, again = (KINDS[kind](picture, donor, generator(seed)) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("value", [0, 128, 255])
def test_even_an_empty_picture_gets_a_defect(kind, value):
    made, mask = KINDS[kind](flat(value), flat(value), generator(0))
    assert mask.any() and (made != value).any()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_seeds_make_different_defects(kind):
    masks = [KINDS[kind](texture(1, 64), texture(2, 64), generator(s))[1] for s in range(4)]
    assert len({mask.tobytes() for mask in masks}) > 1


def test_a_grey_camera_gets_no_coloured_defect():
    for seed in range(8):
        made, _ = KINDS["perlin"](texture(1, 64), texture(2, 64), generator(seed))
        assert not np.ptp(made, axis=2).any()


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (np.zeros((15, 40, 3), np.uint8), "at least 16 pixels"),
        (np.zeros((40, 40), np.uint8), "uint8"),
        (np.zeros((40, 40, 3), np.float32), "uint8"),
    ],
)
def test_what_is_no_picture_is_refused(picture, says):
    for make in KINDS.values():
        with pytest.raises(ValueError, match=says):
            make(picture, texture(0, 64), generator(0))


def test_one_of_says_which_kind_it_was():
    _, mask, kind = one_of(["nsa"], texture(1, 64), texture(2, 64), generator(0))
    assert kind == "nsa" and mask.any()
    with pytest.raises(KeyError):
        one_of(["magic"], texture(1, 64), texture(2, 64), generator(0))


@settings(max_examples=30, deadline=None)
@given(sides, sides, st.integers(1, 12), st.integers(1, 12), seeds)
def test_noise_stays_within_its_range_and_is_smooth(height, width, rows, columns, seed):
    found = perlin_noise(height, width, rows, columns, generator(seed))
    assert found.shape == (height, width) and np.abs(found).max() <= 1
    if rows * 8 <= height:
        assert np.abs(np.diff(found, axis=0)).max() < 0.75


def test_noise_needs_a_size():
    with pytest.raises(ValueError, match="at least one pixel and one cell"):
        perlin_noise(0, 4, 1, 1, generator(0))


def test_textures_are_pictures_unlike_the_donor():
    donor = texture(3, 64)
    for seed in range(10):
        for made in (foreign(donor, generator(seed)), procedural(donor, generator(seed))):
            assert made.shape == donor.shape and made.dtype == np.uint8
            assert not np.array_equal(made, donor)


@pytest.fixture
def good_parts(tmp_path):
    folder = tmp_path / "good"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.png").write_bytes(png(texture(seed, 64)))
    return folder


def test_the_command_writes_a_data_set_and_a_sheet(good_parts, tmp_path, capsys):
    out = tmp_path / "made"
    assert main(["synthesise", str(good_parts), "--out", str(out), "--count", "2"]) == 0
    rows = datasets.labelled(out, "test")
    assert len(rows) == 6 and {row.defect_type for row in rows} == set(KINDS)
    for row in rows:
        assert np.asarray(Image.open(row.mask)).any()
    sheet = np.asarray(Image.open(out / "sheet.png"))
    assert (sheet == (255, 0, 0)).all(axis=2).any() and sheet.shape == (6 * 192, 2 * 192, 3)
    assert "6 pictures" in capsys.readouterr().out


def test_the_same_seed_writes_the_same_files(good_parts, tmp_path):
    for name in ("a", "b"):
        arguments = ["--out", str(tmp_path / name), "--kind", "nsa", "--count", "2", "--seed", "5"]
        assert main(["synthesise", str(good_parts), *arguments]) == 0
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.png")]
    assert len(files) == 5
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_command_refuses_to_overwrite(good_parts, tmp_path, capsys):
    for out, says in ((good_parts, "not an empty folder"), (good_parts / "0.png", "not an empty")):
        assert main(["synthesise", str(good_parts), "--out", str(out)]) == 2
        assert says in capsys.readouterr().err
    assert main(["synthesise", str(tmp_path / "no"), "--out", str(tmp_path / "x")]) == 2
    assert not (tmp_path / "x").exists()
