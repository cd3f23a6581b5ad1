"""The charts of an evaluation report. Knows no files but those it draws.

Colours are Okabe and Ito's (2008), which people with a colour vision deficiency tell apart; what a
colour says is also said by a hatch, a marker, a line style or a word.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from inference.metrics import tallies
from inference.thresholds import Thresholds

BLUE, ORANGE, GREEN, RED, BLACK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#222222"
GREY = "#767676"
WIDTH, HEIGHT, DOTS = 8.0, 4.6, 150  # inches, inches, dots per inch
BINS = 40
MOST_TYPES = 30
SPREAD_OUT = 20.0  # from here on (highest score to median) the score axis is logarithmic

Floats = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

# What the first font lacks comes from one of these, where it is installed; else an empty box
# stands in the chart and the right name in the text.
FURTHER_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Noto Sans Arabic")

STYLE: Any = {
    "font.family": ["DejaVu Sans", *sorted({*FURTHER_FONTS} & {*get_font_names()})],
    "font.size": 10.5,
    "text.parse_math": False,  # a dollar sign in a file's name is a dollar sign
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlelocation": "left",
    "axes.titlesize": 12.5,
    "axes.titlepad": 12,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
}


@contextmanager
def drawing(
    path: Path, width: float = WIDTH, height: float = HEIGHT, dots: int = DOTS
) -> Iterator[Figure]:
    """A figure that is written to ``path`` as PNG when the block ends."""
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.savefig(path, dpi=dots, metadata={"Software": None})


def roc(path: Path, scores: Floats, defects: Mask, thresholds: Thresholds, auroc: float) -> None:
    """Defects caught against normals caught; the two calibrated thresholds as points."""
    bad, good = tallies(scores, defects)
    with drawing(path, 6.2, 5.6) as figure:
        axes = figure.subplots()
        caught = np.append(0, np.cumsum(bad) / bad.sum())
        alarms = np.append(0, np.cumsum(good) / good.sum())
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        axes.plot(alarms, caught, color=BLUE, linewidth=2, label=f"detector, AUROC {auroc:.3f}")
        for name, limit, marker, colour in (
            ("not ok", thresholds.not_ok, "s", RED),
            ("not ok or undecided", thresholds.ok, "o", ORANGE),
        ):
            x, y = (scores[~defects] >= limit).mean(), (scores[defects] >= limit).mean()
            says = f"{name}: {100 * y:.0f} % of defects,\n{100 * x:.1f} % of good ones"
            axes.plot(x, y, marker, color=colour, markersize=10, markeredgecolor=BLACK, label=says)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), aspect="equal")
        axes.set(title="Which defects are caught at which price")
        axes.set(xlabel="share of good pictures above", ylabel="share of defects above")
        axes.legend(loc="lower right", labelspacing=0.8, frameon=True, edgecolor="white")


def scores(path: Path, values: Floats, defects: Mask, thresholds: Thresholds) -> None:
    """Good and defective pictures by score, with the thresholds and the held-out normals."""
    normal = np.array(thresholds.calibration)
    edges, scale = _edges(np.concatenate([values, normal, [thresholds.not_ok]]))
    with drawing(path) as figure:
        axes = figure.subplots()
        kinds = (("good", ~defects, BLUE, "///"), ("defect", defects, RED, "..."))
        for name, chosen, colour, hatch in kinds:
            style: dict[str, Any] = {
                "facecolor": f"{colour}55",
                "edgecolor": colour,
                "hatch": hatch,
            }
            label = f"{name} ({chosen.sum()})"
            axes.hist(values[chosen], edges, histtype="stepfilled", label=label, **style)
        _rug(axes, normal)
        _limits(axes, thresholds)
        axes.set(xscale=scale, xlabel=f"score{' (logarithmic)' if scale == 'log' else ''}")
        if scale == "log":  # plain numbers: powers of ten are hard to compare with a threshold
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.set(title="Scores of good and defective pictures", ylabel="pictures")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")


def types(path: Path, each: Mapping[str, Mapping[str, Any]]) -> None:
    """Share caught (bar) and AUROC (diamond) of each defect type, hardest at the top."""
    hardest = sorted(each.items(), key=lambda item: (item[1]["recall"], item[1]["image_auroc"]))
    shown = hardest[:MOST_TYPES][::-1]
    rest = len(each) - len(shown)
    with drawing(path, WIDTH, 1.9 + 0.36 * len(shown)) as figure:
        axes = figure.subplots()
        for place, (_, found) in enumerate(shown):
            _bar(axes, place, found)
        labels = [_type_label(name, found) for name, found in shown]
        axes.set_yticks(range(len(shown)), labels)
        axes.set(xlim=(0, 1.08), ylim=(-0.6, len(shown) - 0.4), xticks=np.linspace(0, 1, 6))
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.grid(visible=False, axis="y")
        more = f" ({rest} easier ones not shown)" if rest else ""
        axes.set(title=f"What is caught, by type of defect{more}", xlabel="share / AUROC")
        handles = _type_handles(axes, shown)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def latency(path: Path, milliseconds: Floats, marks: Mapping[str, float]) -> None:
    """How long a judgement takes, with the percentiles of ``marks``."""
    with drawing(path) as figure:
        axes = figure.subplots()
        most = max(marks["p99"] * 1.15, float(np.median(milliseconds)) * 1.5)
        inside = np.minimum(milliseconds, most)  # one hiccup must not flatten the rest
        edges = np.linspace(min(inside.min(), most * 0.999), most, BINS + 1).tolist()
        axes.hist(inside, edges, color=f"{BLUE}88", edgecolor=BLUE)
        for (name, value), line in zip(marks.items(), ("-", "--", ":"), strict=True):
            label = f"{name}: {value:.1f} ms"
            axes.axvline(value, color=BLACK, linestyle=line, linewidth=1.6, label=label)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.set(title="Time of one judgement, from the file's bytes", ylabel="pictures")
        beyond = int((milliseconds > most).sum())
        longer = f" ({beyond} longer, counted at the right end)" if beyond else ""
        axes.set(xlabel=f"milliseconds{longer}")
        figure.legend(loc="outside right upper")


def _edges(values: Floats) -> tuple[list[float], str]:
    """Bins over all values, and the scale of their axis."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > SPREAD_OUT * float(np.median(values)):
        return np.geomspace(low * 0.97, high * 1.03, BINS + 1).tolist(), "log"
    margin = max(0.02 * (high - low), 1e-6)
    return np.linspace(low - margin, high + margin, BINS + 1).tolist(), "linear"


