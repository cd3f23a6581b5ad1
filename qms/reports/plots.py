"""Figures of agreement as small interval plots, with AIAG's words beside them. Pure.

AIAG, Measurement Systems Analysis, 4th edition, attribute studies: kappa is good from 0.75 on and
poor below 0.40; an appraiser is good who is right in 90 % and poor below 80 %; misses are good up to
2 % and poor above 5 %, false alarms up to 5 % and above 10 %.
"""

from dataclasses import dataclass

from qms.reports.appraisers import Agreement, Appraiser
from qms.reports.rates import Estimate

WIDTH, PAD = 124.0, 6.0  # of the drawing, and what is left free at its ends


@dataclass(frozen=True)
class Rule:
    """From where on a figure is good and poor; more is better unless it counts faults."""

    good: float
    poor: float
    is_rate: bool = True

    @property
    def fault(self) -> bool:
        return self.good < self.poor

    def word(self, exact: float) -> str:
        """Of the figure as it is shown; edges belong to the better word."""
        value = round(exact, 3 if self.is_rate else 2)
        if value <= self.good if self.fault else value >= self.good:
            return "good"
        return "marginal" if (value <= self.poor if self.fault else value >= self.poor) else "poor"


KAPPA = Rule(0.75, 0.40, is_rate=False)
REPEATED = Rule(0.90, 0.80)
MISSES = Rule(0.02, 0.05)
FALSE_ALARMS = Rule(0.05, 0.10)


@dataclass(frozen=True)
class Figure:
    """One figure as a line of a table shows it. ``reaches``: its interval leaves the scale."""

    text: str
    interval: str
    n: int
    word: str
    sure: bool
    point: float | None
    low: float
    high: float
    line: float
    reaches: bool

    @property
    def label(self) -> str:
        if self.point is None:
            return "not known"
        return f"{self.text}, 95 % interval {self.interval}, {self.word}"


def figure(found: Estimate, rule: Rule) -> Figure:
    """On a scale from 0 to 1; a kappa below 0 is drawn at its left end."""
    known = found.value is not None
    word = rule.word(found.value) if found.value is not None else ""
    return Figure(
        text=_text(found.value, rule) if found.value is not None else "–",
        interval=f"{_text(found.low, rule)} to {_text(found.high, rule)}" if known else "",
        n=found.n,
        word=word,
        sure=known and {rule.word(found.low), rule.word(found.high)} == {word},
        point=None if found.value is None else _at(found.value),
        low=_at(found.low),
        high=_at(found.high),
        line=_at(rule.good),
        reaches=found.low < 0,
    )


def _at(value: float) -> float:
    return PAD + (WIDTH - 2 * PAD) * min(1.0, max(0.0, value))


def _text(value: float, rule: Rule) -> str:
    if rule.is_rate:
        return f"{100 * value:.1f} %"
    return f"{value:.2f}".replace("-", "−")


@dataclass(frozen=True)
class Row:
    """One appraiser's line. ``is_model`` names the model, whose answers never vary."""

    name: str
    is_model: bool
    parts: int
    kappa: Figure
    misses: Figure
    false_alarms: Figure
    repeatability: Figure | None
    with_model: Figure | None


def row(found: Appraiser) -> Row:
    again, model = found.repeatability, found.with_model
    return Row(
        name=found.name or "The model",
        is_model=not found.name,
        parts=found.parts,
        kappa=figure(found.kappa, KAPPA),
        misses=figure(found.misses, MISSES),
        false_alarms=figure(found.false_alarms, FALSE_ALARMS),
        repeatability=figure(again, REPEATED) if again else None,
        with_model=figure(model, KAPPA) if model else None,
    )


def rows(found: Agreement) -> list[Row]:
    return [row(found.model), *(row(person) for person in found.people)]


def panels(found: Agreement) -> list[tuple[int, Figure]]:
    return [(panel.people, figure(panel.kappa, KAPPA)) for panel in found.panels]
