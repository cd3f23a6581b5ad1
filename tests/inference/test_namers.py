import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import regions, runlengths
from inference.backbones import open_backbone
from inference.judgement import Candidate
from inference.labelled import Labelled
from inference.namers import crops, learning, outlines, shelf
from inference.namers.features import CropFeatures
from inference.namers.figures import calibration_error, confusion, figures, macro_f1
from inference.namers.namer import UNKNOWN, ranked, softmax, vote
from inference.namers.prototypes import Prototypes
from inference.namers.spread import Spread
from inference.zoo import UnknownName
from tests.inference.pictures import picture, texture

SIDE = 96


def steel(seed: int) -> np.ndarray:
    """A good surface: soft stripes."""
    return texture(seed, SIDE)


def spotted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark round spot, and its mask."""
    rng = np.random.default_rng(seed)
    y, x = rng.integers(30, SIDE - 30, 2)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = (rows - y) ** 2 + (columns - x) ** 2 < rng.integers(8, 14) ** 2
    pixels = steel(seed)
    pixels[mask] = pixels[mask] // 4
    return pixels, mask


def lined(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A bright thin line."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((SIDE, SIDE), bool)
    y, x = rng.integers(20, SIDE - 20), rng.integers(5, 30)
    mask[y : y + 4, x : x + 50] = True
    pixels = steel(seed)
    pixels[mask] = 240
    return pixels, mask


def grained(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A square of strong noise."""
    rng = np.random.default_rng(seed)
    y, x = rng.integers(10, SIDE - 50, 2)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y : y + 40, x : x + 40] = True
    pixels = steel(seed)
    pixels[mask] = rng.integers(0, 256, (int(mask.sum()), 1), dtype=np.uint8)
    return pixels, mask


MAKERS = {"Fleck": spotted, "Kratzer für Süße": lined, "粗糙": grained}


def confirmed(kind: str, seed: int, group: str = "") -> Labelled:
    pixels, mask = MAKERS[kind](seed)
    return Labelled(
        picture=picture(pixels), defect_type=kind, mask=mask, group=group, sha256=f"{seed}"
    )


def some(count: int, kinds=tuple(MAKERS), first: int = 0) -> list[Labelled]:
    return [
        confirmed(kind, 1000 * number + first + seed)
        for number, kind in enumerate(kinds)
        for seed in range(count)
    ]


def said(namer: Prototypes, one: Labelled) -> list[Candidate]:
    return namer.name(one.picture, [crops.place(one)])[0]


@pytest.fixture(scope="module")
def backbone():
    return open_backbone("builtin")


@pytest.fixture(scope="module")
def namer(backbone) -> Prototypes:
    return Prototypes.fit(some(10), backbone, size=64)


def test_new_crops_get_the_name_of_their_kind(namer):
    new = some(8, first=500)
    right = [said(namer, one)[0].code == one.defect_type for one in new]
    assert sum(right) >= 22, "of 24; one or two may be called unknown"


def test_probabilities_are_ordered_and_sum_to_one(namer):
    for one in some(3, first=700):
        found = said(namer, one)
        assert {c.code for c in found} == {*MAKERS, UNKNOWN}
        shares = [c.probability for c in found]
        assert sum(shares) == pytest.approx(1) and shares == sorted(shares, reverse=True)
        assert min(shares) >= 0


def test_unknown_is_said_of_a_kind_never_taught(backbone):
    namer = Prototypes.fit(some(12, ("Fleck", "Kratzer für Süße")), backbone, size=64)
    strange = [confirmed("粗糙", 5000 + seed) for seed in range(10)]
    assert sum(said(namer, one)[0].code == UNKNOWN for one in strange) >= 9


def test_the_promise_on_unknown_is_kept(namer):
    assert namer.config["promise"].startswith("with 30 held-out crops")
    known = some(20, first=300)
    called = sum(said(namer, one)[0].code == UNKNOWN for one in known)
    assert called <= 9, "5 % of 60 are 3; three times that would be no promise"


