import numpy as np
import pytest

from inference.namers import crops
from inference.namers.namer import UNKNOWN
from inference.namers.prompts import Prompts, TextBank
from tests.inference.pictures import picture

SIDE = 96


class Linear:
    """Crops to text's space by one random matrix: an encoder in all but its depth."""

    def __init__(self) -> None:
        self.spec = {"name": "linear"}
        self.matrix = np.random.default_rng(0).normal(size=(8 * 8 * 3, 16)).astype(np.float32)

    def encode_image(self, crops):
        small = crops.reshape(len(crops), 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(crops), -1)
        return (small / 255 - 0.5).astype(np.float32) @ self.matrix

    def weights(self):
        return {"matrix": self.matrix}


def test_prompts_name_what_a_crop_resembles_most():
    encoder = Linear()
    dark, bright = (np.full((1, 32, 32, 3), grey, np.uint8) for grey in (10, 250))
    rows = np.concatenate([encoder.encode_image(dark), encoder.encode_image(bright)])
    bank = TextBank(np.concatenate([rows, rows * 1.1]), ("dark", "bright", "dark", "bright"))
    namer = Prompts.of(encoder, bank, size=32)
    shown = picture(np.full((40, 40, 3), 15, np.uint8))
    (found,) = namer.name(shown, [crops.whole(shown)])
    assert found[0].code == "dark" and len(found) == 3
    assert sum(c.probability for c in found) == pytest.approx(1)
    assert found[-1].probability <= found[1].probability <= found[0].probability
    again = Prompts.beside(encoder, namer.config, namer.tensors())
    assert again.name(shown, [crops.whole(shown)]) == [found]
    assert namer.name(shown, []) == []


def test_sentences_of_the_type_unknown_are_what_others_have_to_beat():
    encoder = Linear()
    dark, bright = (np.full((1, 32, 32, 3), grey, np.uint8) for grey in (10, 250))
    rows = np.concatenate([encoder.encode_image(dark), encoder.encode_image(bright)])
    namer = Prompts.of(encoder, TextBank(rows, (UNKNOWN, "bright")), size=32)
    shown = picture(np.full((40, 40, 3), 15, np.uint8))
    assert namer.name(shown, [crops.whole(shown)])[0][0].code == UNKNOWN
    assert namer.config["types"] == ["bright"]


@pytest.mark.parametrize(
    ("types", "says"), [(("a",), "each sentence"), ((UNKNOWN, UNKNOWN), "at least one defect type")]
)
def test_a_text_bank_without_sense_is_refused(types, says):
    with pytest.raises(ValueError, match=says):
        TextBank(np.ones((2, 4), np.float32), types)
