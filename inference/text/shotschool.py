"""What is learnt from good pictures and defects fold by fold, so that normals can be held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from inference.detector import Progress
from inference.patches import Thumbnails
from inference.text import shots
from inference.text.guided import TextGuided
from inference.text.lessons import TextLessons
from inference.text.maskfusion import Floats
from inference.text.shots import Shots, UnitPatches
from inference.text.sight import Eyes, Look

KEPT = 4_000  # patches of each layer in all banks together

Committee = tuple[TextGuided, ...]


@dataclass(frozen=True, eq=False)
class School:
    """``fold[i]``: the fold of picture i, whole groups together (``inference.calibration``)."""

    eyes: Eyes
    small: Thumbnails
    groups: Sequence[str]
    fold: NDArray[np.int64]
    seed: int
    progress: Progress

    @property
    def count(self) -> int:
        return int(self.fold.max()) + 1

    def banks(self) -> list[Shots]:
        """One a fold; none if there is one fold only, for which nothing could be held out."""
        if self.count < 2:
            return []
        spec = self.eyes.sight.spec
        patches = UnitPatches(self.eyes.sight, (1.0,) * len(spec["layers"]))
        generator = torch.Generator().manual_seed(self.seed)
        made = []
        for number in range(self.count):
            inside = self.fold == number
            keep = KEPT // self.count
            made.append(shots.learn(patches, self.small[inside], keep, generator))
            self._tell(1, int((self.fold <= number).sum()))
        return made

    def committee(self, lessons: TextLessons) -> Committee:
        """For each fold an enhancer that knows none of its parts; none if one could not be trained."""
        usable = [self._other_parts(lessons.groups, number) for number in range(self.count)]
        if self.count < 2 or not all(usable):
            return ()
        good = self.eyes.look(self.small, []).tokens
        bad = torch.stack(lessons.tokens)
        return tuple(
            self._taught(good, bad, usable[number], number) for number in range(self.count)
        )

    def held_out(self, banks: Sequence[Shots], committee: Committee) -> dict[str, Floats]:
        """The maps of each normal as one sees it who has not learnt from its fold, (n, h, w)."""
        found = []
        for number in range(self.count):
            others = [one for index, one in enumerate(banks) if index != number]
            inside = self.small[self.fold == number]
            look = self.eyes.look(inside, shots.together(others) if others else [])
            found.append(self._maps(look, committee[number : number + 1]))
            self._tell(2, int((self.fold <= number).sum()))
        order = np.argsort(
            np.concatenate([np.flatnonzero(self.fold == n) for n in range(self.count)])
        )
        return {name: np.concatenate([one[name] for one in found])[order] for name in found[0]}

    def _maps(self, look: Look, member: Committee) -> dict[str, Floats]:
        return look.maps(member, self.eyes.text)

    def _taught(
        self, good: torch.Tensor, bad: torch.Tensor, usable: list[int], number: int
    ) -> TextGuided:
        outside = torch.from_numpy(np.flatnonzero(self.fold != number)).to(good.device)
        tokens = torch.cat([good[outside], bad[torch.tensor(usable, device=bad.device)]])
        truth = [False] * len(outside) + [True] * len(usable)
        return TextGuided.fit(tokens, truth, self.eyes.text, self.seed + number)

    def _other_parts(self, groups: Sequence[str], number: int) -> list[int]:
        """Defects that are not on a part whose good pictures are held out."""
        inside = {self.groups[index] for index in np.flatnonzero(self.fold == number)} - {""}
        return [index for index, group in enumerate(groups) if group not in inside]

    def _tell(self, steps: int, done: int) -> None:
        """Of three steps a picture: made small, learnt, held out."""
        self.progress(steps * len(self.small) + done, 3 * len(self.small))