def test_a_rebuilt_namer_says_exactly_the_same(namer, tmp_path):
    again = shelf.rebuilt(namer.config, namer.tensors(), device="cpu")
    one = confirmed("Fleck", 901)
    places = [crops.place(one), crops.whole(one.picture)]
    assert again.name(one.picture, places) == namer.name(one.picture, places)
    assert again.save(tmp_path / "a") == namer.save(tmp_path / "b")


def test_the_same_crops_and_seed_teach_the_same(backbone):
    taught = some(4)
    first = Prototypes.fit(taught, backbone, size=64, seed=1)
    second = Prototypes.fit(taught, backbone, size=64, seed=1)
    assert first.config == second.config
    for name, value in first.tensors().items():
        assert np.array_equal(value, second.tensors()[name]), name


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_crops_a_type_suffice_to_begin_with(backbone, count):
    namer = Prototypes.fit(some(count), backbone, size=64)
    new = some(6, first=600)
    right = [said(namer, one)[0].code == one.defect_type for one in new]
    assert np.mean(right) >= 0.6
    if count == 1:
        assert namer.config["head"] == "cosine"
        assert namer.config["promise"] == "with no held-out crops nothing is called unknown"


def test_one_type_alone_is_known_or_not(backbone):
    namer = Prototypes.fit(some(10, ("Fleck",)), backbone, size=64)
    assert said(namer, confirmed("Fleck", 801))[0].code == "Fleck"
    assert said(namer, confirmed("粗糙", 802))[0].code == UNKNOWN


def test_without_regions_nothing_is_named(namer):
    assert namer.name(picture(steel(1)), []) == []
    assert namer.features.embed(picture(steel(1)), []).shape == (0, 0)


def test_a_whole_picture_is_named_where_no_place_is_drawn(backbone):
    taught = [
        Labelled(picture=one.picture, defect_type=one.defect_type)
        for one in some(6, ("Fleck", "粗糙"))
    ]
    namer = Prototypes.fit(taught, backbone, size=64)
    one = confirmed("粗糙", 333)
    assert namer.name(one.picture, [crops.whole(one.picture)])[0][0].code == "粗糙"


@pytest.mark.parametrize(
    ("confirmed_ones", "types", "says"),
    [
        ([], None, "needs confirmed defects with a type"),
        (some(1), ["Fleck", "Beule"], "'Beule' has no confirmed crop"),
        (
            [Labelled(picture=picture(steel(1)), defect_type=UNKNOWN)],
            None,
            "may be called 'unknown'",
        ),
    ],
)
def test_what_cannot_be_taught_is_said_in_a_sentence(backbone, confirmed_ones, types, says):
    with pytest.raises(ValueError, match=says) as caught:
        Prototypes.fit(confirmed_ones, backbone, types=types)
    assert "\n" not in str(caught.value)


def test_a_namer_of_an_unknown_kind_is_refused():
    with pytest.raises(UnknownName, match="no namer of the kind 'oracle'"):
        shelf.rebuilt({"namer": "oracle"}, {})


def test_held_out_crops_of_a_group_stay_together():
    rng = np.random.default_rng(0)
    types = np.repeat([0, 1, 2], [8, 8, 3])
    groups = [f"part {index // 2}" for index in range(16)] + ["one part"] * 3
    fold = learning._folds(types, groups, seed=0)
    for group in set(groups):
        own = {int(fold[index]) for index in range(19) if groups[index] == group}
        assert len(own) == 1
    assert (fold[16:] == -1).all(), "its only group held out, the type would be gone"
    found = learning.learn(rng.normal(size=(19, 6)), types, groups, seed=0, rate=0.05)
    assert len(found.nearness.held_out) == 16


