"""Regions out of the results of an annotation: masks by type, the rest gathered by id."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labeling import brush, project
from labeling.results import BadAnnotation, Result, choice_of, words_of
from labeling.words import SEVERITIES, LabelledRegion, Mask, Origin, Schema

MASKS = ("brushlabels", "brush")  # the latter has lost its label

Group = list[Result]


def read_regions(
    results: Sequence[Result],
    schema: Schema,
    *,
    width: int,
    height: int,
    proposed: Mapping[str, Any],
) -> list[LabelledRegion]:
    """The regions in which a pixel is left, in their order. BadAnnotation names a broken one.

    ``proposed`` maps the key of each region that the model proposed to its label.
    """
    codes = {label.code for label in schema.labels}
    were = {key: label if label in codes else None for key, label in proposed.items()}
    groups: dict[str, Group] = {}
    for result in results:
        if result.control in project.REGION_CONTROLS:
            groups.setdefault(result.key, []).append(result)
    found = [_region(key, group, schema, (width, height), were) for key, group in groups.items()]
    return [region for region in found if region.mask.any()]


def _region(
    key: str, group: Group, schema: Schema, size: tuple[int, int], were: Mapping[str, str | None]
) -> LabelledRegion:
    mask = _mask(key, group, size)
    label = _label(key, group, schema)
    severity = choice_of(_by(group, project.SEVERITY))
    if severity is not None and severity not in SEVERITIES:
        raise BadAnnotation(f"The severity of region {key} is {severity!r}, which nobody knows.")
    return LabelledRegion(
        key=key,
        label=label,
        severity=severity,
        confidence=_stars(key, group),
        note=words_of(_by(group, project.REGION_NOTE)),
        mask=mask,
        origin=_origin(group, label, were[key]) if key in were else Origin.MANUAL,
    )


def _by(group: Group, control: str) -> Iterator[Result]:
    return (result for result in group if result.control == control)


def _label(key: str, group: Group, schema: Schema) -> str | None:
    """Its code; None for no known type.

    A label that the schema does not have is refused, not dropped: somebody meant a type by it,
    and it is told again as soon as the label has its former name in Label Studio.
    """
    labels = [r for r in group if r.control == project.MASK and "brushlabels" in r.value]
    code = choice_of(labels, "brushlabels")
    if code is None or code == project.NO_TYPE:
        return None
    if code not in {label.code for label in schema.labels}:
        raise BadAnnotation(
            f"Region {key} is labelled {code!r}, which is no defect type of {schema.product} here; "
            "was the label renamed in Label Studio?"
        )
    return code


def _mask(key: str, group: Group, size: tuple[int, int]) -> Mask:
    """Its own mask; of a region that lost its label, the one that its other values repeat."""
    own = [r for r in group if r.kind in MASKS]
    if len(own) > 1:
        raise BadAnnotation(f"Region {key} has {len(own)} masks.")
    drawn = own or [r for r in group if "rle" in r.value][:1]
    if not drawn:
        raise BadAnnotation(f"Region {key} has a {group[0].control}, but no mask.")
    _check_frame(key, drawn[0], size)
    try:
        return brush.decode(drawn[0].value.get("rle", ()), width=size[0], height=size[1])
    except brush.BadMask as error:
        raise BadAnnotation(f"The mask of region {key} is broken. {error}") from error


def _check_frame(key: str, drawn: Result, size: tuple[int, int]) -> None:
    if drawn.size not in ((None, None), size):
        raise BadAnnotation(
            f"Region {key} was drawn on a picture of {drawn.size[0]!r:.20} x {drawn.size[1]!r:.20} "
            f"pixels, ours has {size[0]} x {size[1]}."
        )
    if drawn.turned not in (None, 0):
        raise BadAnnotation(f"Region {key} was drawn on a turned picture.")


def _stars(key: str, group: Group) -> int | None:
    """1 to 5; none given is None."""
    for result in _by(group, project.REGION_CONF):
        stars = result.value.get("rating")
        if type(stars) is not int or not 0 <= stars <= project.STARS:
            raise BadAnnotation(f"The rating of region {key} is not 1 to {project.STARS} stars.")
        return stars or None
    return None


def _origin(group: Group, label: str | None, was: str | None) -> Origin:
    """Changed if anything of it is no longer the model's: mask, type, severity, stars or note."""
    same = label == was and {result.origin for result in group} == {Origin.PREDICTION}
    return Origin.PREDICTION if same else Origin.CHANGED
