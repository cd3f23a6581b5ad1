"""A body comes whole, in whatever pieces it was sent, and whoever has gone is not waited for."""

import asyncio
from collections import deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qms.web.bodies import PIECE, in_larger_pieces


def handed_over(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is received until all that was sent is gone."""
    waiting = deque(sent)

    async def receive() -> dict[str, Any]:
        return waiting.popleft()

    async def all_of_it() -> list[dict[str, Any]]:
        joined, found = in_larger_pieces(receive), []
        while waiting:
            found.append(dict(await joined()))
        return found

    return asyncio.run(all_of_it())


def request(pieces: list[bytes]) -> list[dict[str, Any]]:
    last = len(pieces) - 1
    return [
        {"type": "http.request", "body": body, "more_body": n < last}
        for n, body in enumerate(pieces)
    ]


@given(st.lists(st.binary(max_size=2000).map(lambda some: some * 300), min_size=1, max_size=8))
def test_the_body_is_the_same_and_its_pieces_are_few(pieces):
    found = handed_over(request(pieces))
    assert b"".join(one["body"] for one in found) == b"".join(pieces)
    assert [one["more_body"] for one in found] == [True] * (len(found) - 1) + [False]
    assert all(len(one["body"]) >= PIECE for one in found[:-1])


def test_whoever_goes_in_the_middle_is_told_of():
    begun = {"type": "http.request", "body": b"begun", "more_body": True}
    gone = {"type": "http.disconnect"}
    assert handed_over([begun, gone]) == [gone]


def test_what_is_no_body_passes_through():
    assert handed_over([{"type": "http.disconnect"}]) == [{"type": "http.disconnect"}]
