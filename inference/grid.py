"""The 3 x 3 grid by which places of a picture are named."""

_ROWS = ("top", "", "bottom")
_COLUMNS = ("left", "", "right")


def cell(x: float, y: float, width: int, height: int) -> str:
    """The place of a point on the grid: "top left", "top", ..., "centre", ..., "bottom right"."""
    row = _ROWS[min(2, int(3 * y / height))]
    column = _COLUMNS[min(2, int(3 * x / width))]
    return f"{row} {column}".strip() or "centre"


CELLS = tuple(cell(x, y, 3, 3) for y in range(3) for x in range(3))
