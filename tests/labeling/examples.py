"""Labelled pictures for the tests of the school."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from labeling.examples import Example, ExampleRegion, Source

LABELLED_AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def crack(**changes: Any) -> ExampleRegion:
    """Three pixels of a picture of 4 x 3."""
    given = {"defect_type": "crack", "severity": "CRITICAL", "counts": (2, 3, 7)}
    return ExampleRegion(**{**given, **changes})


def example(key: str, **changes: Any) -> Example:
    given: dict[str, Any] = {
        "key": key,
        "sha256": sha(key),
        "size": 1000,
        "width": 4,
        "height": 3,
        "label": "NOT_OK" if changes.get("regions") else "OK",
        "source": Source.REVIEW,
        "who": "ada",
        "when": LABELLED_AT,
    }
    return Example(**{**given, **changes})


few = st.sampled_from(["", "1", "2", "3", "4", "5", "6"])
regions = st.lists(
    st.builds(
        ExampleRegion,
        defect_type=st.sampled_from(["", "crack", "dent"]),
        severity=st.sampled_from(["", "CRITICAL", "MINOR"]),
        counts=st.sampled_from([(0, 12), (3, 4, 5), (11, 1)]),
    ),
    max_size=2,
).map(tuple)


@st.composite
def examples(draw: st.DrawFn, **fixed: Any) -> Example:
    """Few values for each tie, so that groups grow together."""
    found = draw(regions)
    given = {
        "key": draw(st.text(min_size=1, max_size=3)),
        "sha256": sha(draw(st.integers(0, 40).map(str))),
        "size": draw(st.integers(1, 9)),
        "label": "NOT_OK" if found else draw(st.sampled_from(["OK", "NOT_OK"])),
        "source": draw(st.sampled_from(Source)),
        "who": draw(st.sampled_from(["ada", "grace", "Ünal"])),
        "when": LABELLED_AT + timedelta(microseconds=draw(st.integers(0, 9))),
        "part": draw(few),
        "lot": draw(few),
        "scene": draw(few),
        "regions": found,
        "chance": draw(st.sampled_from([None, 1.0, 0.3, 0.01])),
    }
    return example(given.pop("key"), **{**given, **fixed})


def sets(min_size: int = 1, max_size: int = 12) -> st.SearchStrategy[list[Example]]:
    return st.lists(examples(), min_size=min_size, max_size=max_size, unique_by=lambda e: e.key)
