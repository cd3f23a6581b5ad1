"""The keys of the review station: what they do, and how a person changes them."""

from collections.abc import Mapping
from dataclasses import dataclass

from qms.accounts.models import User
from qms.lifecycle import Refused
from qms.review.models import KeyMap


@dataclass(frozen=True)
class Key:
    """What a key does; ``fixed`` ones are the same for everybody."""

    default: str
    does: str
    fixed: bool = False


KEYS: dict[str, Key] = {
    "accept": Key("a", "Accept"),
    "reject": Key("r", "Reject"),
    "unsure": Key("h", "Unsure: hold it"),
    "confirm": Key("Enter", "Confirm what is critical; take the next part", fixed=True),
    "type": Key("1 – 9", "Defect type of the chosen finding, or of the part", fixed=True),
    "previous-finding": Key("[", "Previous finding"),
    "next-finding": Key("]", "Next finding"),
    "toggle-finding": Key("x", "The chosen finding is true, false, or open"),
    "next-part": Key("j", "Leave this part for later: next one"),
    "previous-part": Key("k", "Back to the part before"),
    "peek": Key("Space", "Heat map on or off; hold: the bare picture", fixed=True),
    "heat": Key("t", "Heat map on or off"),
    "mask": Key("m", "Mask on or off"),
    "outlines": Key("o", "Outlines on or off"),
    "one": Key("z", "One to one"),
    "fit": Key("f", "The whole picture"),
    "larger": Key("+", "Larger"),
    "smaller": Key("-", "Smaller"),
    "golden": Key("g", "Compare with the golden or the previous good part"),
    "annotator": Key("e", "Send to an annotator"),
    "note": Key("n", "Write a note; Escape leaves it"),
    "disposition": Key("d", "Raise a nonconformance"),
    "undo": Key("u", "Take the last decision back"),
    "help": Key("?", "The keys", fixed=True),
}
DEFAULTS = {name: key.default for name, key in KEYS.items()}
_NEVER = set("123456789 ?")  # they have their meaning already


def keys_of(person: User) -> dict[str, str]:
    """Action to key, as this person has it."""
    own = KeyMap.objects.filter(person=person).values_list("keys", flat=True).first()
    return merged(own or {})


def merged(own: Mapping[str, str]) -> dict[str, str]:
    """What a person changed, over what everybody has; a word of an older release is left out."""
    return {name: own.get(name, key.default) for name, key in KEYS.items()}


def change(person: User, wanted: Mapping[str, str]) -> dict[str, str]:
    """Keep this person's keys. Refused: a sentence that names the key that cannot be.

    Only what differs from the default is kept, so that a default may still improve.
    """
    keys = {name: wanted.get(name, "").strip().lower() or key.default for name, key in _free()}
    for name, key in keys.items():
        _check(KEYS[name], key)
    _check_each_once(keys)
    own = {name: key for name, key in keys.items() if key != KEYS[name].default}
    KeyMap.objects.update_or_create(person=person, defaults={"keys": own})
    return merged(own)


def _free() -> list[tuple[str, Key]]:
    return [(name, key) for name, key in KEYS.items() if not key.fixed]


def _check(action: Key, key: str) -> None:
    if len(key) != 1 or not key.isprintable() or key in _NEVER:
        raise Refused(
            f"“{key}” cannot be the key of “{action.does}”: use one letter or sign that is no "
            "number, no space and no question mark."
        )


def _check_each_once(keys: Mapping[str, str]) -> None:
    first: dict[str, str] = {}
    for name, key in keys.items():
        if other := first.get(key):
            raise Refused(
                f"“{key}” would both “{KEYS[other].does}” and “{KEYS[name].does}”: "
                "give one of them another key."
            )
        first[key] = name
