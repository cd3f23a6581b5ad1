"""Label Studio's editor in a real browser, used as an annotator uses it.

What is on its screen is waited for; what it has drawn is read from its canvases.
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from labeling.words import Mask
from tests.running.processes import wait_for

SCREEN = {"width": 2000, "height": 1200}  # on which a picture is shown larger than it is
SECONDS = 60.0  # a cold Label Studio on two busy cores

# The canvas of each region's own layer, as it stands in the page.
_DRAWN = """() => {
    const said = window.Htx?.annotationStore?.selected;
    if (said?.type !== "annotation") return {};
    const masks = said.regions.filter((one) => one.type === "brushregion");
    return Object.fromEntries(masks.map((one) => {
        const canvas = one.layerRef?.canvas?._canvas;
        return [one.cleanId, canvas?.isConnected ? canvas.toDataURL() : ""];
    }));
}"""

_IS_READY = "() => window.Htx?.annotationStore?.selected?.objects.some((one) => one.imageIsLoaded)"
_IS_FULL_SIZE = """() => {
    const [image] = Htx.annotationStore.selected.objects.filter((one) => one.type === "image");
    const stage = image?.stageRef;
    return stage?.scaleX() === 1 && stage.x() === 0 && image.stageWidth === image.naturalWidth;
}"""


@dataclass(frozen=True)
class Editor:
    """One picture of width x height pixels in the editor."""

    page: Page
    width: int
    height: int

    # --- what is to be seen ---

    def drawn(self) -> dict[str, Mask]:
        """The mask of each region as it is painted now, in pixels of the picture."""
        return {key: self._mask(url) for key, url in self.page.evaluate(_DRAWN).items()}

    def wait_for_masks(self, keys: Iterable[str]) -> dict[str, Mask]:
        """Until exactly these regions are painted."""
        wanted = set(keys)
        self._show_full_size()

        def painted() -> dict[str, Mask]:
            there = self.drawn()
            done = set(there) == wanted and all(mask.any() for mask in there.values())
            return there if done else {}

        return wait_for(painted, seconds=SECONDS, what=f"the masks {sorted(wanted)}")

    def _mask(self, url: str) -> Mask:
        if not url:
            return np.zeros((self.height, self.width), np.bool_)
        layer = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA")
        return np.asarray(layer.getchannel("A"))[: self.height, : self.width] > 127

    def _show_full_size(self) -> None:
        """One pixel of the picture on one of the screen. At first a part is cut off at each side."""
        self.page.locator(".konvajs-content").wait_for()
        self.page.wait_for_function(_IS_READY)
        self.page.keyboard.press("Shift+2")
        self.page.wait_for_function(_IS_FULL_SIZE)

    @property
    def outliner(self) -> Locator:
        """The list of regions beside the picture."""
        return self.page.locator(".lsf-outliner-item")

    # --- what a person does ---

    def close_instructions(self) -> None:
        """Label Studio's own queue begins with them."""
        self.page.get_by_label("Close modal").click()
        expect(self.page.get_by_label("Close modal")).to_have_count(0)

    def select(self, place: int) -> None:
        self.outliner.nth(place).click()
        expect(self.page.get_by_text("The selected region", exact=True)).to_be_visible()

    def unselect(self) -> None:
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_text("The selected region", exact=True)).to_be_hidden()

    def choose(self, label: str) -> None:
        """What is painted next is of this type."""
        self.page.locator(".lsf-label").filter(has_text=label).click()

    def paint(self, *points: tuple[int, int]) -> None:
        """One stroke of the brush through these places of the picture."""
        self.page.keyboard.press("b")
        at = [self._on_screen(*point) for point in points]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for x, y in at[1:]:
            self.page.mouse.move(x, y, steps=10)
        self.page.mouse.up()
        wait_for(lambda: self._is_painted(points), what="the stroke to be painted")

    def _is_painted(self, points: tuple[tuple[int, int], ...]) -> bool:
        masks = self.drawn().values()
        return all(any(mask[y, x] for mask in masks) for x, y in points)

    def _on_screen(self, x: int, y: int) -> tuple[float, float]:
        stage = self.page.locator(".konvajs-content").bounding_box()
        assert stage is not None
        return stage["x"] + x + 0.5, stage["y"] + y + 0.5

    def delete_selected(self) -> None:
        count = self.outliner.count()
        self.page.keyboard.press("Backspace")
        expect(self.outliner).to_have_count(count - 1)

    def rewrite(self, words: str, better: str) -> None:
        """Click the pencil of what is written there, and write something else."""
        row = self.page.get_by_test_id("textarea-region").filter(has_text=words)
        row.hover()
        row.get_by_label("Edit Region").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(better)
        self.page.keyboard.press("Shift+Enter")
        expect(self.page.get_by_test_id("htx-textbox-content").get_by_text(better)).to_be_visible()

    def tick(self, words: str) -> None:
        choice = self.page.locator(".lsf-choice__item").filter(has_text=words).first
        choice.locator("input").check()

    def submit(self) -> None:
        """Until Label Studio has it; by then it has rung our bell."""
        self._send("bottombar-submit-button")

    def skip(self) -> None:
        self._send("bottombar-skip-button")

    def _send(self, button: str) -> None:
        with self.page.expect_response(_is_kept, timeout=SECONDS * 1000) as kept:
            self.page.get_by_test_id(button).click()
        assert kept.value.status == 201, kept.value.text()


def _is_kept(answer: object) -> bool:
    request = answer.request  # type: ignore[attr-defined]
    return request.method == "POST" and "/annotations" in request.url


def sign_in(page: Page, *, person: str, password: str) -> None:
    """On the page to which Label Studio leads whoever it does not know."""
    page.set_viewport_size(SCREEN)
    page.set_default_timeout(SECONDS * 1000)
    page.locator("#email").fill(person)
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/projects/**")
