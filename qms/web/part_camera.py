"""The camera above the line: what of a part, its slopes and its sheen, reaches the sensor."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Plane = npt.NDArray[np.float32]

OVERSAMPLING = 2
RIM = 0.84  # radius of the part; the picture reaches from -1 to 1
_STEEL = np.array([0.93, 0.97, 1.0], np.float32)
_FIXTURE = np.array([0.92, 1.0, 1.12], np.float32)
_VISIBLE = 5.0  # grey levels


@dataclass
class Part:
    """What lies under the camera, before light falls on it."""

    x: Plane  # where each pixel lies on the part
    y: Plane
    height: Plane
    body: Plane  # 1 where there is metal, 0 where one looks past it
    polish: Plane  # how much of the turned sheen is left
    tint: Plane  # height x width x 3

    @property
    def radius(self) -> Plane:
        return np.hypot(self.x, self.y)


def seen(made: Part, seed: int, size: int) -> Plane:
    """Grey levels without noise, size x size x 3."""
    random = np.random.default_rng([seed, 2])
    metal = _lit_metal(made, random)
    past = _fixture(made, random)
    body = made.body[..., None]
    light = body * metal + (1 - body) * past
    light *= (1 - 0.16 * (made.x**2 + made.y**2))[..., None] * (1 + random.normal(0, 0.02))
    levels = 255 * np.clip(light, 0, None) ** (1 / 1.25)
    rows = levels.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3)
    return np.asarray(rows.mean(axis=(1, 3)), np.float32)


def _lit_metal(made: Part, random: np.random.Generator) -> Plane:
    """Diffuse light from a ring of lamps with one stronger side, and the sheen of a lathe."""
    pitch = 2 / made.x.shape[0]
    slope_y, slope_x = np.gradient(made.height, pitch)
    lamp = np.deg2rad(-125 + random.normal(0, 2))
    toward = np.cos(lamp) * slope_x + np.sin(lamp) * slope_y
    steep = slope_x**2 + slope_y**2
    diffuse = 0.45 - 0.42 * toward / np.sqrt(1 + steep) - 0.10 * np.tanh(steep)
    around = np.arctan2(made.y, made.x)
    fan = 0.5 + 0.5 * np.cos(2 * (around - lamp))
    sheen = 0.40 * fan**4 + 0.14 * (0.5 + 0.5 * np.cos(2 * (around - lamp - 1.1))) ** 10
    grey = np.clip(diffuse, 0.04, None) + sheen * made.polish - 0.10 * (1 - made.polish) * 0.5
    glint = 0.35 * np.clip(-toward - 0.35, 0, 0.8)
    return np.asarray((grey + glint)[..., None] * made.tint * _STEEL, np.float32)


def _fixture(made: Part, random: np.random.Generator) -> Plane:
    """A dark plate beneath, in the shadow of the part; darker still at the bottom of a hole."""
    grain = random.normal(0, 0.006, made.x.shape).astype(np.float32)
    shadow = _blur(made.body, made.x.shape[0] // 22)
    inside = 1 - step(made.radius, RIM, 0.01)
    depth = 0.085 - 0.05 * shadow - 0.035 * inside + grain
    wall = np.clip(_blur(made.body, made.x.shape[0] // 90) - 0.25, 0, 1) * inside
    low = np.clip(depth + 0.10 * wall * (made.y > 0), 0.012, None)
    return low[..., None] * _FIXTURE


def picture(levels: Plane, seed: int) -> Image.Image:
    """Noise of light and of the sensor; each column of it has a gain of its own."""
    random = np.random.default_rng([seed, 3])
    size = levels.shape[0]
    gain = 1 + random.normal(0, 0.004, (1, size, 1))
    noise = random.normal(0, 1, levels.shape) * (0.8 + 0.10 * np.sqrt(np.clip(levels, 0, None)))
    return Image.fromarray(np.clip(levels * gain + noise + 0.5, 0, 255).astype(np.uint8), "RGB")


def difference(sound: Plane, spoilt: Plane) -> Image.Image:
    """Closed, because the flat floor of a dent is as bright as before and yet belongs to it."""
    changed = np.abs(sound - spoilt).max(axis=2) > _VISIBLE
    mask = Image.fromarray((changed * 255).astype(np.uint8), "L")
    return mask.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5))


# --- the curves it is drawn with ---


def step(value: Plane, at: float, width: float) -> Plane:
    """0 below `at`, 1 above `at + width`, smooth between."""
    t = np.clip((value - at) / width, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def ring(value: Plane, at: float, width: float) -> Plane:
    return np.asarray(np.exp(-(((value - at) / width) ** 4)), np.float32)


def noise_line(random: np.random.Generator, length: int, smooth: float) -> Plane:
    reach = int(4 * smooth)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / smooth) ** 2)
    line = np.convolve(random.normal(0, 1, length), weights / weights.sum(), "same")
    return np.asarray(line / line.std(), np.float32)


def _blur(plane: Plane, reach: int) -> Plane:
    levels = Image.fromarray((plane * 255).astype(np.uint8), "L")
    blurred = levels.filter(ImageFilter.GaussianBlur(reach))
    return np.asarray(blurred, np.float32) / np.float32(255)
