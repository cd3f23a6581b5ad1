"""Corrective actions, and how a nonconformance comes to its end."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from qms.lifecycle import IllegalMove, Refused
from qms.quality import actions, remedies
from qms.quality.models import Nonconformance
from qms.quality.templatetags.nonconformances import nonconformances_of
from qms.review import actions as reviews
from tests.factories import person
from tests.qms.quality.conftest import TODAY, agree, contain, dispose, faults


def test_closing_says_what_is_missing_until_nothing_is(raised):
    case, lea, now = raised(), person("lea", "lead"), timezone.now()
    with pytest.raises(Refused, match="what is done with every part"):
        actions.close(case, by=lea, now=now)
    contain(case)
    dispose(case)
    with pytest.raises(Refused, match=r"root cause.*no corrective action"):
        actions.close(case, by=lea, now=now)
    actions.describe(case, root_cause="worn tool", by=lea, now=now)
    action = agree(case)
    with pytest.raises(Refused, match="not finished"):
        actions.close(case, by=lea, now=now)
    remedies.finish(action, note="tool 7 changed", by=lea, now=now)
    remedies.check(action, effective=False, note="two more since", by=lea, now=now)
    with pytest.raises(Refused, match="did not help"):
        actions.close(case, by=lea, now=now)
    again = agree(case, text="change it weekly")
    remedies.finish(again, note="", by=lea, now=now)
    remedies.check(again, effective=True, note="none in 400 parts", by=lea, now=now)
    actions.close(case, by=lea, now=now)
    assert (case.status, case.closed_by) == ("CLOSED", lea)
    assert faults() == []


def test_what_is_closed_is_opened_again_with_a_reason(raised):
    case, lea, now = raised(severity="MINOR"), person("lea", "lead"), timezone.now()
    contain(case)
    dispose(case)
    actions.close(case, by=lea, now=now)
    with pytest.raises(Refused, match="open it again first"):
        agree(case)
    with pytest.raises(Refused, match="Say why"):
        actions.reopen(case, reason="", by=lea, now=now)
    actions.reopen(case, reason="a customer complains", by=lea, now=now)
    assert (case.status, case.closed_at) == ("DISPOSITIONED", None)
    with pytest.raises(Refused, match="nothing to open"):
        actions.reopen(case, reason="again", by=lea, now=now)
    assert faults() == []


def test_what_was_raised_in_error_is_withdrawn(raised):
    case, lea, now = raised(), person("lea", "lead"), timezone.now()
    actions.withdraw(case, reason="a shadow", by=lea, now=now)
    assert case.status == "WITHDRAWN"
    actions.reopen(case, reason="no shadow", by=lea, now=now)
    contain(case)
    with pytest.raises(Refused, match="Parts are contained"):
        actions.withdraw(case, reason="too late", by=lea, now=now)
    assert faults() == []


def test_what_is_contained_is_withdrawn_once_nothing_stands_behind_it(bad, client, deliver_all):
    review, lea = bad("crack"), person("lea", "lead")
    case = Nonconformance.objects.get()
    contain(case)
    reviews.undo(review, by=review.reviewer, now=timezone.now())
    deliver_all()
    client.force_login(lea)
    withdraw = reverse("nonconformance-withdraw", args=[case.number])
    assert withdraw in client.get(reverse("nonconformance", args=[case.number])).content.decode()
    client.post(withdraw, {"reason": "it was a shadow"})
    case.refresh_from_db()
    assert (case.status, case.contained_at, case.closed_by) == ("WITHDRAWN", None, lea)
    assert faults() == []
    actions.reopen(case, reason="no shadow", by=lea, now=timezone.now())
    contain(case, "rack 4")
    assert case.containment == "rack 4"
    assert faults() == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"text": " "}, "what is to be done"),
        ({"check_due": None}, "by when somebody checks"),
        ({"check_due": TODAY - timedelta(days=1)}, "choose a later day"),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(raised, words, says):
    with pytest.raises(Refused, match=says):
        agree(raised(), **words)


def test_an_action_is_overdue_until_it_is_done_and_checked(raised):
    case, lea, now = raised(), person("lea", "lead"), timezone.now()
    action = agree(case)

    def late(days: int) -> bool:
        return case.actions.filter(remedies.overdue(TODAY + timedelta(days=days))).exists()

    assert [late(0), late(1)] == [False, True]
    remedies.finish(action, note="", by=lea, now=now)
    assert [late(1), late(15)] == [False, True]
    remedies.check(action, effective=True, note="none since", by=lea, now=now)
    assert not late(99)
    with pytest.raises(IllegalMove):
        remedies.cancel(action, note="never mind", by=lea, now=now)


def test_whether_it_helped_is_said_and_nothing_stands_for_no(raised, client):
    """Not effective is final."""
    action = agree(raised())
    remedies.finish(action, note="", by=person("lea", "lead"), now=timezone.now())
    client.force_login(person("lea", "lead"))
    check = reverse("action-check", args=[action.pk])
    for words in ({}, {"effective": ""}, {"effective": "YES"}):
        client.post(check, {"note": "none since", **words})
        action.refresh_from_db()
        assert action.status == "DONE"
    client.post(check, {"note": "two more", "effective": "no"})
    action.refresh_from_db()
    assert action.status == "NOT_EFFECTIVE"


def test_its_owner_says_that_an_action_is_done_and_no_other_inspector(raised, client):
    case, ivan = raised(), person("ivan", "inspector")
    action = agree(case, owner=ivan)
    done = reverse("action-done", args=[action.pk])
    record = reverse("nonconformance", args=[case.number])
    client.force_login(person("ines"))
    assert done not in client.get(record).content.decode()
    client.post(done, {"note": "done"})
    action.refresh_from_db()
    assert action.status == "AGREED"
    client.force_login(ivan)
    page = client.get(record).content.decode()
    assert done in page
    assert reverse("action-cancel", args=[action.pk]) not in page
    client.post(done, {"note": "tool 7 changed"})
    action.refresh_from_db()
    assert (action.status, action.done_by) == ("DONE", ivan)


def test_what_a_part_belongs_to_is_read_by_the_part(bad):
    """With many cases the planner must not walk the parts of all of them."""
    part = bad("crack").inspection
    contain(Nonconformance.objects.get())
    with CaptureQueriesContext(connection) as asked:
        cases = nonconformances_of(part)["cases"]
    assert [case.lines.count() for case, _ in cases] == [1]
    read = [one["sql"] for one in asked.captured_queries if "occurrence" in one["sql"]]
    assert not any("DISTINCT" in sql or "LEFT OUTER JOIN" in sql for sql in read)
