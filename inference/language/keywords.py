"""The words of a description that say most: short runs of words between the ones that say nothing.

RAKE (Rose et al. 2010, Automatic keyword extraction from individual documents): a run's weight is
the sum over its words of how many words each stands beside, divided by how often it comes.
"""

import re
from collections import Counter

LONGEST = 4  # words of a keyword; a longer run is half a sentence
_SAYING_NOTHING = (
    "a about above across after all along also although an and any are as at be because been "
    "before being below between both but by can cannot could do does due each either even few for "
    "from further had has have having here how however if in into is it its itself just "
    "less like looks may might more most much must near no not of off often on one only or other "
    "over same seen several shall should shows so some such than that the their them then there "
    "these they this those through to too under until up usually very was were what when where "
    "which while who will with within without would you your appear appears image photo picture "
    "defect defects defective product part parts caused causes cause"
)
EMPTY = frozenset(_SAYING_NOTHING.split())


def keywords(text: str) -> list[str]:
    """Lower-case keywords of one to four words, weightiest first, none twice."""
    runs = [run for run in _runs(text) if len(run) <= LONGEST]
    often: Counter[str] = Counter()
    beside: Counter[str] = Counter()
    for run in runs:
        for word in run:
            often[word] += 1
            beside[word] += len(run)
    weight = {" ".join(run): sum(beside[w] / often[w] for w in run) for run in runs}
    return sorted(weight, key=lambda found: -weight[found])


def _runs(text: str) -> list[tuple[str, ...]]:
    found, run = [], []
    for word in re.findall(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|[^\s\w]|\d+", text.lower()):
        if word[0].isalpha() and word not in EMPTY:
            run.append(word)
        elif run:
            found.append(tuple(run))
            run = []
    return [*found, tuple(run)] if run else found
