"""How a model comes to be and into force."""

from dataclasses import dataclass

from qms.events.catalogue.event import Event


@dataclass(frozen=True, kw_only=True)
class FitBegun(Event):
    """``run`` counts the fits of one enrolment; ``digest`` names its set of pictures."""

    enrolment_id: int
    product: str
    run: int
    pictures: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class FitCancelled(Event):
    enrolment_id: int
    product: str
    run: int


@dataclass(frozen=True, kw_only=True)
class FitFailed(Event):
    enrolment_id: int
    product: str
    run: int
    error: str


@dataclass(frozen=True, kw_only=True)
class ModelEnrolled(Event):
    model_version_id: int
    product: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ModelPromoted(Event):
    model_version_id: int
    product: str
