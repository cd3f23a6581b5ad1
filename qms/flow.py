"""Every event and who acts on it, on one page: the urls.py of what happens.

Read it top to bottom: it is the life of one picture.
"""

from qms.events import catalogue
from qms.events import handlers as events
from qms.events.outbox import Duty, Flow, Step
from qms.inspections import actions as pictures
from qms.inspections import fitting
from qms.inspections import handlers as inspections
from qms.labels import handlers as labels
from qms.labels import rounds
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
    catalogue.ModelPromoted: [
        Step(
            work=labels.tell_promotions,
            then=labels.follow_promotion,
            queue="studio",
            long=True,
            only=labels.has_desk,
        )
    ],
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
        Step(then=labels.want_uncertain, only=labels.is_uncertain),
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
        Step(then=labels.want_disputed, only=labels.is_binding),
        Step(then=labels.doubt_decided, only=labels.is_binding),
    ],
    catalogue.ReviewUndone: [Step(then=quality.follow_undo)],
    catalogue.ReviewWithdrawn: [],
    catalogue.CorrectionWanted: [Step(then=labels.want_asked)],
    catalogue.LabelTaskWanted: [
        Step(
            work=labels.send_pictures,
            then=labels.send_wanted,
            queue="studio",
            batch=50,
            long=True,
            only=labels.has_desk,
        )
    ],
    catalogue.LabelTaskMoved: [],
    catalogue.StudioRang: [
        Step(work=labels.read_tasks, then=labels.read_rung, queue="studio", batch=50, long=True)
    ],
    catalogue.StudioRoundDue: [
        Step(work=labels.go_rounds, then=labels.go_round, queue="studio", batch=1, long=True)
    ],
    catalogue.AnnotationReceived: [Step(then=labels.doubt_corrected)],
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
SWEEP: list[Duty] = [reviews.release_forgotten, pictures.pause_drained, rounds.call_round]
