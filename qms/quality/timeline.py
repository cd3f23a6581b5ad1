"""The life of a nonconformance in plain words, from its events."""

from dataclasses import dataclass

from qms.events.models import Event
from qms.plant.models import Severity
from qms.quality.models import ActionKind, ActionStatus, Covers, Kind, Scope, Status


@dataclass(frozen=True)
class Told:
    event: Event
    title: str
    detail: str = ""


def told(event: Event) -> Told:
    said = event.payload
    if event.name == "NonconformanceRaised":
        how = "Raised by rule" if said["by_rule"] else "Raised"
        words = f"{Severity(said['severity']).label} · {Scope(said['scope']).label.lower()}"
        return Told(event, how, words)
    if event.name == "NonconformanceMoved":
        return Told(event, *_moved(said))
    if event.name == "NonconformanceDescribed":
        return Told(event, "Root cause written down", said["root_cause"])
    if event.name == "PartsDispositioned":
        return Told(event, f"Disposition signed: {Kind(said['kind']).label}", _covered(said))
    if event.name == "CorrectiveActionAgreed":
        kind = ActionKind(said["kind"]).label
        return Told(event, f"{kind} agreed", f"{said['text']} · {said['owner']}, {said['due']}")
    if event.name == "CorrectiveActionMoved":
        status = ActionStatus(said["status"]).label.lower()
        return Told(event, f"Action {said['action_id']}: {status}", said["note"])
    return Told(event, _JOINING.get(event.name, event.name))


_JOINING = {
    "NonconformanceJoined": "A bad part joined",
    "NonconformanceLeft": "A part left: the decision that it is bad was taken back",
}


def _moved(said: dict[str, object]) -> tuple[str, str]:
    parts = int(str(said["parts"]))
    title = Status(str(said["status"])).label
    if parts:
        title += f": {parts} part{'' if parts == 1 else 's'} came on the list"
    return title, str(said["reason"])


def _covered(said: dict[str, object]) -> str:
    if said["covers"] == Covers.ONE:
        return "one part"
    return f"{Covers(str(said['covers'])).label.lower()}: {said['parts']}"
