"""Nonconformances and lots: who sees what, who may do what, and what the sheets say."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from qms.accounts.models import Signature
from qms.events import seal
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.quality import actions, opening, remedies
from qms.quality.models import Nonconformance
from qms.quality.pareto import HEIGHT, columns
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories

SIGNED = {"reason": "within the plan", "password": "a long password"}


@pytest.fixture
def rejected(flagged) -> Callable[..., Inspection]:
    """A part with a dent, as a person said."""

    def made(**words) -> Inspection:
        words.setdefault("station", plant.ensure_station("S1"))
        review, ines = flagged(**words), factories.person("ines")
        dent = review.product.defect_types.get(code="dent")
        reviews.claim(review, by=ines, now=timezone.now())
        said = {"decision": "NOT_OK", "defect_type": dent, "note": "at the edge"}
        reviews.decide(review, **said, by=ines, now=timezone.now())
        return review.inspection

    return made


@pytest.fixture
def case(rejected) -> Nonconformance:
    part = rejected(serial="SN-BAD", lot="L7")
    found = opening.Found(
        product=part.product,
        inspection=part,
        lot=part.lot,
        station=part.station,
        scope="LOT",
        title="Dents",
    )
    return opening.raise_nonconformance(found, by=factories.person("ines"), now=timezone.now())


@pytest.fixture
def contained(case) -> Nonconformance:
    lea = factories.person("lea", "lead")
    actions.contain(case, text="rack 4", by=lea, now=timezone.now())
    return case


def page(client, name: str, *args, query: str = "") -> str:
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client, name: str, *args, **words) -> str:
    """What the page says after the form was sent from it."""
    back = reverse("nonconformances")
    answer = client.post(reverse(name, args=args), words, headers={"referer": f"http://testserver{back}"}, follow=True)  # fmt: skip
    return answer.content.decode()


# --- raising ---


def test_the_form_is_prefilled_from_the_part(sign_in, rejected):
    part = rejected(serial="SN-7", lot="L7")
    new = reverse("nonconformance-new") + f"?inspection={part.pk}"
    client = sign_in("inspector", name="ivan")
    assert f'href="{new}" data-key="d"' in page(client, "inspection", part.pk)
    form = client.get(new).context["form"]
    assert form.initial["title"] == "Dent: SN-7"
    assert (form.initial["defect_type"].code, form.initial["scope"]) == ("dent", "PART")
    assert "at the edge" in form.initial["description"]
    words = {"title": "Dents", "severity": "MAJOR", "scope": "LOT", "hold_lot": "on"}
    answer = client.post(new, words)
    raised = Nonconformance.objects.get()
    assert answer["Location"] == reverse("nonconformance", args=[raised.number])
    assert (raised.lot.status, raised.opened_by.username) == ("HELD", "ivan")
    assert "belongs to one already" in client.get(new).content.decode()


def test_a_form_that_lacks_something_is_shown_again(sign_in, rejected):
    new = reverse("nonconformance-new") + f"?inspection={rejected().pk}"
    answer = sign_in("inspector").post(new, {"title": "", "severity": "MAJOR", "scope": "PART"})
    assert "This field is required" in answer.content.decode()
    assert not Nonconformance.objects.exists()


def test_a_lot_is_doubted_from_its_own_page(sign_in, rejected):
    lot, client = rejected(lot="L7").lot, sign_in("manager")
    assert f"?lot={lot.pk}" in page(client, "lot", lot.pk)
    words = {"title": "Rust", "severity": "MAJOR", "scope": "LOT"}
    client.post(reverse("nonconformance-new") + f"?lot={lot.pk}", words)
    raised = Nonconformance.objects.get()
    assert (raised.scope, raised.lot, raised.inspection) == ("LOT", lot, None)


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 302), ("?inspection=x", 404), ("?lot=x", 404), ("?lot=" + "9" * 30, 404)],
)
def test_without_a_part_there_is_nothing_to_raise(sign_in, query, status):
    assert sign_in("lead").get(reverse("nonconformance-new") + query).status_code == status


def test_the_prefilled_form_tells_nobody_what_a_blind_check_hides(sign_in, audited):
    part = audited().inspection
    answer = sign_in("inspector").get(reverse("nonconformance-new") + f"?inspection={part.pk}")
    assert answer.context["form"].initial["description"] == ""


# --- the list ---


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 1),
        ("?status=OPEN", 0),
        ("?status=CONTAINED&status=OPEN", 1),
        ("?severity=CRITICAL", 0),
        ("?product=tile&lot=L7&station=S1", 1),
        ("?overdue=true", 1),
        ("?overdue=false", 0),
        ("?product=nothing", 0),
    ],
)
def test_the_list_is_an_address(sign_in, contained, query, found):
    lea, today = factories.person("lea", "lead"), timezone.localdate()
    remedies.agree(
        contained,
        kind="CORRECTION",
        text="grind",
        owner=lea,
        due=today - timedelta(days=1),
        check_due=None,
        by=lea,
        now=timezone.now(),
    )
    answer = sign_in("auditor").get(reverse("nonconformances") + query)
    assert len(answer.context["page"].object_list) == found
    counts = answer.context["counts"]
    assert (counts["contained"], counts["open"], counts["overdue"]) == (1, 0, 1)


def test_an_empty_list_says_the_next_step(sign_in):
    assert "on the page of a part" in page(sign_in("inspector"), "nonconformances")


# --- one nonconformance ---


def test_the_page_offers_what_may_be_done_now_and_by_whom(sign_in, case):
    lead, mrb, auditor = sign_in("lead", name="lou"), sign_in("mrb"), sign_in("auditor")
    contain = reverse("nonconformance-contain", args=[case.number])
    dispose = reverse("nonconformance-dispose", args=[case.number])
    assert contain in page(lead, "nonconformance", case.number)
    assert dispose not in page(lead, "nonconformance", case.number)
    assert 'method="post" action="/quality' not in page(auditor, "nonconformance", case.number)
    actions.contain(case, text="rack 4", by=factories.person("lea", "lead"), now=timezone.now())
    assert contain not in page(lead, "nonconformance", case.number)
    assert "USE_AS_IS" in page(mrb, "nonconformance", case.number)
    seen = page(lead, "nonconformance", case.number)
    assert dispose in seen
    assert "USE_AS_IS" not in seen
    assert "for the material review board" in seen


def test_a_wrong_password_signs_nothing_and_says_so(sign_in, contained):
    client, number = sign_in("lead"), contained.number
    words = {"kind": "SCRAP", "covers": "REST", **SIGNED, "password": "guess"}
    assert "password is not right" in post(client, "nonconformance-dispose", number, **words)
    assert not Signature.objects.exists()
    words["password"] = SIGNED["password"]
    assert "disposition is signed" in post(client, "nonconformance-dispose", number, **words)
    contained.refresh_from_db()
    assert contained.status == "DISPOSITIONED"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"kind": "USE_AS_IS", "covers": "REST"}, "Select a valid choice"),
        ({"kind": "SCRAP", "covers": "ONE"}, "Name the line"),
        ({"kind": "SCRAP", "covers": "ONE", "line": "99"}, "Name the line"),
        ({"kind": "SCRAP", "covers": "REST", "reason": ""}, "Say why"),
    ],
)
def test_a_disposition_that_cannot_be_is_refused(sign_in, contained, words, says):
    said = {**SIGNED, **words}
    assert says in post(sign_in("lead"), "nonconformance-dispose", contained.number, **said)
    assert not Signature.objects.exists()


def test_one_line_is_decided_from_its_row(sign_in, contained):
    client, number = sign_in("mrb"), contained.number
    assert "?line=1#dispose" in page(client, "nonconformance", number)
    words = {"kind": "USE_AS_IS", "covers": "ONE", "line": "1", "ruling": "OK", **SIGNED}
    post(client, "nonconformance-dispose", number, **words)
    part = contained.lines.get().inspection
    assert (part.evaluation, part.containments.get().disposition.kind) == ("OK", "USE_AS_IS")
    seen = page(client, "inspection", part.pk)
    assert number in seen
    assert "Use as is" in seen


def test_what_is_missing_is_said_before_it_is_closed(sign_in, contained):
    client, number = sign_in("lead"), contained.number
    post(client, "nonconformance-dispose", number, kind="SCRAP", covers="REST", **SIGNED)
    seen = page(client, "nonconformance", number)
    assert "root cause is not written down" in seen
    assert reverse("nonconformance-close", args=[number]) not in seen
    assert "no corrective action" in post(client, "nonconformance-close", number)
    post(client, "nonconformance-cause", number, root_cause="worn fixture")
    due = {"due": "2030-01-01", "check_due": "", "owner": factories.person("lead", "lead").pk}
    assert "by when somebody checks" in post(
        client, "nonconformance-agree", number, kind="CORRECTIVE", text="new one", **due
    )
    assert "Due: Enter a valid date" in post(
        client, "nonconformance-agree", number, kind="CORRECTION", text="x", **{**due, "due": "x"}
    )
    post(client, "nonconformance-agree", number, kind="CORRECTION", text="new one", **due)
    action = contained.actions.get()
    post(client, "action-done", action.pk, note="changed")
    assert "is closed" in post(client, "nonconformance-close", number)
    assert "open it again" in post(client, "action-cancel", action.pk, note="x").lower()
    post(client, "nonconformance-reopen", number, reason="came back")
    contained.refresh_from_db()
    assert contained.status == "DISPOSITIONED"


def test_an_action_is_checked(sign_in, contained):
    client, lea = sign_in("manager"), factories.person("lea", "lead")
    today, now = timezone.localdate(), timezone.now()
    words = {"kind": "CORRECTIVE", "text": "x", "owner": lea, "due": today, "check_due": today}
    for says, status in (("no", "NOT_EFFECTIVE"), ("yes", "EFFECTIVE")):
        action = remedies.agree(contained, **words, by=lea, now=now)
        remedies.finish(action, note="", by=lea, now=now)
        post(client, "action-check", action.pk, effective=says, note="seen")
        action.refresh_from_db()
        assert action.status == status


def test_raised_in_error_is_withdrawn_from_its_page(sign_in, case):
    post(sign_in("lead"), "nonconformance-withdraw", case.number, reason="a shadow")
    assert "Withdrawn" in page(sign_in("auditor"), "nonconformance", case.number)


def test_a_case_whose_decisions_were_taken_back_says_so(sign_in, rejected, deliver_all):
    factories.product("tile").defect_types.filter(code="dent").update(raises_after=1)
    part = rejected()
    deliver_all()
    case = Nonconformance.objects.get()
    review = Review.objects.get(inspection=part)
    reviews.undo(review, by=review.reviewer, now=timezone.now())
    deliver_all()
    seen = page(sign_in("lead"), "nonconformance", case.number)
    assert "Nothing stands behind it any more" in seen
    assert "the decision that it is bad was taken back" in seen


def test_the_list_tells_nobody_what_a_blind_check_hides(sign_in, case, audited):
    audited(lot="L7")
    assert "Hidden: blind check" in page(sign_in("inspector"), "nonconformance", case.number)
    assert "Hidden: blind check" not in page(sign_in("auditor"), "nonconformance", case.number)


# --- the evidence ---


def test_the_evidence_tells_it_all(sign_in, contained):
    post(sign_in("lead"), "nonconformance-dispose", contained.number, kind="SCRAP", covers="REST", **SIGNED)  # fmt: skip
    seal.seal()
    sheets = page(sign_in("auditor"), "nonconformance-evidence", contained.number)
    signature = Signature.objects.get()
    for words in ("SN-BAD", "rack 4", "Scrap", signature.digest, "within the plan", "at S1"[3:]):
        assert words in sheets
    assert 'class="outline"' in sheets
    assert "Pareto of defect types: Dent 1" in sheets
    assert "unsealed" not in sheets


def test_the_evidence_of_a_case_without_a_part_is_a_sheet_as_well(sign_in, rejected):
    lot = rejected(lot="L7").lot
    found = opening.Found(product=lot.product, lot=lot, scope="LOT", title="Rust")
    case = opening.raise_nonconformance(found, by=factories.person("ines"), now=timezone.now())
    assert "raised without a part" in page(sign_in("lead"), "nonconformance-evidence", case.number)


def test_the_columns_of_a_pareto_add_up_to_all():
    assert columns([]) == []
    drawn = columns([("a", "#000", 1), ("b", "#000", 3), ("none", "#000", 0)])
    assert [(one.name, one.share) for one in drawn] == [("b", 75), ("a", 100)]
    assert drawn[0].y + drawn[0].height == HEIGHT
    many = columns([(str(n), "#000", 20 - n) for n in range(12)])
    assert (len(many), many[-1].name, many[-1].share) == (8, "Others", 100)


# --- lots on hold ---


def test_a_part_of_a_held_lot_is_held_whatever_its_own_verdict(sign_in, judged):
    part, client = judged(factories.NORMAL, serial="GOOD", lot="L7"), sign_in("manager")
    machine = reverse("api-inspection", args=[part.pk])
    assert client.get(machine).json()["held"] is False
    assert "is on hold" in post(client, "lot-hold", part.lot_id, reason="a smell")
    said = client.get(machine).json()
    assert (said["held"], said["evaluation"], said["disposition"]) == (True, "OK", None)
    assert "Lot on hold" in page(client, "inspection", part.pk)
    assert "On hold" in page(client, "inspections")


def test_the_api_says_what_was_decided_about_a_part(sign_in, contained):
    client = sign_in("lead")
    machine = reverse("api-inspection", args=[contained.inspection_id])
    for kind, held in (("HOLD", True), ("SCRAP", False)):
        post(client, "nonconformance-dispose", contained.number, kind=kind, covers="REST", **SIGNED)
        said = client.get(machine).json()
        assert (said["disposition"], said["held"]) == (kind.lower(), held)


def test_letting_a_lot_go_is_signed(sign_in, rejected):
    lot, client = rejected(lot="L7").lot, sign_in("lead")
    post(client, "lot-hold", lot.pk, reason="a smell")
    wrong = {**SIGNED, "to": "RELEASED", "password": "guess"}
    assert "password is not right" in post(client, "lot-let-go", lot.pk, **wrong)
    post(client, "lot-let-go", lot.pk, to="RELEASED", **SIGNED)
    lot.refresh_from_db()
    assert lot.status == "RELEASED"
    assert Signature.objects.get().record == "lot L7 of tile"


def test_a_doubted_lot_offers_no_release(sign_in, case):
    seen = page(sign_in("mrb"), "lot", case.lot_id)
    assert "doubts the whole lot" in seen
    assert reverse("lot-let-go", args=[case.lot_id]) not in seen


@pytest.mark.parametrize(
    ("query", "found"), [("", 1), ("?status=HELD", 0), ("?number=l7", 1), ("?product=none", 0)]
)
def test_the_lots_are_an_address(sign_in, case, query, found):
    answer = sign_in("auditor").get(reverse("lots") + query)
    assert len(answer.context["rows"]) == found
    assert answer.context["counts"] == {"open": 1, "held": 0, "released": 0}