def test_several_outlines_of_a_crop_promise_no_more_than_one():
    rng = np.random.default_rng(2)
    types, groups = np.arange(24) % 2, [f"part {index // 3}" for index in range(24)]
    features = rng.normal(size=(24, 8)) + 2 * np.eye(2, 8)[types]
    once = learning.learn(features, types, groups, seed=0, rate=0.05)
    thrice, of = np.repeat(features, 3, axis=0), np.repeat(np.arange(24), 3)
    again = learning.learn(thrice, types, groups, seed=0, rate=0.05, crops=of)
    assert again.nearness.promise == once.nearness.promise and again.nearness.crops == 24
    new = again.scaling(rng.normal(size=(40, 8)) * 2)
    assert again.nearness.p_values(new) == pytest.approx(once.nearness.p_values(new), abs=1e-6)


def test_a_place_is_taught_by_outlines_larger_smaller_and_beside():
    one = confirmed("Fleck", 12)
    drawn, *alike = outlines.alike(one, []).regions
    assert drawn == crops.place(one) and len(alike) == 6
    areas = [region.area_px for region in alike]
    assert min(areas) < drawn.area_px < max(areas) < 4 * drawn.area_px
    assert len({region.bbox[:2] for region in alike}) >= 3
    for region in alike:
        mask = runlengths.decode(region.counts, (SIDE, SIDE))
        assert (mask & one.mask).sum() >= min(mask.sum(), one.mask.sum()) / 2


def test_a_thin_place_is_not_shrunk_to_nothing():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[40, 10:80] = True
    scratch = Labelled(picture=picture(steel(3)), mask=mask)
    assert min(region.area_px for region in outlines.alike(scratch, []).regions) >= mask.sum() / 3


def test_what_was_found_elsewhere_is_no_outline_of_the_place():
    one, elsewhere = confirmed("Fleck", 12), np.zeros((SIDE, SIDE), bool)
    elsewhere[:9, :9] = True
    (beside,) = crops.places(one.picture, elsewhere)
    around = crops.whole(one.picture)
    without, shown = outlines.alike(one, []), outlines.alike(one, [beside, around])
    assert shown.regions == [*without.regions, around]
    assert without.asked == [False] * 5 + [True] * 2, "not found: the coarse ones stand for it"
    assert shown.asked == [False] * 7 + [True]


def test_a_picture_without_a_drawn_place_is_taught_as_it_is():
    one = Labelled(picture=picture(steel(3)), defect_type="Fleck")
    shown = outlines.alike(one, [crops.whole(one.picture)])
    assert shown.regions == [crops.whole(one.picture)] and shown.asked == [True]


def test_the_shrunken_inverse_is_the_inverse():
    rng = np.random.default_rng(3)
    residuals = rng.normal(size=(9, 14)) * np.linspace(0.2, 3, 14)
    spread = Spread.of(residuals, freedom=9)
    inverse = spread.weighed(np.eye(14))
    covariance = np.linalg.inv(inverse)
    sample = residuals.T @ residuals / 9
    mean = np.trace(sample) / 14
    shrinkage = 1 - covariance[0, 1] / sample[0, 1]
    expected = (1 - shrinkage) * sample + shrinkage * mean * np.eye(14)
    assert 0 < shrinkage < 1 and np.allclose(covariance, expected)
    points, means = rng.normal(size=(4, 14)), rng.normal(size=(2, 14))
    plain = [[(p - m) @ inverse @ (p - m) / 14 for m in means] for p in points]
    assert np.allclose(spread.distances(points, means), plain)


@given(st.tuples(*[st.integers(0, 400)] * 2, *[st.integers(1, 200)] * 2), st.data())
@settings(max_examples=60, deadline=None)
def test_a_crop_holds_its_box_and_stays_in_the_picture_where_it_fits(box, data):
    x, y, w, h = box
    width = x + w + data.draw(st.integers(8, 300))
    height = y + h + data.draw(st.integers(8, 300))
    left, top, side = crops.square((x, y, w, h), width, height)
    assert left <= x and top <= y and x + w <= left + side and y + h <= top + side
    for start, length in ((left, width), (top, height)):
        assert (start >= 0 and start + side <= length) or (side > length and start <= 0)
    assert side <= max(width, height)


