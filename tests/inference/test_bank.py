"""The memory's insides: spreads, places, sources."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import inference
from inference import artefact, bank
from inference.aligned import ALIGNED, alignment
from inference.backbones import open_backbone
from inference.detectors.memory import Memory
from inference.nearest import nearest, nearest_row
from inference.patches import PatchFeatures
from inference.shares import shares_of
from tests.inference.pictures import picture, png, scratched, texture


def rows(seed: int, count: int, width: int = 6) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, width))).float()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.integers(1, 40), st.integers(1, 2500))
def test_distances_in_spreads_are_those_of_a_plain_loop(seed, patches, known):
    a, b = rows(seed, patches), rows(seed + 1, known)
    spread = 0.5 + torch.rand(known, generator=torch.Generator().manual_seed(seed))
    plain = torch.stack([((one - b).norm(dim=1) / spread).min() for one in a])
    assert torch.allclose(nearest(a, b, spread), plain, atol=2e-3)
    assert torch.allclose(nearest(a, b, torch.ones(known)), nearest(a, b), atol=2e-3)


def test_the_nearest_row_is_named_across_blocks():
    a, b = rows(1, 30), rows(2, 3000)
    far, which = nearest_row(a, b)
    assert torch.equal(which, torch.cdist(a, b).argmin(dim=1))
    assert torch.allclose(far, nearest(a, b))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.integers(1, 50))
def test_more_rows_never_lengthen_a_distance(seed, more):
    a, b = rows(seed, 20), rows(seed + 1, 100)
    spread = 0.3 + torch.rand(100, generator=torch.Generator().manual_seed(seed))
    fewer = nearest(a, b[:-more], spread[:-more])
    assert (nearest(a, b, spread) <= fewer + 1e-5).all()


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory.fit([picture(texture(seed)) for seed in range(20)], size=128)


def test_where_normals_vary_a_row_forgives_more(tmp_path):
    pictures = [picture(texture(seed)) for seed in range(20)]
    memory = Memory.fit(pictures, size=128, reweighted=True)
    for level in memory.bank.levels:
        assert level.spread.min() > 0
        assert level.spread.mean() == pytest.approx(1.0, abs=0.35)
    memory.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    odd = picture(scratched(1))
    assert again.see([odd])[0].score == pytest.approx(memory.see([odd])[0].score, rel=1e-6)
    assert memory.see([odd])[0].score > 2


def test_a_wrong_normal_can_be_taken_out_again(memory):
    wrong = picture(scratched(3))
    taught = memory.add([wrong])
    assert taught.see([wrong])[0].score < memory.see([wrong])[0].score
    again = taught.remove([wrong])
    assert again.see([wrong])[0].score == pytest.approx(memory.see([wrong])[0].score, rel=1e-3)
    assert "none until the next fit" in again.thresholds.promise
    assert again.config["pictures"] == 20


def test_what_was_never_learnt_cannot_be_taken_out(memory):
    with pytest.raises(ValueError, match="none that this memory was fitted on"):
        memory.remove([picture(scratched(3))])


def test_a_memory_that_forgot_still_forgets_after_loading(memory, tmp_path):
    first = picture(texture(0))
    memory.remove([first]).save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    with pytest.raises(ValueError, match="none that this memory was fitted on"):
        again.remove([first])
    assert again.see([first])[0].score >= memory.see([first])[0].score - 1e-6


def test_one_level_cannot_lose_all_its_rows(memory):
    with pytest.raises(ValueError, match="nothing would be left"):
        bank.without(memory.bank, range(20))


def features_of(pictures: list[np.ndarray]) -> tuple[PatchFeatures, np.ndarray]:
    small = np.stack(pictures)
    return PatchFeatures.of(open_backbone("builtin"), small), small


def shape(seed: int, *, still: bool) -> np.ndarray:
    """A part with a bright plate, a hole and a slot, at its place or anywhere."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(60, 3, (128, 128))
    x, y = (20, 30) if still else rng.integers(0, 60, 2)
    pixels[y : y + 60, x : x + 60] += 90
    pixels[y + 10 : y + 24, x + 8 : x + 22] -= 80
    pixels[y + 40 : y + 46, x + 10 : x + 50] -= 60
    return np.repeat(np.clip(pixels, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("still", [True, False])
def test_it_is_found_out_whether_parts_are_aligned(still):
    features, small = features_of([shape(seed, still=still) for seed in range(16)])
    found = alignment(features, small, np.arange(16) % 5)
    assert found is not None
    assert (found.displacement <= ALIGNED) is still
    assert (found.place_weight > 0) is still
    assert found.by_chance > 0.25


def test_parts_that_lie_anyhow_are_not_aligned_though_some_lie_alike():
    turned = [np.rot90(shape(0, still=True), seed % 4).copy() for seed in range(40)]
    noisy = [
        np.clip(one + np.random.default_rng(seed).normal(0, 2, one.shape), 0, 255).astype(np.uint8)
        for seed, one in enumerate(turned)
    ]
    features, small = features_of(noisy)
    found = alignment(features, small, np.arange(40) % 5)
    assert found is not None
    assert found.displacement > ALIGNED
    assert found.place_weight == 0


def test_three_parts_prove_no_alignment():
    features, small = features_of([shape(seed, still=True) for seed in range(3)])
    assert alignment(features, small, np.arange(3)) is None


def test_on_aligned_parts_a_normal_thing_at_the_wrong_place_is_odd():
    good = [shape(seed, still=True) for seed in range(16)]
    swapped = good[0].copy()
    swapped[30:90, 60:120] = good[1][30:90, 20:80]  # a second plate where none belongs
    placed = Memory.fit([picture(one) for one in good], size=128)
    assert placed.config["alignment"]["place_weight"] > 0
    scores = [one.score for one in placed.see([picture(swapped), picture(good[2])])]
    assert scores[0] > 1.5 * scores[1]


def test_few_shots_are_learnt_in_every_quarter_turn():
    filters = {"size": 128, "backbone": "builtin:filters"}  # blind to where on the picture they are
    few = Memory.fit([picture(texture(seed)) for seed in range(4)], **filters)
    assert few.config["turned"]
    lying = picture(np.ascontiguousarray(np.rot90(texture(50))))
    many = Memory.fit([picture(texture(seed)) for seed in range(12)], **filters)
    assert not many.config["turned"]
    assert few.see([lying])[0].score < 2 < many.see([lying])[0].score


def test_an_artefact_of_version_0_1_still_judges(tmp_path):
    """It had the filters, and knew no sources of rows and no weights of levels."""
    pictures = [picture(texture(seed)) for seed in range(20)]
    memory = Memory.fit(pictures, size=128, backbone="builtin:filters")
    new = ("row_spread", "row_source", "marks")
    tensors = {n: v for n, v in memory.tensors().items() if not n.startswith(new)}
    config = {k: v for k, v in memory.config.items() if k not in ("levels", "alignment", "turned")}
    artefact.write(tmp_path / "old", config, tensors)
    judgement = inference.load(tmp_path / "old", device="cpu").judge(png(scratched(1)))
    assert judgement.score > 1


def exposed(seed: int, light: float) -> np.ndarray:
    return np.clip(texture(seed) * light, 0, 255).astype(np.uint8)


def test_a_level_that_sees_the_exposure_says_less():
    steady = features_of([texture(seed) for seed in range(16)])
    lights = np.random.default_rng(0).uniform(0.3, 2, 16)
    moving = features_of([exposed(seed, light) for seed, light in enumerate(lights)])
    calm, loud = shares_of(*steady), shares_of(*moving)
    assert max(calm.weights) == max(loud.weights) == 1
    assert loud.between_pictures[0] > 2 * calm.between_pictures[0]


def test_few_pictures_prove_nothing_about_levels():
    found = shares_of(*features_of([exposed(seed, 0.3 + seed) for seed in range(3)]))
    assert found.between_pictures == [0.0] * len(found.weights)
