"""Sentences about good and bad parts, for a model that sees pictures and reads text.

Two sources, as in IAD-GPT (arXiv 2510.16036, section 3.2): templates filled with states (the
compositional prompts of WinCLIP, Jeong et al. 2023, arXiv 2303.14814; the words are our own), and
the abnormal prompt generator, which turns what the catalogue says of each defect type into
sentences. A language model may write those: it is asked once, here, and its answers are plain data
that a recipe keeps. Nothing in this file is called while judging.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from inference.language.keywords import keywords

Write = Callable[[str], str]  # a question to a language model, and its answer

NORMAL = (
    "a faultless {}",
    "an intact {}",
    "a {} in perfect order",
    "a {} without any fault",
    "a clean and regular {}",
    "a {} fit to be delivered",
)
ABNORMAL = (
    "a damaged {}",
    "a faulty {}",
    "a {} with a fault",
    "a {} with a visible flaw",
    "a broken {}",
    "a {} that must be rejected",
)
TEMPLATES = (
    "{}.",
    "a photo of {}.",
    "a close-up photo of {}.",
    "a photo of {} for inspection.",
    "a sharp photo of {}.",
    "a blurry photo of {}.",
    "a dark photo of {}.",
    "a bright photo of {}.",
    "a black and white photo of {}.",
    "a cropped photo of {}.",
)
WITH_DEFECT = ("a {product} with {words}", "{words} on a {product}", "a close view of {words}")

MOST = 6  # keywords or written sentences kept of each defect type
LONGEST = 50  # words of a sentence; CLIP reads about 75 pieces of words


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """What is compared with a picture. ``defects``: sentences for each type of the catalogue."""

    product: str
    normal: tuple[str, ...]
    abnormal: tuple[str, ...]
    defects: dict[str, tuple[str, ...]]

    def as_json(self) -> dict[str, Any]:
        found = asdict(self)
        found["defects"] = {code: list(lines) for code, lines in self.defects.items()}
        return {**found, "normal": list(self.normal), "abnormal": list(self.abnormal)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; ValueError if it is something else."""
        try:
            return cls(
                product=str(value["product"]),
                normal=_lines(value["normal"]),
                abnormal=_lines(value["abnormal"]),
                defects={str(code): _lines(found) for code, found in value["defects"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("stored prompts need product, normal, abnormal and defects") from error

    def with_types(self, codes: Sequence[str]) -> "Prompts":
        """The same, with sentences for types that it does not know yet, from their codes alone."""
        fresh = {code: described(self.product, code, "") for code in codes if code}
        return Prompts(
            product=self.product,
            normal=self.normal,
            abnormal=self.abnormal,
            defects={**fresh, **self.defects},
        )


def generic(product: str = "part") -> Prompts:
    """Templates and states only; enough where nothing is known of the product."""
    return Prompts(
        product=product,
        normal=_filled(NORMAL, product),
        abnormal=_filled(ABNORMAL, product),
        defects={},
    )


def generate(product: str, defects: Mapping[str, str], write: Write | None = None) -> Prompts:
    """Sentences for a product and its catalogue ``{code: description}``; "" = no description.

    With ``write`` a language model is asked once for each type, and once more in general if the
    catalogue is empty; an answer without a usable sentence leaves the rules' own sentences.
    """
    plain = generic(product)
    found = {code: described(product, code, text) for code, text in defects.items()}
    if write is None:
        return Prompts(**{**vars(plain), "defects": found})
    if not defects:
        return Prompts(**{**vars(plain), "abnormal": plain.abnormal + imagined(product, write)})
    written = {
        code: _sentences(write(_about(product, code, defects[code]))) or lines
        for code, lines in found.items()
    }
    return Prompts(**{**vars(plain), "defects": written})


def described(product: str, code: str, description: str) -> tuple[str, ...]:
    """Sentences for one type by rule: its name, its description, its keywords, in templates."""
    name = code.replace("_", " ").replace("-", " ").strip()
    wanted = [name, *keywords(description)[:MOST]]
    found = [form.format(product=product, words=words) for words in wanted for form in WITH_DEFECT]
    if description.strip():
        found.append(f"a {product} with {name}: {description.strip()}")
    return tuple(dict.fromkeys(_short(line) for line in found))


def imagined(product: str, write: Write) -> tuple[str, ...]:
    """The whole generator, where no catalogue is: a paragraph, its keywords, a sentence for each."""
    paragraph = write(
        f"Describe in one paragraph what a defective {product} may look like on an inspection "
        "photo. Name the kinds of visible defects."
    )
    questions = [_about(product, keyword, "") for keyword in keywords(paragraph)[:MOST]]
    return tuple(line for question in questions for line in _sentences(write(question))[:1])


def _about(product: str, code: str, description: str) -> str:
    name = code.replace("_", " ").strip()
    known = f" It is known as: {description.strip()}." if description.strip() else ""
    return (
        f"Write up to {MOST} short sentences, one a line, that say how the defect '{name}' looks "
        f"on a photo of a {product}.{known} For example, for cracks in leather: 'Dark, thin, "
        "irregular lines run over the leather, where its surface has broken open.'"
    )


def _sentences(answer: str) -> tuple[str, ...]:
    """The lines of an answer without bullets, numbers and quotes."""
    bare = [re.sub(r"^[\s\-*•\d.)]+", "", line).strip().strip("'\"") for line in answer.split("\n")]
    return tuple(dict.fromkeys(_short(line) for line in bare if len(line.split()) > 2))[:MOST]


def _short(line: str) -> str:
    return " ".join(line.split()[:LONGEST])


def _filled(states: Sequence[str], product: str) -> tuple[str, ...]:
    named = [state.format(product) for state in states]
    return tuple(template.format(state) for state in named for template in TEMPLATES)


def _lines(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError("a list of sentences is needed")
    return tuple(str(line) for line in value)
