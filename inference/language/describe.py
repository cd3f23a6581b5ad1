"""One or two plain sentences about what was measured. Knows no pixels and no model.

Says nothing that the regions do not carry: without a likely type a region is *suspicious*, no
more, and a case that is not decidable is never called a defect.
"""

from collections import Counter
from collections.abc import Sequence

from inference.judgement import Evaluation, Region

LIKELY = 0.5  # a type is named from this probability on
COMPACT, ELONGATED = 1.5, 3.0  # elongation up to, from
NO_CONTRAST = 0.02  # of full scale: less is called no difference

_PLACES = {
    "centre": "in the centre",
    "top": "at the top",
    "bottom": "at the bottom",
    "left": "on the left",
    "right": "on the right",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def describe(
    evaluation: Evaluation,
    regions: Sequence[Region],
    *,
    width: int,
    height: int,
    mm_per_px: float | None = None,
) -> str:
    """What was found in a picture of width x height pixels; sizes in mm too if the scale is known.

    ``regions`` come most striking first, as ``Judgement.regions`` does.
    """
    if evaluation is Evaluation.OK:
        return "No deviation from the normal reference was found."
    if not regions:
        return f"{_WHOLE} {_UNDECIDED}" if evaluation is Evaluation.NOT_DECIDABLE else _WHOLE
    closing = _UNDECIDED if evaluation is Evaluation.NOT_DECIDABLE else ""
    return f"{_finding(regions, width * height, mm_per_px)} {closing}".strip()


_WHOLE = "The picture as a whole differs from the normal reference; no single region stands out."
_UNDECIDED = "Whether this is a defect cannot be decided from the picture alone."


def _finding(regions: Sequence[Region], area: int, mm_per_px: float | None) -> str:
    first = regions[0]
    facts = _facts(first, area, mm_per_px)
    if len(regions) == 1:
        return _capital(f"{_one(_name(first))} was found {place(first.cell)}: {facts}.")
    return (
        f"{_capital(_several(regions))} were found. "
        f"The most striking one, {_one(_name(first))} {place(first.cell)}, is {facts}."
    )


def place(cell: str) -> str:
    """A cell of the 3 x 3 grid in words: "top left" becomes "at the top left"."""
    return _PLACES.get(cell, f"at the {cell}")


def _name(region: Region) -> str:
    if region.candidates and region.candidates[0].probability >= LIKELY:
        return f"probable {_words(region.candidates[0].code)}"
    return "suspicious region"


def _words(code: str) -> str:
    return code.replace("_", " ").strip()


def _one(name: str) -> str:
    article = "an" if name[0].lower() in "aeiou" else "a"
    return f"{article} {name}"


def _several(regions: Sequence[Region]) -> str:
    """ "three suspicious regions", or by type: "two probable scratches and one suspicious region"."""
    counts = Counter(_name(region) for region in regions)
    return _listed([_counted(number, name) for name, number in counts.items()])


def _counted(number: int, name: str) -> str:
    amount = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return f"{amount} {name if number == 1 else _plural(name)}"


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in tuple("aeiou"):
        return f"{name[:-1]}ies"
    return f"{name}s"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _facts(region: Region, area: int, mm_per_px: float | None) -> str:
    said = [_size(region, mm_per_px), _share(region.area_px, area), _shape(region.elongation)]
    said.append(_lightness(region.contrast))
    return _listed([fact for fact in said if fact])


def _size(region: Region, mm_per_px: float | None) -> str:
    width, height = region.bbox[2:]
    if mm_per_px is None:
        return f"{width} x {height} pixels in extent"
    extent = f"{width * mm_per_px:.3g} x {height * mm_per_px:.3g} mm"
    return f"{width} x {height} pixels ({extent}) in extent"


def _share(area_px: int, area: int) -> str:
    percent = 100 * area_px / area
    share = f"{percent:.0f}" if percent >= 10 else f"{percent:.1f}"
    return f"{share} % of the picture" if percent >= 0.1 else "less than 0.1 % of the picture"


def _shape(elongation: float) -> str:
    if elongation >= ELONGATED:
        return "elongated"
    return "compact" if elongation <= COMPACT else ""


def _lightness(contrast: float) -> str:
    if abs(contrast) < NO_CONTRAST:
        return "no lighter or darker than its surroundings"
    return f"{'lighter' if contrast > 0 else 'darker'} than its surroundings"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
