import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from inference.coreset import far_apart
from inference.nearest import nearest


def rows(count: int, width: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 5000), st.integers(1, 70), st.integers(0, 99))
def test_the_nearest_distance_is_that_of_a_plain_search(count, size, width, seed):
    patches, bank = rows(count, width, seed), rows(size, width, seed + 1)
    expected = cdist(patches.numpy(), bank.numpy()).min(axis=1)
    assert nearest(patches, bank).numpy() == pytest.approx(expected, abs=2e-3)


def test_a_patch_in_the_bank_is_at_no_distance():
    bank = rows(3000, 96)
    assert nearest(bank[::100], bank).max() < 1e-2


@given(st.integers(1, 60), st.integers(1, 80))
@settings(deadline=None)
def test_as_many_different_rows_are_kept_as_were_asked(count, keep):
    chosen = far_apart(rows(count), keep, seeded()).tolist()
    assert len(set(chosen)) == len(chosen) == min(count, keep)


def test_each_cluster_is_kept_before_any_is_kept_twice():
    centres = torch.eye(8) * 100
    patches = torch.cat([centre + rows(50, 8, seed) for seed, centre in enumerate(centres)])
    chosen = far_apart(patches, 8, seeded())
    assert {int(index) // 50 for index in chosen} == set(range(8))


def test_a_rare_patch_is_kept_where_chance_would_lose_it():
    patches = torch.cat([rows(5000), torch.full((1, 8), 30.0)])
    assert 5000 in far_apart(patches, 10, seeded()).tolist()


def test_what_is_taken_already_is_not_taken_again():
    taken = rows(100)
    fresh = torch.cat([taken, torch.full((2, 8), 20.0), torch.full((1, 8), -20.0)])
    chosen = far_apart(fresh, 2, seeded(), taken=taken).tolist()
    assert set(chosen) <= {100, 101, 102} and 102 in chosen


def test_the_coreset_covers_better_than_chance():
    patches = rows(4000, 4).exp()
    kept = far_apart(patches, 100, seeded())
    by_chance = torch.randperm(4000, generator=seeded())[:100]
    assert nearest(patches, patches[kept]).max() < nearest(patches, patches[by_chance]).max()


def test_the_seed_decides():
    patches = rows(500, 64)
    assert torch.equal(far_apart(patches, 50, seeded(1)), far_apart(patches, 50, seeded(1)))
    assert not np.array_equal(
        far_apart(patches, 50, seeded(1)).sort().values,
        far_apart(patches, 50, seeded(2)).sort().values,
    )
