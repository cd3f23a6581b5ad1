"""Label Studio's own editor, as an annotator works in it. Tried against 1.23.2.

It waits for what the editor holds (``window.Htx``), never for time to pass. Give the page a large
window: what does not fit at its own size cannot be held against its pixels.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

WINDOW = {"width": 2600, "height": 1800}
PAINTED = 25  # steps of 255 by which paint differs from the picture beneath it
_SELECTED = "window.Htx.annotationStore.selected"
_READY = (
    f"() => window.Htx?.annotationStore?.selected && {_SELECTED}.names.get('image').imageIsLoaded"
)
_DRAWN = (
    f"() => [...{_SELECTED}.areas.values()].every(area => !area.rle || area.imageData !== null)"
)
_LAYERS = (
    f"() => Object.fromEntries([...{_SELECTED}.areas.values()]"
    ".filter(area => area.type === 'brushregion')"
    ".map(area => [area.cleanId, area.layerRef.canvas._canvas.toDataURL()]))"
)
_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

Point = tuple[float, float]  # x, y in pixels of the picture


class Editor:
    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def sign_in(self, email: str, password: str) -> None:
        self.page.goto(f"{self.url}/user/login/")
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(lambda address: "/login" not in address)

    def open(self, project: int, task: int) -> None:
        """One task, beside the list of all; here is no button to skip."""
        self._go(f"/projects/{project}/data?task={task}")

    def next(self, project: int) -> None:
        """The most urgent task, as annotators get them one after the other."""
        self._go(f"/projects/{project}/data?labeling=1")

    def _go(self, path: str) -> None:
        self.page.goto(self.url + path)
        self._wait_for_picture()

    def arrive(self, email: str, password: str) -> None:
        """Where a link of ours has led, by way of the sign-in."""
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self._wait_for_picture()

    def close_instructions(self) -> None:
        """The queue of annotators begins with them."""
        self.page.get_by_label("Close modal").click()
        self.page.get_by_label("Close modal").wait_for(state="detached")

    def _wait_for_picture(self) -> None:
        self.page.wait_for_selector("canvas")
        self.page.wait_for_function(_READY)
        self.settle()
        self.page.keyboard.press("Shift+1")  # else it may begin with the edges cut off
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function(_DRAWN)
        self.page.evaluate(_FRAMES)

    # --- what is to be seen ---

    def painted(self, picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where paint covers the (H, W, 3) picture, (H, W), shown pixel by pixel.

        It must fit into the window.
        """
        self._show_plain()
        box = self._box()
        assert (box["height"], box["width"]) == picture.shape[:2], box
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=box)))  # type: ignore[arg-type]
        screen = np.asarray(shot.convert("RGB")).astype(int)
        return np.asarray(np.abs(screen - picture.astype(int)).max(axis=2) > PAINTED)

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Each region by its key, (H, W), as its own layer is drawn pixel by pixel."""
        self._show_plain()
        width, height = self._natural()
        layers = self.page.evaluate(_LAYERS)
        return {key: _alpha(layer)[:height, :width] > 127 for key, layer in layers.items()}

    def _show_plain(self) -> None:
        self.page.keyboard.press("Escape")  # what is selected is drawn with an outline
        self.page.keyboard.press("v")  # the brush has a slider, which covers a corner
        self.page.keyboard.press("Shift+2")  # one to one
        self.page.mouse.move(0, 0)
        self.settle()

    def _box(self) -> dict[str, float]:
        """Of the picture on the screen; its canvas is rounded up to whole pixels."""
        box = self.page.locator(".konvajs-content").first.bounding_box()
        assert box is not None
        size: list[float] = self.page.evaluate(
            f"() => {{ const image = {_SELECTED}.names.get('image');"
            " return [image.stageWidth, image.stageHeight] }"
        )
        return {**box, "width": size[0], "height": size[1]}

    def regions(self) -> list[str]:
        """Their labels, in the order of the list."""
        found: list[str] = self.page.evaluate(
            f"() => [...{_SELECTED}.areas.values()].filter(area => area.type === 'brushregion')"
            ".map(area => area.labels[0])"
        )
        return found

    # --- what an annotator does ---

    def select(self, label: str) -> None:
        """The region of that label, in the list of regions."""
        self.page.keyboard.press("Escape")
        self.page.get_by_text(label, exact=True).last.click()
        self.page.wait_for_function(f"() => {_SELECTED}.selectedRegions?.length")

    def remove(self, label: str) -> None:
        left = len(self.regions()) - 1
        self.select(label)
        self.page.keyboard.press("Backspace")
        self._wait_for_regions(left)

    def paint(self, key: str, points: Sequence[Point]) -> None:
        """A new region of the label with that key, by one stroke of the brush."""
        more = len(self.regions()) + 1
        self.page.keyboard.press("Escape")
        self.page.keyboard.press(key)
        self._stroke(points)
        self._wait_for_regions(more)

    def extend(self, label: str, points: Sequence[Point]) -> None:
        """Another stroke of the brush on a region that is there."""
        self.select(label)
        self.page.keyboard.press("b")
        self._stroke(points)
        self.page.keyboard.press("Escape")

    def erase(self, label: str, points: Sequence[Point]) -> None:
        self.select(label)
        self.page.keyboard.press("e")
        self._stroke(points)
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")

    def _wait_for_regions(self, count: int) -> None:
        self.page.wait_for_function(
            f"count => [...{_SELECTED}.areas.values()]"
            ".filter(area => area.type === 'brushregion').length === count",
            arg=count,
        )

    def _stroke(self, points: Sequence[Point]) -> None:
        box, natural = self._box(), self._natural()
        on_screen = [
            (box["x"] + x * box["width"] / natural[0], box["y"] + y * box["height"] / natural[1])
            for x, y in points
        ]
        self.page.mouse.move(*on_screen[0])
        self.page.mouse.down()
        for x, y in on_screen[1:]:
            self.page.mouse.move(x, y, steps=8)
        self.page.mouse.up()
        self.page.evaluate(_FRAMES)

    def _natural(self) -> tuple[int, int]:
        image: list[int] = self.page.evaluate(
            f"() => {{ const image = {_SELECTED}.names.get('image').currentImageEntity;"
            " return [image.naturalWidth, image.naturalHeight] }"
        )
        return image[0], image[1]

    def press(self, keys: str) -> None:
        """With no text box in focus, where keys would be letters."""
        self.page.evaluate("() => document.activeElement.blur()")
        self.page.keyboard.press(keys)

    def choose(self, value: str) -> None:
        self.page.locator(f"input[name={value!r}]").check(force=True)

    def write(self, words: str, placeholder: str) -> None:
        """Into a text box that is still empty."""
        self.page.get_by_placeholder(placeholder).fill(words)
        self.page.keyboard.press("Shift+Enter")

    def rewrite(self, before: str, after: str) -> None:
        """By the pencil of a text that the model wrote."""
        row = self.page.get_by_text(before, exact=True).first
        row.hover()
        middle = _middle_of(row.bounding_box())
        pencils = self.page.get_by_role("button", name="Edit Region").all()
        nearest = min(pencils, key=lambda one: abs(_middle_of(one.bounding_box()) - middle))
        nearest.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(after)
        self.page.keyboard.press("Shift+Enter")

    def submit(self) -> dict[str, Any]:
        """Also what was submitted before. The annotation as the server answers."""
        return self._sent("Control+Enter")

    def skip(self) -> dict[str, Any]:
        return self._sent("Control+Space")

    def _sent(self, keys: str) -> dict[str, Any]:
        with self.page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method != "GET"
        ) as answer:
            self.press(keys)
        said: dict[str, Any] = answer.value.json()
        return said


def _alpha(layer: str) -> NDArray[np.uint8]:
    """Of a canvas, as a data address."""
    picture = Image.open(io.BytesIO(base64.b64decode(layer.partition(",")[2])))
    return np.asarray(picture.convert("RGBA"))[:, :, 3]


def _middle_of(box: Any) -> float:
    return float(box["y"] + box["height"] / 2) if box else float("inf")
