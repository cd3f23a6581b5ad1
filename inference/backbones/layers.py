"""Which blocks of a vision transformer to look at: ``NAME?layers=6,12``, counted from 1.

Without a wish four, evenly spaced, as APRIL-GAN (Chen et al. 2023, arXiv 2305.17382) and
AnomalyGPT (Gu et al. 2024) take them: early ones know edges, late ones know things.
"""

from inference.zoo import UnknownName

LEVELS = 4
_MARK = "?layers="


def split(name: str) -> tuple[str, tuple[int, ...]]:
    """The name without its wish, and the wish (empty if there is none)."""
    plain, _, wish = name.partition(_MARK)
    try:
        return plain, tuple(sorted({int(number) for number in wish.split(",") if wish}))
    except ValueError as error:
        raise UnknownName(
            f"{wish!r} names no layers: write for example {plain}{_MARK}6,12."
        ) from error


def chosen(depth: int, wish: tuple[int, ...]) -> tuple[int, ...]:
    """Blocks from 1 to ``depth``, ascending; UnknownName if one asked for is not there."""
    if not wish:
        return tuple(sorted({max(1, depth * step // LEVELS) for step in range(1, LEVELS + 1)}))
    if wish[0] < 1 or wish[-1] > depth:
        raise UnknownName(f"The backbone has layers 1 to {depth}: choose among them.")
    return wish
