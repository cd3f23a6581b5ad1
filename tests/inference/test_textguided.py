import numpy as np
import pytest
import torch
from torch.nn import functional

from inference.text.bank import TextBank
from inference.text.guided import TextGuided, tokens_of

SIZE = 16


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(values, dim=-1)


@pytest.fixture(scope="module")
def text() -> TextBank:
    return TextBank(unit(2, SIZE, seed=1), unit(3, SIZE, seed=2), ("a", "b", "c"), 0.1)


@pytest.fixture(scope="module")
def taught(text) -> TextGuided:
    tokens, defective = pictures()
    return TextGuided.fit(tokens, defective, text, seed=0)


def pictures(seed: int = 3, count: int = 24) -> tuple[torch.Tensor, list[bool]]:
    """Defective ones have a direction of their own in one place, which text knows nothing of."""
    tokens = unit(count, 10, SIZE, seed=seed)
    defective = [index % 2 == 1 for index in range(count)]
    direction = unit(SIZE, seed=99)
    tokens[1::2, 4] = functional.normalize(tokens[1::2, 4] + 2 * direction, dim=-1)
    return tokens, defective


def test_before_it_is_taught_it_sees_as_clip_does(text):
    fresh = TextGuided(SIZE, 5).eval()
    tokens, _ = pictures()
    assert torch.allclose(fresh(tokens, text.categories), tokens[:, 0], atol=1e-6)
    assert torch.allclose(fresh.scores(tokens, text), text.abnormal(tokens[:, 0]), atol=1e-5)


def test_the_shares_of_the_experts_add_up_to_one(taught, text):
    shares = taught.shares(pictures()[0], text.categories)
    assert shares.shape == (24, 5) and (shares > 0).all()
    assert torch.allclose(shares.sum(dim=1), torch.ones(24), atol=1e-6)


def test_the_answer_is_the_sum_of_the_experts_by_their_shares(taught, text):
    tokens, _ = pictures(count=2)
    narrow, shares = taught.narrow(tokens), taught.shares(tokens, text.categories)
    for row in range(2):
        mixed = torch.zeros(64)
        for number, expert in enumerate(taught.experts):
            mixed = mixed + shares[row, number] * expert(narrow)[row, 0]
        wanted = functional.normalize(tokens[row, 0] + taught.widen(mixed), dim=0)
        assert torch.allclose(taught(tokens, text.categories)[row], wanted, atol=1e-5)


def test_it_learns_what_text_alone_does_not_tell(taught, text):
    tokens, defective = pictures()
    said = taught.scores(tokens, text)
    bad = torch.tensor(defective)
    assert said[bad].min() > 0.5 > said[~bad].max()
    plain = text.abnormal(tokens[:, 0])
    assert plain[bad].min() < plain[~bad].max()


def test_the_same_pictures_and_seed_teach_the_same(taught, text):
    tokens, defective = pictures()
    state = torch.get_rng_state()
    again = TextGuided.fit(tokens, defective, text, seed=0)
    other = TextGuided.fit(tokens, defective, text, seed=1)
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers are untouched"
    assert torch.equal(again.scores(tokens, text), taught.scores(tokens, text))
    assert not torch.equal(other.scores(tokens, text), taught.scores(tokens, text))


def test_it_is_rebuilt_from_plain_tensors(taught, text):
    tensors = taught.tensors()
    assert {value.dtype for value in tensors.values()} == {np.dtype(np.float16)}
    again = TextGuided.rebuilt(tensors)
    tokens, _ = pictures()
    assert torch.equal(again.scores(tokens, text), taught.scores(tokens, text))


@pytest.mark.parametrize("kind", [True, False])
def test_one_kind_of_picture_teaches_nothing(text, kind):
    with pytest.raises(ValueError, match="good and defective"):
        TextGuided.fit(unit(4, 10, SIZE), [kind] * 4, text, seed=0)


def test_a_picture_has_ten_tokens():
    picture, joint = unit(2, SIZE, seed=5), unit(2, 6, 6, SIZE, seed=6)
    tokens = tokens_of(picture, joint)
    assert tokens.shape == (2, 10, SIZE) and torch.equal(tokens[:, 0], picture)
    corner = functional.normalize(joint[1, :2, :2].mean(dim=(0, 1)), dim=0)
    assert torch.allclose(tokens[1, 1], corner, atol=1e-6)