def _rug(axes: Axes, normal: Floats) -> None:
    """The held-out normals as ticks below the axis' zero line."""
    label = f"held-out normals ({len(normal)})"
    style: dict[str, Any] = {
        "color": GREEN,
        "marker": "|",
        "linestyle": "",
        "markersize": 9,
        "label": label,
    }
    height = axes.get_ylim()[1]
    axes.plot(normal, np.full(len(normal), -0.045 * height), **style)
    axes.set_ylim(-0.09 * height, height * 1.02)


def _limits(axes: Axes, thresholds: Thresholds) -> None:
    for name, value, line in (("ok", thresholds.ok, "--"), ("not ok", thresholds.not_ok, "-")):
        side = "below: ok" if name == "ok" else "from here: not ok"
        axes.axvline(
            value, color=BLACK, linestyle=line, linewidth=1.6, label=f"{side} ({value:.3g})"
        )
    style: dict[str, Any] = {"color": GREY, "alpha": 0.16, "linewidth": 0, "zorder": 0.5}
    axes.axvspan(thresholds.ok, thresholds.not_ok, label="between: a person looks", **style)


def _bar(axes: Axes, place: int, found: Mapping[str, Any]) -> None:
    hatch = "///" if found["seen"] else ""
    colour = GREEN if found["seen"] else BLUE
    axes.barh(place, found["recall"], 0.62, color=f"{colour}88", edgecolor=colour, hatch=hatch)
    axes.plot(found["image_auroc"], place, "D", color=BLACK, markersize=6, clip_on=False)
    axes.text(
        0.012, place, f"{100 * found['recall']:.0f} %", va="center", color=BLACK, weight="bold"
    )


def _type_label(name: str, found: Mapping[str, Any]) -> str:
    short = name if len(name) <= 28 else f"{name[:27]}…"
    return f"{short} ({found['images']})"


def _type_handles(axes: Axes, shown: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Any]:
    """What the bars and diamonds mean; kinds that do not occur are not explained."""
    seen = {bool(found["seen"]) for _, found in shown}
    bars = [
        Patch(facecolor=f"{BLUE}88", edgecolor=BLUE, label="caught, type not learnt"),
        Patch(facecolor=f"{GREEN}88", edgecolor=GREEN, hatch="///", label="caught, type learnt"),
    ]
    diamond = axes.plot([], [], "D", color=BLACK, label="AUROC against the good ones")[0]
    return [*(bars[kind] for kind in sorted(seen)), diamond]
