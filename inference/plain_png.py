"""A PNG without its metadata, its compressed pixels untouched; compressing anew costs ten times that.

Only where the stored pixels are what a decoder shows: 8-bit grey or colour, no transparency, and
nothing that might turn the picture or that this file does not know.
"""

import struct
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = (b"IHDR", b"IDAT", b"IEND")
# How bright and how large to show it: dropped, since the detector does not heed it either.
DROPPED = (b"PLTE", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"tIME", b"bKGD", b"sBIT")
GREY, COLOUR = 0, 2
FRAME = 12  # bytes of a chunk besides its data


def without_metadata(data: bytes) -> bytes | None:
    """Of a file that decodes; None if its pixels have to be encoded anew."""
    if not data.startswith(SIGNATURE):
        return None
    kept = [SIGNATURE]
    for kind, chunk in _chunks(data):
        if kind not in PIXELS + DROPPED or (kind == b"IHDR" and not _is_plain(chunk)):
            return None
        if kind in PIXELS:
            kept.append(chunk)
    return b"".join(kept)


def _is_plain(header: bytes) -> bool:
    depth, colours = header[16], header[17]
    return depth == 8 and colours in (GREY, COLOUR)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and the whole of each chunk, up to the end of the picture."""
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND" and at + FRAME <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + FRAME + length
        yield kind, data[at:end]
        at = end
