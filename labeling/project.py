"""A schema as Label Studio's labelling screen: its XML, and what annotators are told.

Controls have fixed names, so that what comes back is read by name: ``mask`` with ``severity``,
``region_note`` and ``region_conf`` of each region, ``verdict``, ``description``, ``answer1`` to
``answerN`` (of ``question1`` to ``questionN``, whose words are in the data as ``q1`` to ``qN``),
``new_qa``, ``skip_reason`` and ``skip_note``.

Label Studio gives a key of its own, soon a single letter, to whatever has none; a letter typed
beside a text box then changes an answer unseen. So each choice has a key here, and where there is
nothing to press, it is one that no keyboard has.
"""

import html
import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from labeling.words import EVALUATIONS, SEVERITIES, Question, Schema

IMAGE, MASK, SEVERITY, REGION_NOTE, REGION_CONF = (
    "image",
    "mask",
    "severity",
    "region_note",
    "region_conf",
)
VERDICT, DESCRIPTION, NEW_QA = "verdict", "description", "new_qa"
SKIP_REASON, SKIP_NOTE = "skip_reason", "skip_note"
REGION_CONTROLS = (MASK, SEVERITY, REGION_NOTE, REGION_CONF)
PICTURE_CONTROLS = (VERDICT, DESCRIPTION, NEW_QA, SKIP_REASON, SKIP_NOTE)
NO_TYPE = "(no known type)"  # a code has neither brackets nor spaces
NO_TYPE_COLOUR = "#FF2BD6"  # seen on grey metal and on black
PAIR = "::"  # between a question and its answer in new_qa
STARS = 5
SKIP_REASONS = (
    "The picture is blurred, dark or cut off",
    "Another part, or another side of it",
    "I do not know this part",
    "Another reason",
)
EVALUATION_NAMES = dict(zip(EVALUATIONS, ("OK", "Not OK", "Not decidable"), strict=True))
DIGITS = "123456789"
NO_KEY = "\u2013"  # a dash: no keyboard sends it as a key code
STYLE = """
.andon-desk{display:flex;gap:16px;align-items:flex-start}
.andon-picture{flex:3 1 0;min-width:0;position:sticky;top:0}
.andon-words{flex:2 1 0;min-width:320px;max-height:80vh;overflow-y:auto}
.andon-no-keys .lsf-hint{display:none}
"""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STANDS_FOR = re.compile(r"\(choice \d+\)")


def label_config(schema: Schema) -> str:
    """The XML of the labelling screen; the same schema gives the same text."""
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = STYLE
    desk = ET.SubElement(view, "View", className="andon-desk")
    _picture(ET.SubElement(desk, "View", className="andon-picture"), schema)
    _words(ET.SubElement(desk, "View", className="andon-words"), schema)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def answer_name(number: int) -> str:
    """The control that takes the answer to the question of that number, from 1."""
    return f"answer{number}"


def question_name(number: int) -> str:
    return f"question{number}"


def choices_of(question: Question) -> dict[str, str]:
    """What Label Studio calls each choice, and the choice itself.

    The same, unless Label Studio would read the words as something else: it takes ``$`` for a
    name in the data, drops spaces around, and tells no two equal ones apart.
    """
    names: dict[str, str] = {}
    for number, words in enumerate(question.choices, start=1):
        plain = words.isprintable() and words.strip() == words != "" and "$" not in words
        known = words in names or _STANDS_FOR.fullmatch(words)
        names[words if plain and not known else f"(choice {number})"] = words
    return names


def _picture(view: ET.Element, schema: Schema) -> None:
    ET.SubElement(view, "Header", value="$title", size="5")
    link = {"clickableLinks": "true", "selectionEnabled": "false", "inline": "true"}
    ET.SubElement(view, "HyperText", {"name": "andon", "value": "$open", **link})
    tools = dict.fromkeys(("zoom", "zoomControl", "brightnessControl", "contrastControl"), "true")
    turning = {"rotateControl": "false"}  # a mask is of the picture as it lies
    ET.SubElement(view, "Image", {"name": IMAGE, "value": "$image", **tools, **turning})
    labels = ET.SubElement(view, "BrushLabels", name=MASK, toName=IMAGE, showInline="true")
    for place, label in enumerate(schema.labels):
        shown = {} if label.name == label.code else {"html": _shown(label.name)}
        key = DIGITS[place] if place < len(DIGITS) else NO_KEY
        look = {"background": label.colour, "hotkey": key}
        ET.SubElement(labels, "Label", {"value": label.code, **shown, **look})
    ET.SubElement(labels, "Label", value=NO_TYPE, background=NO_TYPE_COLOUR, hotkey="0")
    _region(ET.SubElement(view, "View", visibleWhen="region-selected"))


