"""Which pictures go to the annotators, and how soon."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from qms.events.models import Event
from qms.labels import actions
from qms.labels.models import LabelTask, Reason
from qms.labels.urgency import closeness, urgency
from qms.lifecycle import Refused
from tests.factories import UNCLEAR, submission


@pytest.fixture
def judged(db, deliver_all):
    inspection = submission(brightness=UNCLEAR)
    deliver_all()
    LabelTask.objects.all().delete()
    return inspection


def want(inspection, reason=Reason.ASKED, why="ines asks", **words):
    return actions.want(inspection, reason=reason, why=why, now=timezone.now(), **words)


def test_wanting_twice_changes_nothing(judged):
    first, again = want(judged), want(judged)
    assert first == again
    assert Event.objects.filter(name="LabelTaskWanted").count() == 1 + EARLIER
