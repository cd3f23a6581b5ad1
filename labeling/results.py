"""The list ``result`` of an annotation, item by item: what is said, of what, and whose it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labeling import project
from labeling.words import Origin, Schema


class BadAnnotation(ValueError):
    """This annotation cannot be read whole; the message says what is wrong, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One value that somebody gave by one control; ``key`` is the region's, if it is of one."""

    key: str
    control: str
    kind: str  # Label Studio's type, in small letters
    value: Mapping[str, Any]
    origin: Origin
    size: tuple[Any, Any]  # width and height that it claims for the picture
    turned: Any  # degrees


def read_results(items: Any, schema: Schema) -> list[Result]:
    """All values that people gave. BadAnnotation if one is of a control that nobody asked for."""
    if not isinstance(items, list):
        raise BadAnnotation("Its result is not a list.")
    known = _controls(schema)
    # An arrow between two regions has no control, and says nothing here.
    found = [_read(item) for item in items if not _is_arrow(item)]
    for result in found:
        if result.control not in known:
            raise BadAnnotation(
                f"It has a value of {result.control!r}, which this labelling screen does not have; "
                "was it changed in Label Studio?"
            )
    return found


def _controls(schema: Schema) -> set[str]:
    answers = {project.answer_name(n) for n in range(1, len(schema.questions) + 1)}
    return answers | set(project.REGION_CONTROLS) | set(project.PICTURE_CONTROLS)


def _is_arrow(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "relation"


def _read(item: Any) -> Result:
    if not isinstance(item, Mapping) or not isinstance(item.get("value"), Mapping):
        raise BadAnnotation("One of its results holds no value.")
    named = {name: item.get(name) for name in ("id", "from_name", "type")}
    for name, said in named.items():
        if not isinstance(said, str) or not said:
            raise BadAnnotation(f"One of its results has no {name}.")
    return Result(
        key=storable(str(named["id"])),
        control=str(named["from_name"]),
        kind=str(named["type"]).lower(),
        value=item["value"],
        origin=_origin(item.get("origin")),
        size=(item.get("original_width"), item.get("original_height")),
        turned=item.get("image_rotation"),
    )


def _origin(said: Any) -> Origin:
    """A result that does not say whose it is was given by a person."""
    if said is None:
        return Origin.MANUAL
    try:
        return Origin(said)
    except ValueError:
        raise BadAnnotation(f"Its results may not be of {said!r:.60}.") from None


def words_of(results: Iterable[Result]) -> str:
    """The free text of one control, line under line; empty if none was given."""
    return "\n".join(line for result in results for line in _lines(result)).strip()


def _lines(result: Result) -> Iterator[str]:
    text = result.value.get("text")
    for line in [text] if isinstance(text, str) else text if isinstance(text, list) else [None]:
        if not isinstance(line, str):
            raise BadAnnotation(f"The {result.control} of {result.key} is no text.")
        yield storable(line)


def choice_of(results: Iterable[Result], kind: str = "choices") -> str | None:
    """The one choice that was made by a control; None if none was. BadAnnotation if several."""
    made: list[str] = []
    for result in results:
        said = result.value.get(kind)
        if not isinstance(said, list) or not all(isinstance(choice, str) for choice in said):
            raise BadAnnotation(f"The {result.control} of {result.key} is no choice.")
        made += said
        if len(made) > 1:
            raise BadAnnotation(
                f"The {result.control} of {result.key} is to be one choice, not {made}."
            )
    return made[0] if made else None


def storable(text: str) -> str:
    """As the database takes it: without NUL, and without halves of letters."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")
