"""A mask as polygons that fill to the same mask again.

The points are pixels (their centres); a polygon covers what it encloses and its own outline, as
``cv2.fillPoly`` fills. A polygon has no holes, so an outline goes along a row of the mask to each
hole, round it, and back the same way: filled by the even-odd rule that leaves the hole open.
"""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from labeling.words import Mask

Points = NDArray[np.int64]  # (n, 2): x, y
_Point = tuple[int, int]


def outlines(mask: Mask) -> list[Points]:
    """One polygon for each part of the mask that hangs together, also by corners."""
    rings, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not rings:
        return []
    points = [np.asarray(ring, np.int64).reshape(-1, 2) for ring in rings]
    parents = [int(node[3]) for node in tree[0]]
    holes: dict[int, list[int]] = defaultdict(list)
    for hole, outer in enumerate(parents):
        if outer >= 0:
            holes[outer].append(hole)
    return [
        _shortened(_joined([points[outer], *(points[hole] for hole in holes[outer])]))
        for outer in range(len(points))
        if parents[outer] < 0
    ]


def _joined(rings: Sequence[Points]) -> Points:
    """The outer ring with a way to each hole; ``rings[0]`` is the outer one."""
    if len(rings) == 1:
        return rings[0]
    owners = _owners(rings)
    leftmost = [int(ring[:, 0].argmin()) for ring in rings]
    starts = [int(ring[place, 0]) for ring, place in zip(rings, leftmost, strict=True)]
    guests: dict[tuple[int, _Point], list[int]] = defaultdict(list)
    for hole in range(1, len(rings)):
        x, y = (int(value) for value in rings[hole][leftmost[hole]])
        while (x, y) not in owners or not _hosts(owners[x, y], starts, hole):
            x -= 1
        host = min(_hosts(owners[x, y], starts, hole), key=lambda one: (starts[one], one))
        guests[host, (x, y)].append(hole)
    return np.asarray(_walked(rings, leftmost, guests), np.int64)


def _owners(rings: Sequence[Points]) -> dict[_Point, set[int]]:
    owners: dict[_Point, set[int]] = defaultdict(set)
    for number, ring in enumerate(rings):
        for x, y in ring.tolist():
            owners[x, y].add(number)
    return dict(owners)


def _hosts(candidates: set[int], starts: Sequence[int], hole: int) -> list[int]:
    """Rings that begin further left (the outer one always does), so that no two wait in a ring."""
    before = (starts[hole], hole)
    return [one for one in candidates if one == 0 or (one != hole and (starts[one], one) < before)]


def _walked(
    rings: Sequence[Points],
    leftmost: Sequence[int],
    guests: dict[tuple[int, _Point], list[int]],
) -> list[_Point]:
    """Round the outer ring; at a point with guests round each of them, and back to the point.

    A stack of own, for a mask may have thousands of holes one inside the shadow of another.
    """
    walk: list[_Point] = []
    stack = [_steps(rings, 0, 0)]
    numbers = [0]
    while stack:
        if not stack[-1]:
            stack.pop()
            numbers.pop()
            continue
        point = stack[-1].pop()
        walk.append(point)
        waiting = guests.get((numbers[-1], point))
        if waiting:
            guest = waiting.pop()
            stack[-1].append(point)  # where we are again after the visit
            stack.append(_steps(rings, guest, leftmost[guest]))
            numbers.append(guest)
    return walk


def _steps(rings: Sequence[Points], number: int, start: int) -> list[_Point]:
    """The ring from its start round to its start again, last step first."""
    ring = [(int(x), int(y)) for x, y in np.roll(rings[number], -start, axis=0)]
    return [*ring, ring[0]][::-1]


def _shortened(points: Points) -> Points:
    """Without the points inside straight stretches along rows, columns and diagonals."""
    if len(points) < 3:
        return np.asarray(points, np.int64)
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    turns = (np.sign(before) != np.sign(after)).any(axis=1) | (abs(before) != abs(after)).any(
        axis=1
    )
    straight = (abs(before).max(axis=1) <= 1) & (abs(after).max(axis=1) <= 1)
    kept = points[turns | ~straight]
    return np.asarray(kept if len(kept) else points[:1], np.int64)