def test_a_crop_and_its_mask_show_the_same_place():
    pixels, mask = np.full((60, 200, 3), 50, np.uint8), np.zeros((60, 200), bool)
    mask[20:40, 150:190] = True
    pixels[mask] = 250
    (region,) = regions.find(mask.astype(np.float32), pixels, 0.5)
    found = crops.crop(picture(pixels), region, 64)
    share = crops.inside(picture(pixels), region, 64)
    assert found.shape == (64, 64, 3) and share.shape == (64, 64)
    assert (found[share > 0.99] > 240).all() and (found[share == 0].mean() < 60)


def test_a_whole_picture_is_a_region_like_any_other():
    shown = picture(np.zeros((30, 50, 3), np.uint8))
    region = crops.whole(shown)
    assert runlengths.decode(region.counts, (30, 50)).all() and region.area_px == 1500
    assert crops.crop(shown, region, 32).shape == (32, 32, 3)
    assert crops.places(shown, np.zeros((30, 50), bool)) == [region]


def test_features_do_not_change_when_the_picture_is_mirrored(backbone):
    one = confirmed("Fleck", 44)
    mirrored = Labelled(
        picture=picture(np.ascontiguousarray(one.picture.pixels[:, ::-1])),
        mask=np.ascontiguousarray(one.mask[:, ::-1]),
    )
    features = CropFeatures(backbone, 64)
    first = features.embed(one.picture, [crops.place(one)])
    second = features.embed(mirrored.picture, [crops.place(mirrored)])
    assert np.allclose(first, second, atol=0.02 * np.abs(first).max())


def test_a_picture_is_called_by_its_regions_large_ones_more():
    def split(share):
        return [Candidate(code="a", probability=share), Candidate(code="b", probability=1 - share)]

    found = vote([split(0.9), split(0.2)], [100, 900])
    assert found[0].code == "b"
    assert found[0].probability == pytest.approx((0.1 * 10 + 0.8 * 30) / 40)
    assert vote([], []) == []


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6))
def test_ranking_is_by_probability_and_a_tie_is_unknown(logits):
    shares = softmax(np.array(logits))
    assert shares.sum() == pytest.approx(1)
    found = ranked([f"type {n}" for n in range(len(shares))], shares)
    assert [c.probability for c in found] == sorted(shares.tolist(), reverse=True)
    assert ranked(["a", UNKNOWN], np.array([0.5, 0.5]))[0].code == UNKNOWN


def test_figures_equal_plain_counting():
    truth = ["a", "a", "b", "b", "c"]
    answers = ["a", "b", "b", "b", UNKNOWN]
    sure = [0.95, 0.55, 0.85, 0.85, 0.35]
    found = figures(truth, answers, sure)
    assert found["accuracy"] == 0.6 and found["unknown_rate"] == 0.2
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0.8 + 0) / 3) == macro_f1(truth, answers)
    assert found["confusion"]["a"] == {"a": 1, "b": 1} == confusion(truth, answers)["a"]
    # Bins: 0.95 right, 0.55 wrong, twice 0.85 right, 0.35 wrong.
    assert found["calibration_error"] == pytest.approx((0.05 + 0.55 + 0.3 + 0.35) / 5)
    assert calibration_error([1.0, 1.0], [True, True]) == 0
    with pytest.raises(ValueError, match="nothing to compare"):
        figures([], [], [])


def test_stated_probabilities_are_about_the_share_of_hits():
    rng = np.random.default_rng(5)
    types = np.arange(300) % 3
    features = rng.normal(size=(300, 20)) + 0.8 * np.eye(3, 20)[types]
    learnt = learning.learn(features, types, [""] * 300, seed=0, rate=0.05)
    new = np.arange(600) % 3
    logits = learnt.logits(rng.normal(size=(600, 20)) + 0.8 * np.eye(3, 20)[new])
    shares = softmax(logits)
    right = (shares.argmax(axis=1) == new).tolist()
    assert calibration_error(shares.max(axis=1).tolist(), right) < 0.08
    assert 0 <= learnt.calibration_error < 0.1
