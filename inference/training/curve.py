"""The curve of a training, to look at. Knows no network."""

from pathlib import Path

from matplotlib.ticker import LogLocator, NullLocator

from inference.report.charts import BLUE, ORANGE, drawing
from inference.training.run import Curve

LEVELS = (("stride 8", BLUE, "-"), ("stride 16", ORANGE, "--"))


def draw(path: Path, curve: Curve) -> None:
    """A PNG of what is unexplained at each level over the steps, both on scales of ratios.

    A straight line that still falls at its end says what more steps would give.
    """
    with drawing(path) as figure:
        axes = figure.subplots()
        for number, (name, colour, line) in enumerate(LEVELS, start=1):
            steps, shares = [point[0] for point in curve], [point[number] for point in curve]
            axes.plot(steps, shares, color=colour, linestyle=line, linewidth=1.6, label=name)
        axes.set(xscale="log", yscale="log", xlabel="steps (logarithmic)")
        axes.set(title="What the pupil leaves unexplained of its teacher")
        axes.set_ylabel("share of the teacher's variance (logarithmic)")
        for axis in (axes.xaxis, axes.yaxis):  # plain numbers, few enough to be read
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(lambda value, _: f"{value:,g}")
            axis.set_minor_locator(NullLocator())
        axes.legend()
