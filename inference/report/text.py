"""The words and tables of an evaluation report, as Markdown. Draws and writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from inference.judgement import Judgement
from inference.thresholds import Thresholds

# Key, what it is called, and how it is written.
FIGURES = (
    ("image_auroc", "Image AUROC", "{:.4f}"),
    ("image_ap", "Image average precision", "{:.4f}"),
    ("image_f1_max", "Best F1 (threshold chosen on these pictures)", "{:.4f}"),
    ("balanced_accuracy", "Balanced accuracy at the calibrated thresholds", "{:.1%}"),
    ("false_call_rate", "False calls: good pictures called not ok", "{:.1%}"),
    ("escape_rate", "Escapes: defects called ok", "{:.1%}"),
    ("not_decidable_rate", "Not decidable: a person looks", "{:.1%}"),
    ("pixel_auroc", "Pixel AUROC", "{:.4f}"),
    ("pixel_ap", "Pixel average precision", "{:.4f}"),
    ("aupro", "AUPRO up to 30 % false positives", "{:.4f}"),
)
CAPTIONS = {
    "roc.png": "Share of defects against share of good pictures above every threshold, "
    "with the two calibrated thresholds",
    "scores.png": "Scores of good and defective pictures, the thresholds, "
    "and the held-out normals they were calibrated on",
    "types.png": "Share caught and AUROC of each type of defect",
    "latency.png": "Time of one judgement",
    "false_calls.png": "Good pictures called not ok, highest score first",
    "escapes.png": "Defects called ok, lowest score first",
}
NONE_OF = {
    "false_calls.png": "No good picture was called not ok.",
    "escapes.png": "No defect was called ok.",
}


class Shown(Protocol):
    """A picture on a sheet, as the text needs it."""

    @property
    def name(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def judgement(self) -> Judgement: ...


def markdown(
    figures: Mapping[str, Any],
    thresholds: Thresholds,
    cases: Mapping[str, Sequence[Shown]],
    drawn: Sequence[str],
    dataset: str,
    *,
    warning: str = "",
) -> str:
    """The whole of report.md; ``drawn`` names the pictures beside it."""
    blocks = [
        f"# Evaluation on {_plain(dataset)}",
        _opening(figures, thresholds),
        f"**{warning}**" if warning else "",
        "## Figures",
        _table(("", "value", "95 % interval"), _figure_rows(figures)),
        _notes(figures),
        *(_picture(name) for name in ("roc.png", "scores.png") if name in drawn),
        "## Types of defect",
        _types(figures),
        *(_picture(name) for name in ("types.png",) if name in drawn),
        "## Worst false calls",
        _cases("false_calls.png", cases["false_calls.png"], drawn),
        "## Worst escapes",
        _cases("escapes.png", cases["escapes.png"], drawn),
        "## Speed",
        _speed(figures),
        _picture("latency.png"),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _opening(figures: Mapping[str, Any], thresholds: Thresholds) -> str:
    groups = f" of {figures['groups']} parts" if figures["groups"] < figures["images"] else ""
    left_out = figures["left_out"]
    lines = [
        f"{figures['images']} pictures{groups}, judged by the detector "
        f"*{_plain(figures['detector'])}* on the backbone *{_plain(figures['backbone'])}*.",
        f"{left_out} pictures were left out because the detector has learnt from them."
        if left_out
        else "",
        f"Calibration promises, {thresholds.promise}.",
        f"Artefact `{figures['artefact_sha256']}`, {figures['artefact_bytes'] / 1e6:.1f} MB.",
    ]
    return "  \n".join(line for line in lines if line)


def _figure_rows(figures: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    for key, name, form in FIGURES:
        span = figures["intervals"].get(key)
        low_high = " – ".join(_number(value, form) for value in span) if span else ""
        yield name, _number(figures[key], form), low_high if "n/a" not in low_high else ""


def _notes(figures: Mapping[str, Any]) -> str:
    alone = "" if figures["groups"] == figures["images"] else ", pictures of one part together"
    return (
        "Thresholds come from held-out normals, never from these pictures. Intervals of the "
        f"rankings are bootstrapped over goods and defects apart{alone}; those of the rates are "
        "exact binomial. n/a: these pictures lack the class or the masks for it."
    )


def _types(figures: Mapping[str, Any]) -> str:
    each = figures["per_defect_type"]
    if not each:
        return "There are no defects among these pictures."
    rows = [(_plain(name), "yes" if f["seen"] else "no", *_rates(f)) for name, f in each.items()]
    others = "all other types" if figures["seen_types"]["images"] else "all types"
    for key, name in (("seen_types", "all learnt types"), ("unseen_types", others)):
        if figures[key]["images"] > 0:
            rows.append((f"**{name}**", "", *_rates(figures[key])))
    return _table(("type", "learnt", "pictures", "caught", "image AUROC"), rows)


def _rates(found: Mapping[str, Any]) -> tuple[str, str, str]:
    caught = _number(found["recall"], "{:.1%}")
    return str(found["images"]), caught, _number(found["image_auroc"], "{:.4f}")


def _cases(name: str, found: Sequence[Shown], drawn: Sequence[str]) -> str:
    if not found:
        return NONE_OF[name]
    rows = [(_code(case.name), _plain(case.says), f"{case.judgement.score:.3g}") for case in found]
    picture = _picture(name) if name in drawn else ""
    return "\n\n".join((_table(("file", "type", "score"), rows), picture)).strip()


def _speed(figures: Mapping[str, Any]) -> str:
    spans = ", ".join(f"{name} {value:.1f} ms" for name, value in figures["latency_ms"].items())
    return f"One picture after the other: {spans}; {figures['images_per_second']:.1f} pictures a second."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _picture(name: str) -> str:
    return f"![{CAPTIONS[name]}]({name})"


def _number(value: float, form: str) -> str:
    return form.format(value).replace("%", " %") if value == value else "n/a"


def _plain(text: str) -> str:
    """Names as they are, whatever Markdown would make of them."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text)


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`"
