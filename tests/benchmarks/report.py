"""How a benchmark tells its figures: a table for people, one JSON line for machines."""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass
class Report:
    bench: str
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def at_least(self, key: str, value: float, goal: float | None = None) -> None:
        self._add(key, value, goal, goal is None or value >= goal, "≥")

    def at_most(self, key: str, value: float, goal: float | None = None) -> None:
        self._add(key, value, goal, goal is None or value <= goal, "≤")

    def _add(self, key: str, value: float, goal: float | None, holds: bool, sign: str) -> None:
        self.figures[key] = {"value": round(value, 4), "goal": goal, "holds": holds, "sign": sign}
        print(f"    {key} {value:.4g}", file=sys.stderr, flush=True)  # should it end early

    def show(self) -> None:
        table = Table("Figure", "Value", "Goal", "Holds", title=self.bench)
        for key, one in self.figures.items():
            goal = "" if one["goal"] is None else f"{one['sign']} {one['goal']}"
            table.add_row(key, f"{one['value']:g}", goal, "yes" if one["holds"] else "NO")
        Console().print(table)
        plain = {
            key: {word: one[word] for word in ("value", "goal", "holds")}
            for key, one in self.figures.items()
        }
        print(json.dumps({"bench": self.bench, "figures": plain}))
