"""Every event and who acts on it, on one page: the urls.py of what happens.

Read it top to bottom: it is the life of one picture.
"""

from qms.events import catalogue
from qms.events import handlers as events
from qms.events.outbox import Duty, Flow, Step
from qms.inspections import actions as pictures
from qms.inspections import fitting
from qms.inspections import handlers as inspections
from qms.labels import exchange_handlers as exchange
from qms.quality import handlers as quality
from qms.review import actions as reviews
from qms.review import handlers as review

FLOW: Flow = {
    catalogue.KeyIssued: [],
    catalogue.KeyRevoked: [],
    catalogue.RecordSigned: [],
    catalogue.PlantChanged: [],
    catalogue.CatalogueImported: [],
    catalogue.QuestionsPublished: [],
    catalogue.RecipePublished: [],
    catalogue.StationMoved: [],
    catalogue.LotMoved: [],
    catalogue.GoldenPictureAdded: [],
    catalogue.GoldenPictureRetired: [],
    catalogue.FitBegun: [
        Step(work=fitting.fit_detectors, then=fitting.finish_fit, queue="fit", batch=1, long=True)
    ],
    catalogue.FitCancelled: [],
    catalogue.FitFailed: [],
    catalogue.ModelEnrolled: [],
    catalogue.ModelPromoted: [],
    catalogue.InspectionSubmitted: [
        Step(
            gather=inspections.read_pictures,
            work=inspections.judge_pictures,
            then=inspections.judge_inspection,
            queue="gpu",
            batch=32,
        )
    ],
    catalogue.InspectionJudged: [
        Step(then=review.triage_verdict),
        Step(then=exchange.settle_imported),
    ],
    catalogue.InspectionFailed: [],
    catalogue.StudyBegun: [],
    catalogue.StudyEnded: [],
    catalogue.ReviewOpened: [],
    catalogue.ReviewClaimed: [],
    catalogue.ReviewReleased: [],
    catalogue.ReviewDecided: [
        Step(then=review.go_on_with_study),
        Step(then=quality.follow_decision),
    ],
    catalogue.ReviewUndone: [Step(then=quality.follow_undo)],
    catalogue.ReviewWithdrawn: [],
    catalogue.CorrectionWanted: [],
    catalogue.LabelTaskWanted: [],
    catalogue.LabelTaskMoved: [],
    catalogue.StudioRang: [],
    catalogue.StudioRoundDue: [],
    catalogue.AnnotationReceived: [],
    catalogue.LabelsImported: [],
    catalogue.InspectionSettled: [],
    catalogue.NonconformanceRaised: [],
    catalogue.NonconformanceJoined: [],
    catalogue.NonconformanceLeft: [],
    catalogue.NonconformanceMoved: [],
    catalogue.NonconformanceDescribed: [],
    catalogue.PartsDispositioned: [],
    catalogue.CorrectiveActionAgreed: [],
    catalogue.CorrectiveActionMoved: [],
    catalogue.DeliveryDied: [
        Step(then=inspections.note_failure),
        Step(then=fitting.note_failed_fit),
    ],
    catalogue.DeliveryRevived: [],
    catalogue.HourStruck: [
        Step(then=events.leave_witness),
        Step(then=events.keep_house),
        Step(then=events.forget_deliveries),
        Step(then=inspections.drop_orphans),
        Step(then=fitting.drop_orphans_of_enrolments),
        Step(then=review.release_forgotten),
    ],
}

# What cannot wait for the hour: the relay does it at each of its looks, about every second.
SWEEP: list[Duty] = [reviews.release_forgotten, pictures.pause_drained]
