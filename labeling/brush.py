"""Masks as Label Studio's brush keeps them, and back.

Run lengths over the bytes of an RGBA picture, packed bit by bit (thi.ng's rle-pack, Apache-2.0):
a header of 53 bits (how many bytes in 32, bits of a word less one in 5, four sizes less one in 4
each), then tokens: one bit that says whether one word is repeated or many follow, two bits that
choose a size, that many bits with the count less one, then the word or the words. Why this is not
the SDK's: docs/decisions/0018-own-run-lengths-for-the-brush.md.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from labeling.words import Mask

CHANNELS = 4  # red, green, blue and, as the mask, alpha
SIZES = (3, 4, 8, 16)  # bits of a count, as Label Studio chooses them
HEADER_BITS = 32 + 5 + 4 * 4
WORD_BITS = 8
OPAQUE = 127  # strokes have soft edges: what is more than half opaque belongs to the mask
AT_ONCE = 1 << 16  # tokens packed at a time, so that memory stays flat
LONGEST = 1 << SIZES[-1]

Numbers = NDArray[np.int64]
Bits = NDArray[np.uint8]
Opacity = NDArray[np.uint8]


class BadMask(ValueError):
    """These run lengths are no mask of that picture; the message says why in one sentence."""


def encode(mask: Mask) -> list[int]:
    """The bytes of a bool (height, width) mask, 255 in all channels where it holds.

    The very bytes of label_studio_sdk's ``mask2rle``, about ten times as fast.
    """
    total = mask.size * CHANNELS
    header = f"{total:032b}{WORD_BITS - 1:05b}" + "".join(f"{size - 1:04b}" for size in SIZES)
    carry = np.array([int(bit) for bit in header], np.uint8)
    packed: list[int] = []
    for bits in _token_bits(*_runs(mask)):
        carry = np.concatenate([carry, bits])
        whole = len(carry) // 8 * 8
        packed += np.packbits(carry[:whole]).tolist()
        carry = carry[whole:]
    return [*packed, *np.packbits(np.append(carry, 0)).tolist()]  # the SDK pads a whole byte, too


def _runs(mask: Mask) -> tuple[Numbers, Numbers]:
    """Counts of at most 65,536 bytes, and the byte that each repeats."""
    flat = np.ascontiguousarray(mask, np.bool_).ravel()
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
    counts = np.diff(np.append(starts, flat.size)) * CHANNELS
    pieces = (counts - 1) // LONGEST + 1
    cut = np.full(pieces.sum(), LONGEST, np.int64)
    cut[np.cumsum(pieces) - 1] = counts - (pieces - 1) * LONGEST
    return cut, np.repeat(flat[starts] * np.int64(255), pieces)


def _token_bits(counts: Numbers, values: Numbers) -> Iterator[Bits]:
    """The bits of all tokens in a row, some tokens at a time."""
    choice = np.searchsorted([1 << size for size in SIZES[:-1]], counts)
    size = np.array(SIZES)[choice]
    length = 3 + size + WORD_BITS
    token = 1 << 2 | choice  # a word that is repeated, and the size of its count
    token = (token << size | counts - 1) << WORD_BITS | values
    left = (token << 32 - length).astype(">u4")
    for at in range(0, len(left), AT_ONCE):
        bits = np.unpackbits(left[at : at + AT_ONCE].view(np.uint8)).reshape(-1, 32)
        yield bits[np.arange(32) < length[at : at + AT_ONCE, None]]


def decode(rle: Sequence[int], *, width: int, height: int) -> Mask:
    """The bool (height, width) mask: where alpha is more than 127. BadMask if it is none.

    What comes after the last pixel is not looked at; Label Studio pads there.
    """
    return np.asarray(opacity(rle, width=width, height=height) > OPAQUE)


def opacity(rle: Sequence[int], *, width: int, height: int) -> Opacity:
    """Alpha of each pixel, uint8 (height, width). BadMask if it is none."""
    data = _as_bytes(rle)
    sizes = _header(data, width, height)
    pixels = np.frombuffer(_unpacked(data, width * height * CHANNELS, sizes), np.uint8)
    return pixels[CHANNELS - 1 :: CHANNELS].reshape(height, width)


def _as_bytes(rle: Sequence[int]) -> bytes:
    if not isinstance(rle, list | tuple | bytes):
        raise BadMask(f"A mask is a list of numbers, not {type(rle).__name__}.")
    try:
        return bytes(rle)
    except (ValueError, TypeError):
        raise BadMask("The run lengths of a mask are whole numbers from 0 to 255.") from None


def _header(data: bytes, width: int, height: int) -> list[int]:
    """Bits of the four sizes of a count."""
    if len(data) * 8 < HEADER_BITS:
        raise BadMask(f"The run lengths break off in their header, after {len(data)} bytes.")
    head = int.from_bytes(data[:7], "big") >> 56 - HEADER_BITS
    total, word = head >> 21, (head >> 16 & 31) + 1
    if word != WORD_BITS:
        raise BadMask(f"These are no run lengths of a brush: words of {word} bits instead of 8.")
    if total != width * height * CHANNELS:
        raise BadMask(
            f"The run lengths are of {total / CHANNELS:g} pixels, "
            f"the picture of {width} x {height} has {width * height}."
        )
    return [(head >> shift & 15) + 1 for shift in (12, 8, 4, 0)]


def _unpacked(data: bytes, total: int, sizes: list[int]) -> bytearray:
    """All ``total`` bytes; plain integers beat numpy here, as no token tells where the next is."""
    out = bytearray(total)
    end, at, done = len(data) * 8, HEADER_BITS, 0
    masks = [(1 << size) - 1 for size in sizes]
    words = [bytes([value]) for value in range(256)]
    padded = data + b"\0\0\0\0"
    while done < total:
        token = int.from_bytes(padded[at >> 3 : (at >> 3) + 5], "big") << (at & 7)
        choice = token >> 37 & 3
        size = sizes[choice]
        count = (token >> 37 - size & masks[choice]) + 1
        is_run = token >> 39 & 1
        used = 3 + size + (WORD_BITS if is_run else WORD_BITS * count)
        if at + used > end:
            raise BadMask(f"The run lengths break off after {done // CHANNELS} pixels.")
        if done + count > total:
            raise BadMask("The run lengths hold more pixels than their header says.")
        if not is_run:
            out[done : done + count] = _shifted(data, at + 3 + size, count)
        elif value := token >> 29 - size & 255:
            out[done : done + count] = words[value] * count
        at, done = at + used, done + count
    return out


def _shifted(data: bytes, at: int, count: int) -> bytes:
    """``count`` bytes that begin at bit ``at``, which need not be the first bit of a byte."""
    first, last = at >> 3, (at + 8 * count + 7) >> 3
    number = int.from_bytes(data[first:last], "big") >> 8 * last - at - 8 * count
    return (number & (1 << 8 * count) - 1).to_bytes(count, "big")
