"""How far the figures of an evaluation may be off: 95 % intervals.

Rankings (AUROC, AP, AUPRO) by the percentile bootstrap (Efron 1979): defects and goods are drawn
separately, with replacement, and pictures of one group always together, because they are not
independent. The bootstrap knows only what was seen: where all defects score above all goods it
says [1, 1], however few they are. Rates by the exact binomial interval, each group one trial.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference import metrics
from inference.binomial import interval
from inference.metrics import Counts
from inference.pixelmetrics import PixelTally, weighted

CONFIDENCE = 0.95
RESAMPLES = 1000
MOST_UNITS = 2000  # with more, the histograms of single parts would fill the memory

Interval = tuple[float, float]
Numbers = NDArray[np.int64]

UNKNOWN: Interval = (metrics.NOTHING, metrics.NOTHING)


def draws(
    parts: Numbers, defects: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Numbers:
    """How often each part is drawn, (resamples, number of parts).

    ``parts[i]`` numbers the part of picture i from 0 on. A part with a defect is a defective one.
    """
    rng = np.random.default_rng(seed)
    bad = np.zeros(int(parts.max()) + 1, bool)
    np.logical_or.at(bad, parts, np.asarray(defects, bool))
    found = np.zeros((resamples, len(bad)), np.int64)
    for members in (np.flatnonzero(bad), np.flatnonzero(~bad)):
        if len(members):
            even = np.full(len(members), 1 / len(members))
            found[:, members] = rng.multinomial(len(members), even, size=resamples)
    return found


def of_images(
    scores: ArrayLike, defects: ArrayLike, parts: Numbers, drawn: Numbers
) -> dict[str, Interval]:
    """Intervals of image AUROC and AP; ``drawn`` as ``draws`` gives it."""
    distinct, place = np.unique(np.asarray(scores, np.float64), return_inverse=True)
    truth = np.asarray(defects, bool)

    def counted() -> Iterator[tuple[Counts, Counts]]:
        for times in drawn:
            weight = times[parts].astype(np.float64)
            bad = np.bincount(place, weight * truth, len(distinct))[::-1]
            good = np.bincount(place, weight * ~truth, len(distinct))[::-1]
            yield bad.astype(np.float64), good.astype(np.float64)

    return {
        "image_auroc": percentile([metrics.auroc_of(*counts) for counts in counted()]),
        "image_ap": percentile([metrics.average_precision_of(*counts) for counts in counted()]),
    }


def of_pixels(tallies: Sequence[PixelTally], drawn: Numbers) -> dict[str, Interval]:
    """Intervals of pixel AUROC and AUPRO from one tally a part; unknown beyond MOST_UNITS parts."""
    if not 0 < len(tallies) <= MOST_UNITS:
        return {"pixel_auroc": UNKNOWN, "aupro": UNKNOWN}
    figures = [(tally.auroc(), tally.aupro()) for tally in weighted(tallies, drawn)]
    pixel, overlap = zip(*figures, strict=True)
    return {"pixel_auroc": percentile(pixel), "aupro": percentile(overlap)}


def of_rate(happened: ArrayLike, parts: Numbers) -> Interval:
    """Interval of the share of pictures to which something happened.

    Pictures of one part count as one trial, as if they always went the same way: rather too wide
    than too narrow.
    """
    events = np.asarray(happened, bool)
    if not len(events):
        return UNKNOWN
    independent = len(np.unique(parts))
    return interval(float(events.mean()) * independent, independent, CONFIDENCE)


def percentile(values: Sequence[float]) -> Interval:
    """The middle 95 % of resampled figures; unknown if none could be computed."""
    finite = np.array([value for value in values if value == value])
    if not len(finite):
        return UNKNOWN
    low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
