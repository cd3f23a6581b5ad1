"""Pictures on their way: in order, each once, and a fault among them ends the rest."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from inference.feeding import fed
from inference.images import Picture, PictureFacts
from inference.patches import batches, thumbnails
from inference.threads import in_threads

CPU = torch.device("cpu")


class Counted(Sequence[Picture]):
    """Pictures as files are: decoded when asked for; number ``broken`` cannot be."""

    def __init__(self, count: int, broken: int = -1) -> None:
        self.count, self.broken, self.asked = count, broken, 0
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Picture:  # type: ignore[override]
        with self.lock:
            self.asked += 1
        if index == self.broken:
            raise ValueError(f"picture {index} is broken")
        pixels = np.full((40, 30, 3), index, np.uint8)
        return Picture(pixels, PictureFacts("PNG", 30, 40, "RGB"))

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(self.count))


def test_thumbnails_keep_the_order_and_count_up():
    told: list[tuple[int, int]] = []
    small = thumbnails(Counted(50), 16, lambda done, total: told.append((done, total)))
    assert small.shape == (50, 16, 16, 3)
    assert (small == np.arange(50, dtype=np.uint8)[:, None, None, None]).all()
    assert told == [(done, 50) for done in range(1, 51)]


@pytest.mark.parametrize("count", [1, 2000])
def test_a_broken_picture_is_told_and_ends_the_work(count):
    pictures = Counted(count, broken=0)
    with pytest.raises(ValueError, match="picture 0 is broken"):
        thumbnails(pictures, 8, lambda done, total: None)
    assert pictures.asked < max(count, 2)


def test_batches_hold_every_picture_once_in_order():
    small = np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3)
    found = list(batches(small, CPU))
    assert torch.equal(torch.cat(found), torch.from_numpy(small))


def test_nothing_is_fed_from_nothing():
    assert list(fed([], CPU)) == []


def test_answers_come_in_the_order_of_the_questions():
    assert list(in_threads(lambda number: number * number, range(100))) == [
        number * number for number in range(100)
    ]
