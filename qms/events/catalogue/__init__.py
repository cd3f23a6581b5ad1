"""Everything that can happen.

An event is a fact in the past tense that carries ids and plain values only, so nothing of the
house is imported here and everyone may import it. ``inspection_id``, where an event has one, is its
subject: the inspection's page tells its life from these. A field with a default came in later:
events that were written before read back with it.
"""

from qms.events.catalogue.event import Event
from qms.events.catalogue.house import (
    DeliveryDied,
    DeliveryRevived,
    HourStruck,
)
from qms.events.catalogue.labels import (
    AnnotationReceived,
    LabelsImported,
    LabelTaskMoved,
    LabelTaskWanted,
    StudioRang,
    StudioRoundDue,
)
from qms.events.catalogue.looks import (
    CorrectionWanted,
    ReviewClaimed,
    ReviewDecided,
    ReviewOpened,
    ReviewReleased,
    ReviewUndone,
    ReviewWithdrawn,
    StudyBegun,
    StudyEnded,
)
from qms.events.catalogue.models import (
    FitBegun,
    FitCancelled,
    FitFailed,
    ModelEnrolled,
    ModelPromoted,
)
from qms.events.catalogue.people import (
    KeyIssued,
    KeyRevoked,
    RecordSigned,
)
from qms.events.catalogue.pictures import (
    InspectionFailed,
    InspectionJudged,
    InspectionSettled,
    InspectionSubmitted,
)
from qms.events.catalogue.plant import (
    CatalogueImported,
    GoldenPictureAdded,
    GoldenPictureRetired,
    LotMoved,
    PlantChanged,
    QuestionsPublished,
    RecipePublished,
    StationMoved,
)
from qms.events.catalogue.quality import (
    CorrectiveActionAgreed,
    CorrectiveActionMoved,
    NonconformanceDescribed,
    NonconformanceJoined,
    NonconformanceLeft,
    NonconformanceMoved,
    NonconformanceRaised,
    PartsDispositioned,
)

__all__ = [
    "AnnotationReceived",
    "CatalogueImported",
    "CorrectionWanted",
    "CorrectiveActionAgreed",
    "CorrectiveActionMoved",
    "DeliveryDied",
    "DeliveryRevived",
    "Event",
    "FitBegun",
    "FitCancelled",
    "FitFailed",
    "GoldenPictureAdded",
    "GoldenPictureRetired",
    "HourStruck",
    "InspectionFailed",
    "InspectionJudged",
    "InspectionSettled",
    "InspectionSubmitted",
    "KeyIssued",
    "KeyRevoked",
    "LabelTaskMoved",
    "LabelTaskWanted",
    "LabelsImported",
    "LotMoved",
    "ModelEnrolled",
    "ModelPromoted",
    "NonconformanceDescribed",
    "NonconformanceJoined",
    "NonconformanceLeft",
    "NonconformanceMoved",
    "NonconformanceRaised",
    "PartsDispositioned",
    "PlantChanged",
    "QuestionsPublished",
    "RecipePublished",
    "RecordSigned",
    "ReviewClaimed",
    "ReviewDecided",
    "ReviewOpened",
    "ReviewReleased",
    "ReviewUndone",
    "ReviewWithdrawn",
    "StationMoved",
    "StudioRang",
    "StudioRoundDue",
    "StudyBegun",
    "StudyEnded",
]