def _region(view: ET.Element) -> None:
    per = {"toName": IMAGE, "perRegion": "true"}
    ET.SubElement(view, "Header", value="The selected region", size="6")
    severity = _choices(view, SEVERITY, **per)
    for number, code in enumerate(SEVERITIES, start=len(EVALUATIONS) + 1):
        _choice(severity, code, code.capitalize(), f"alt+{number}")
    _text(view, REGION_NOTE, "Note on this region", **per)
    ET.SubElement(
        view, "Rating", {"name": REGION_CONF, "maxRating": str(STARS), "hotkey": NO_KEY, **per}
    )


def _words(view: ET.Element, schema: Schema) -> None:
    ET.SubElement(view, "Header", value="The whole picture", size="6")
    must = {"required": "true", "requiredMessage": "Say what this picture shows: the verdict."}
    verdict = _choices(view, VERDICT, toName=IMAGE, choice="single-radio", **must)
    for number, code in enumerate(EVALUATIONS, start=1):
        _choice(verdict, code, EVALUATION_NAMES[code], f"alt+{number}")
    _text(view, DESCRIPTION, "What is to be seen, in a sentence or two", toName=IMAGE)
    for number, question in enumerate(schema.questions, start=1):
        _question(view, number, question)
    ET.SubElement(view, "Header", value="Questions of your own", size="6")
    _text(view, NEW_QA, f"Question? {PAIR} Answer", toName=IMAGE, maxSubmissions="")
    ET.SubElement(view, "Header", value="Only if you cannot judge it: why", size="6")
    skip = _choices(_without_keys(view), SKIP_REASON, toName=IMAGE)
    for words in SKIP_REASONS:
        _choice(skip, words, words, NO_KEY)
    _text(view, SKIP_NOTE, "More on why; press Shift+Enter before you skip", toName=IMAGE)


def _question(view: ET.Element, number: int, question: Question) -> None:
    asked, answer = question_name(number), answer_name(number)
    ET.SubElement(view, "Text", name=asked, value=f"$q{number}", selectionEnabled="false")
    if not question.choices:
        _text(view, answer, "Answer", toName=asked)
        return
    choices = _choices(_without_keys(view), answer, toName=asked)
    for value, words in choices_of(question).items():
        _choice(choices, value, words, NO_KEY)


def _without_keys(view: ET.Element) -> ET.Element:
    """A place where Label Studio does not write each choice's key beside it."""
    return ET.SubElement(view, "View", className="andon-no-keys")


def _choices(view: ET.Element, name: str, **more: str) -> ET.Element:
    return ET.SubElement(
        view, "Choices", {"name": name, "choice": "single", "showInline": "true", **more}
    )


def _choice(choices: ET.Element, value: str, words: str, key: str) -> None:
    shown = {} if value == words else {"html": _shown(words)}
    ET.SubElement(choices, "Choice", {"value": value, **shown, "hotkey": key})


def _text(view: ET.Element, name: str, hint: str, **more: str) -> None:
    look = {"editable": "true", "rows": "2", "maxSubmissions": "1", "placeholder": hint, **more}
    given = {key: value for key, value in look.items() if value}
    ET.SubElement(view, "TextArea", {"name": name, **given})


def _shown(words: str) -> str:
    """HTML in an attribute; in a tag, as the bare word ``true`` would be taken for a switch."""
    return f"<span>{html.escape(_NOT_XML.sub(chr(0xFFFD), words))}</span>"


def instruction(schema: Schema) -> str:
    """What annotators are told before they begin, as HTML."""
    types = "".join(
        f"<li><b>{html.escape(label.name)}</b> ({html.escape(label.code)}), "
        f"usually {label.severity.lower()}</li>"
        for label in schema.labels
    )
    return (
        f"<p>Correct what the model says of each picture of {html.escape(schema.product)}.</p>"
        f"{_steps(_STEPS)}<p>Defect types:</p>"
        f"<ul>{types}<li><b>{html.escape(NO_TYPE)}</b>: a defect that is none of these</li></ul>"
    )


def _steps(steps: Sequence[str]) -> str:
    return "<ol>" + "".join(f"<li>{step}</li>" for step in steps) + "</ol>"


_STEPS = (
    "<b>Picture.</b> Shift+1 shows all of it, Shift+2 each pixel; the wheel with Ctrl goes closer.",
    "<b>Regions.</b> Delete what is no defect. Paint what is missing: choose a type (keys 1 to 9, "
    "0 for no known type), then the brush (B); the eraser (E) takes away. Select a region to "
    "change its severity, stars (how sure you are) and note.",
    "<b>Verdict.</b> Alt+1 OK, Alt+2 not OK, Alt+3 not decidable. It is asked for always.",
    "<b>Words.</b> To correct a description or an answer click its <b>pencil</b>, edit, and press "
    "Shift+Enter or the tick. Leave what is right as it is.",
    f"<b>Questions of your own.</b> One a line: <code>Question? {PAIR} Answer</code>.",
    "<b>Skip</b> a picture that you cannot judge: choose the reason at the bottom, then Skip "
    "(Ctrl+Space), or Submit where there is no Skip. With a reason both mean the same.",
    "<b>Submit</b> with Ctrl+Enter. The link above the picture opens it in Andon.",
)
