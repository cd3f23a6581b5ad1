"""The page's own formula, in a real Chromium, against that of the server: on random data."""

import random
from dataclasses import asdict

import pytest
from playwright.sync_api import Page

from qms.reports.comparison import doubt, lines
from qms.reports.histogram import histogram
from qms.reports.thresholds_page import payload
from qms.reports.whatif import Judged, Looked, Production, Rules, consequences

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ASK = """async (cases) => {
  const { consequences, lines, doubt } = await import("/static/whatif.js");
  return cases.map(({ data, tried }) => {
    const present = consequences(data, ...data.present), chosen = consequences(data, ...tried);
    return { chosen, lines: lines(present, chosen), doubt: doubt(data, chosen) };
  });
}"""


def _production(chance: random.Random) -> Production:
    return Production(
        looked=[
            Looked(
                chance.gammavariate(2, 0.2),
                chance.random() < 0.3,
                chance.choice([1.0, 1.0, 25.5, 1 / 0.03]),
                chance.random() < 0.1,
            )
            for _ in range(chance.choice([0, 1, 5, 60]))
        ],
        judged=[
            Judged(chance.gammavariate(2, 0.2), chance.randint(1, 5000), chance.random() < 0.1)
            for _ in range(chance.choice([1, 3, 80]))
        ],
        shifts=chance.randint(1, 60),
        rules=Rules(
            route_not_ok=chance.random() < 0.8,
            route_uncertain=chance.random() < 0.8,
            audit_share=chance.choice([0.0, 0.02, 0.3, 1.0]),
            cost_review=chance.uniform(0, 9),
            cost_false_call=chance.uniform(0, 90),
            cost_escape=chance.uniform(0, 2000),
        ),
    )


def _limits(chance: random.Random) -> list[float]:
    return sorted(chance.choice([0.0, chance.uniform(0, 1.5)]) for _ in range(2))


def test_browser_and_server_compute_and_say_the_same(page: Page):
    page.goto("/sign-in/")
    chance = random.Random(8)
    cases = [(_production(chance), _limits(chance), _limits(chance)) for _ in range(150)]
    asked = [
        {
            "data": payload(of, present, histogram(of.looked, of.judged, present)),
            "tried": tried,
        }
        for of, present, tried in cases
    ]
    answers = page.evaluate(ASK, asked)
    for (of, present, tried), answer in zip(cases, answers, strict=True):
        before = consequences(of, ok=present[0], not_ok=present[1])
        found = consequences(of, ok=tried[0], not_ok=tried[1])
        for name, value in asdict(found).items():
            assert answer["chosen"][name] == pytest.approx(value), name
        said = [
            {"key": one.key, "chosen": one.chosen, "change": one.change, "direction": one.direction}
            for one in lines(before, found)
        ]
        assert answer["lines"] == said
        assert answer["doubt"] == doubt(found)
