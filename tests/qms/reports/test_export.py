"""Every result as CSV."""

import csv
import io

from django.utils import timezone

from qms.inspections.models import Inspection
from qms.reports import exports, queries
from qms.review import actions as review
from qms.review.models import Review
from tests.factories import DEFECT, person, submission


def lines(rows=None):
    rows = Inspection.objects.all() if rows is None else rows
    return list(csv.DictReader(io.StringIO("".join(exports.csv_lines(rows)))))


def test_a_line_tells_the_models_word_and_the_persons(db, deliver_all):
    submission(brightness=DEFECT, serial="S1", lot="L1")
    deliver_all()
    case, ines = Review.objects.get(), person()
    review.claim(case, by=ines, now=timezone.now())
    review.decide(case, decision="OK", by=ines, now=timezone.now(), note="dust, wiped")
    (line,) = lines()
    assert (line["serial"], line["lot"]) == ("S1", "L1")
    assert (line["evaluation"], line["model_evaluation"]) == ("OK", "NOT_OK")
    assert (line["review_outcome"], line["review_note"]) == ("false call", "dust, wiped")
    assert float(line["score"]) >= float(line["threshold_not_ok"])


def test_a_picture_that_waits_is_a_line_too(db):
    submission()
    (line,) = lines()
    assert (line["state"], line["evaluation"], line["score"]) == ("SUBMITTED", "UNDEFINED", "")


def test_text_that_looks_like_a_formula_is_disarmed(db):
    for n, evil in enumerate(["=1+1", "+1", "-1", "@SUM(A1)", "\tx"]):
        submission(serial=evil, seed=n)
    assert {line["serial"] for line in lines()} == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx"}


def test_the_export_streams_all_in_slices_of_few_queries(db, django_assert_max_num_queries):
    for n in range(7):
        submission(seed=n)
    with django_assert_max_num_queries(12):
        rows = list(queries.stream(Inspection.objects.all(), slice_size=3))
    assert [row.pk for row in rows] == sorted((r.pk for r in rows), reverse=True)
    assert len(rows) == 7


def test_counts_of_the_start_page(db, deliver_all):
    submission()
    submission(brightness=DEFECT)
    deliver_all()
    submission(seed=4)
    now = timezone.now()
    counts = queries.counts(now=now, since=now.replace(year=now.year - 1))
    assert (counts.inspected, counts.ok, counts.not_ok, counts.undefined) == (3, 1, 1, 1)
    assert (counts.waiting_for_verdict, counts.waiting_for_review) == (1, 1)
    assert counts.oldest_waiting is not None
    (row,) = queries.by_product(since=now.replace(year=now.year - 1))
    assert (row.product, row.inspected, row.share_ok) == ("tile", 3, 0.5)
