"""Text-guided enhancer: experts that text chooses among (TGE; IAD-GPT, arXiv 2510.16036).

E = sum over i of W_i Expert_i(F), W = softmax(Attn(F) . Linear(T)^T): F are a picture's tokens, T
the text bank's categories, one expert for each. An expert is an attention block and a feed-forward
net, both with their residual; so before training E is F, and the enhancer answers as CLIP does.

Unlike the paper the experts work in a narrow space, and E is read by its cosine with *normal* and
*abnormal* instead of being fed to a language model: a few dozen labelled pictures must suffice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from inference.text.bank import TextBank

WIDTH = 64  # of the narrow space
HEADS = 4
STEPS = 100  # of training, each over all pictures
RATE, DECAY = 1e-3, 1e-2
GRID = 3  # places a side that a picture's tokens stand for, beside the picture as a whole


class Expert(nn.Module):
    """(B, N, width) to the same: attention over the tokens, then a feed-forward net."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.forward_net = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.before(tokens)
        attended = tokens + self.attention(normed, normed, normed, need_weights=False)[0]
        found: Tensor = attended + self.forward_net(attended)
        return found


class TextGuided(nn.Module):
    """``size``: D of the joint space; ``experts``: categories of the text bank, each with one."""

    def __init__(self, size: int, experts: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(size, WIDTH)
        self.look = Expert(WIDTH, HEADS)
        self.words = nn.Linear(size, WIDTH)
        self.experts = nn.ModuleList(Expert(WIDTH, HEADS) for _ in range(experts))
        self.widen = nn.Linear(WIDTH, size)
        nn.init.zeros_(self.widen.weight)
        nn.init.zeros_(self.widen.bias)

    def shares(self, tokens: Tensor, categories: Tensor) -> Tensor:
        """(B, N, D) and (E, D) to (B, E): how much each expert says; rows add up to 1."""
        asked = self.look(self.narrow(tokens))[:, 0]
        match: Tensor = asked @ self.words(categories).T / WIDTH**0.5
        return match.softmax(dim=-1)

    def forward(self, tokens: Tensor, categories: Tensor) -> Tensor:
        """Unit (B, D): the picture as text made it look closer."""
        narrow = self.narrow(tokens)
        said = torch.stack([expert(narrow)[:, 0] for expert in self.experts], dim=1)
        mixed = (self.shares(tokens, categories)[:, :, None] * said).sum(dim=1)
        return functional.normalize(tokens[:, 0] + self.widen(mixed), dim=-1)

    @torch.inference_mode()
    def scores(self, tokens: Tensor, text: TextBank) -> Tensor:
        """(B, N, D) to (B,): how likely abnormal, 0 to 1."""
        return text.abnormal(self(tokens, text.categories))

    @classmethod
    def fit(cls, tokens: Tensor, defective: Sequence[bool], text: TextBank, seed: int) -> Self:
        """Trained on tokens (n, N, D) and whether each picture shows a defect.

        Both kinds weigh the same, however many there are; ValueError if one is missing. Seeded:
        the same input gives the same enhancer, and the caller's random numbers stay untouched.
        """
        truth = torch.tensor(defective, dtype=torch.float32, device=tokens.device)
        if not 0 < float(truth.sum()) < len(truth):
            raise ValueError("the enhancer needs good and defective pictures")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found = cls(tokens.shape[2], len(text.categories)).to(tokens.device)
            _train(found, tokens, truth, text)
        found.load_state_dict({n: v.half().float() for n, v in found.state_dict().items()})
        return found.eval().requires_grad_(False)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """float16, as trained weights are rounded to at the end of ``fit``."""
        return {n: v.half().numpy(force=True) for n, v in self.state_dict().items()}

    @classmethod
    def rebuilt(cls, tensors: Mapping[str, NDArray[Any]]) -> Self:
        """What ``tensors`` gave; its sizes are read off the tensors."""
        count = len({name.split(".")[1] for name in tensors if name.startswith("experts.")})
        found = cls(tensors["narrow.weight"].shape[1], count)
        found.load_state_dict({n: torch.from_numpy(v).float() for n, v in tensors.items()})
        return found.eval().requires_grad_(False)


def tokens_of(picture: Tensor, joint: Tensor) -> Tensor:
    """Unit (B, D) and unit (B, h, w, D) to (B, 1 + 9, D): the whole, then a 3 x 3 grid of places."""
    places = functional.adaptive_avg_pool2d(joint.permute(0, 3, 1, 2), GRID).flatten(2)
    rows = functional.normalize(places.transpose(1, 2), dim=-1)
    return torch.cat([picture[:, None], rows], dim=1)


def _train(found: TextGuided, tokens: Tensor, truth: Tensor, text: TextBank) -> None:
    weights = torch.where(truth > 0, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    # What came out of inference mode may not take part in training; a copy may.
    plain, categories, states = (one.clone() for one in (tokens, text.categories, text.states))
    optimiser = torch.optim.AdamW(found.parameters(), lr=RATE, weight_decay=DECAY)
    for _step in range(STEPS):
        cosines = found(plain, categories) @ states.T / text.temperature
        loss = functional.binary_cross_entropy_with_logits(
            cosines[:, 1] - cosines[:, 0], truth, weight=weights, reduction="sum"
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
