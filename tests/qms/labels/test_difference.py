"""A text beside what a person made of it."""

from hypothesis import given
from hypothesis import strategies as st

from qms.labels.difference import Piece, by_words

TEXT = st.text(alphabet="ab .,\n<", max_size=40)


def told(before: str, after: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in by_words(before, after)]


@given(TEXT, TEXT)
def test_the_pieces_give_both_texts_back(before, after):
    pieces = by_words(before, after)
    assert "".join(one.text for one in pieces if one.kind != "new") == before
    assert "".join(one.text for one in pieces if one.kind != "gone") == after
    assert all(one.text for one in pieces)


@given(TEXT)
def test_the_same_text_has_no_change(text):
    assert all(one.kind == "kept" for one in by_words(text, text))


def test_words_are_compared_and_neighbours_are_one_change():
    assert told("A long scratch on the left.", "A deep dent on the left.") == [
        ("kept", "A "),
        ("gone", "long scratch"),
        ("new", "deep dent"),
        ("kept", " on the left."),
    ]


def test_a_very_long_text_is_told_whole():
    long = "word " * 3000
    assert by_words(long, "short") == [Piece("gone", long), Piece("new", "short")]
    assert by_words("", long) == [Piece("new", long)]
