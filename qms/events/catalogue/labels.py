"""What annotators correct."""

from dataclasses import dataclass
from uuid import UUID

from qms.events.catalogue.event import Event


@dataclass(frozen=True, kw_only=True)
class LabelTaskWanted(Event):
    """A picture is to go to the annotators, or once more; Label Studio is still to be told."""

    inspection_id: UUID
    label_task_id: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class LabelTaskMoved(Event):
    """It lies open in Label Studio, was labelled or skipped there, was read back, or failed."""

    inspection_id: UUID
    label_task_id: int
    status: str
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class StudioRang(Event):
    """Label Studio says that something changed there: a hint to go and read."""

    ring_id: int


@dataclass(frozen=True, kw_only=True)
class StudioRoundDue(Event):
    """Time to send what waits, and to read what the doorbell may have failed to tell."""


@dataclass(frozen=True, kw_only=True)
class AnnotationReceived(Event):
    """What a person said of a picture in Label Studio, or in an imported file, is stored."""

    inspection_id: UUID
    annotation_id: int
    label_task_id: int | None
    evaluation: str
    skipped: bool
    digest: str = ""  # SHA-256 of all that the person said


@dataclass(frozen=True, kw_only=True)
class LabelsImported(Event):
    product: str
    name: str
    pictures: int
    annotations: int
