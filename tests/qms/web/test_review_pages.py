"""The review queue and the station."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from qms.events.models import Event
from qms.review import actions
from qms.review.models import KeyMap, Review, Status
from tests import factories


def _post(client, name, review, **words):
    return client.post(reverse(name, args=[review.pk]), words)


def _page(client, review):
    return client.get(reverse("review", args=[review.pk])).content.decode()


def test_an_empty_queue_says_so(sign_in):
    assert "Nothing waits for you" in sign_in("inspector").get("/review/").content.decode()


def test_the_queue_counts_and_starts_with_the_oldest(sign_in, flagged):
    first, second = flagged(serial="S1"), flagged(serial="S2", seed=1)
    answer = sign_in("inspector").get("/review/")
    assert list(answer.context["open"]) == [first, second]
    assert answer.context["pace"].waiting == 2
    assert "oldest" in answer.content.decode()


def test_claiming_leads_to_the_part(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    assert _post(client, "review-claim", review)["Location"] == reverse("review", args=[review.pk])
    page = _page(client, review)
    assert 'data-key="a"' in page
    assert "score-words" in page


def test_what_is_in_other_hands_can_be_seen_but_not_decided(sign_in, flagged):
    review = flagged()
    actions.claim(review, by=factories.person("carl"), now=timezone.now())
    client = sign_in("inspector")
    page = _page(client, review)
    assert "carl" in page
    assert "data-decide" not in page
    _post(client, "review-decide", review, decision="OK")
    review.refresh_from_db()
    assert review.status == Status.CLAIMED


def test_only_one_of_two_gets_a_part(sign_in, flagged):
    review = flagged()
    _post(sign_in("inspector", name="one"), "review-claim", review)
    answer = sign_in("inspector", name="two").post(
        reverse("review-claim", args=[review.pk]), follow=True
    )
    assert "hands of" in answer.content.decode()
    review.refresh_from_db()
    assert str(review.reviewer) == "one"


def test_rejecting_keeps_the_defect_type_and_the_note(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    kind = review.inspection.product.defect_types.get(code="dent")
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="NOT_OK", defect_type=kind.pk, note="deep")
    review.refresh_from_db()
    assert (review.decision, review.defect_type, review.note) == ("NOT_OK", kind, "deep")
    review.inspection.refresh_from_db()
    assert review.inspection.evaluation == "NOT_OK"


def test_accepting_forgets_a_defect_type_that_was_chosen_before(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    kind = review.inspection.product.defect_types.first()
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="OK", defect_type=kind.pk)
    review.refresh_from_db()
    assert (review.decision, review.defect_type) == ("OK", None)


def test_a_decision_that_is_none_changes_nothing(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="PERHAPS")
    review.refresh_from_db()
    assert review.status == Status.CLAIMED


def test_deciding_leads_to_the_next_part_already_in_hand(sign_in, flagged):
    first, second, client = flagged(serial="S1"), flagged(serial="S2", seed=1), sign_in("lead")
    _post(client, "review-claim", first)
    answer = _post(client, "review-decide", first, decision="OK")
    assert answer["Location"] == reverse("review", args=[second.pk])
    second.refresh_from_db()
    assert (second.status, str(second.reviewer)) == (Status.CLAIMED, "lead")
    assert reverse("review-undo", args=[first.pk]) in _page(client, second)


def test_deciding_the_last_one_leads_to_the_empty_queue(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    answer = client.post(
        reverse("review-decide", args=[review.pk]), {"decision": "NOT_DECIDABLE"}, follow=True
    )
    assert "Nothing else is waiting" in answer.content.decode()
    assert "Nothing waits for you" in answer.content.decode()


def test_undo_gives_the_part_back_into_the_hand(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="OK")
    history = client.get(reverse("review-history")).content.decode()
    assert reverse("review-undo", args=[review.pk]) in history
    _post(client, "review-undo", review)
    review.refresh_from_db()
    assert (review.status, review.decision) == (Status.CLAIMED, "")
    assert "data-decide" in _page(client, review)


def test_nobody_undoes_what_another_decided(sign_in, flagged):
    review = flagged()
    one, two = sign_in("inspector", name="one"), sign_in("lead", name="two")
    _post(one, "review-claim", review)
    _post(one, "review-decide", review, decision="OK")
    assert reverse("review-undo", args=[review.pk]) not in _page(two, review)
    _post(two, "review-undo", review)
    review.refresh_from_db()
    assert review.status == Status.DECIDED


def test_giving_back_opens_the_part_for_others(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    assert _post(client, "review-release", review)["Location"] == reverse("review-queue")
    assert Review.objects.get(pk=review.pk).status == Status.OPEN


def test_a_blind_check_hides_the_model_until_it_is_decided(sign_in, audited):
    review, client = audited(serial="S1"), sign_in("inspector")
    queue = client.get("/review/").content.decode()
    assert "Blind check" in queue
    assert "score-bar" not in queue
    _post(client, "review-claim", review)
    blind = _page(client, review)
    for words in ("score-words", "data-layer", review.verdict.description, "accepted part"):
        assert words not in blind
    _post(client, "review-decide", review, decision="OK")
    assert "score-words" in _page(client, review)


def test_a_part_is_left_for_later_and_the_next_one_taken(sign_in, flagged):
    first, second, client = flagged(serial="S1"), flagged(serial="S2", seed=1), sign_in("inspector")
    _post(client, "review-claim", first)
    _post(client, "review-claim", second, leave=first.pk)
    states = dict(Review.objects.values_list("pk", "status"))
    assert states == {first.pk: Status.OPEN, second.pk: Status.CLAIMED}


def test_if_the_next_one_is_gone_the_present_one_stays(sign_in, flagged):
    first, second, client = flagged(serial="S1"), flagged(serial="S2", seed=1), sign_in("inspector")
    _post(client, "review-claim", first)
    actions.claim(second, by=factories.person("carl"), now=timezone.now())
    _post(client, "review-claim", second, leave=first.pk)
    first.refresh_from_db()
    assert (first.status, str(first.reviewer)) == (Status.CLAIMED, "inspector")


def test_a_sign_of_life_says_whether_the_part_is_still_mine(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    assert _post(client, "review-beat", review).json() == {"mine": True}
    actions.release_forgotten(now=timezone.now() + actions.CLAIM_LASTS + timedelta(seconds=9))
    assert _post(client, "review-beat", review).json() == {"mine": False}


def test_what_is_said_of_findings_comes_along_and_names_the_type(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    dent = review.product.defect_types.get(code="dent")
    _post(client, "review-claim", review)
    words = {"finding-1": "yes", "finding-1-type": dent.pk, "finding-7": "yes", "seconds": "3.5"}
    _post(client, "review-decide", review, decision="NOT_OK", **words)
    review.refresh_from_db()
    assert (review.defect_type, review.finding_answers.get().defect_type) == (dent, dent)
    assert "true defect" in _page(client, review)


def test_a_second_opinion_is_asked_for_on_the_page(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="OK")
    _post(client, "review-second-opinion", review, why="is that a crack?")
    second = Review.objects.get(of=review)
    lead = sign_in("lead")
    assert "is that a crack?" in _page(lead, second)
    _post(lead, "review-claim", second)
    assert "What others said" in _page(lead, second)


def test_a_person_asks_for_a_correction(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    _post(client, "review-correction", review)
    assert Event.objects.filter(name="CorrectionWanted", subject=review.inspection_id).exists()


def test_a_person_changes_keys_and_has_them_everywhere(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    client.post(reverse("review-keys"), {"accept": "y", "reject": "r"})
    _post(client, "review-claim", review)
    page = _page(client, review)
    assert 'data-key="y" data-key-name="Accept"' in page and 'data-key="r"' in page
    client.post(reverse("review-keys"), {"reset": "1"})
    assert 'data-key="a" data-key-name="Accept"' in _page(client, review)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"accept": "1"}, "cannot be the key of"),
        ({"accept": "ab"}, "cannot be the key of"),
        ({"accept": "?"}, "cannot be the key of"),
        ({"accept": "r"}, "would both"),
    ],
)
def test_a_key_that_cannot_be_is_refused_and_nothing_changes(sign_in, words, says):
    client = sign_in("inspector")
    answer = client.post(
        reverse("review-keys"),
        words,
        headers={"Referer": "http://testserver/review/keys/"},
        follow=True,
    )
    assert says in answer.content.decode()
    assert not KeyMap.objects.exists()


def test_facets_narrow_the_queue_and_tell_nothing_of_blind_looks(sign_in, flagged, audited):
    open_one, client = flagged(serial="S1"), sign_in("inspector")
    audited(serial="S2")
    assert list(client.get("/review/?reason=NOT_OK").context["open"]) == [open_one]
    assert list(client.get("/review/?reason=AUDIT").context["open"]) == []
    assert (
        "None waits under these filters"
        in client.get("/review/?product=tile&reason=CRITICAL").content.decode()
    )


def test_a_lead_reads_the_decisions_of_others_and_an_inspector_only_their_own(sign_in, flagged):
    review, ines = flagged(serial="S1"), sign_in("inspector", name="ines")
    _post(ines, "review-claim", review)
    _post(ines, "review-decide", review, decision="OK")
    page = reverse("review-history") + "?who=ines"
    assert "S1" in sign_in("lead").get(page).content.decode()
    assert "S1" not in sign_in("inspector", name="otto").get(page).content.decode()


def test_pages_ask_few_questions(sign_in, flagged, django_assert_max_num_queries):
    client, reviews = sign_in("inspector"), [flagged(serial=f"S{n}", seed=n) for n in range(5)]
    _post(client, "review-claim", reviews[0])
    with django_assert_max_num_queries(12):
        _page(client, reviews[0])
    with django_assert_max_num_queries(12):
        client.get("/review/")


@pytest.mark.parametrize("why", ["", "nul \0", "x" * 501])
def test_a_doubt_that_cannot_be_kept_is_refused(sign_in, flagged, why):
    review, client = flagged(), sign_in("inspector")
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="OK")
    _post(client, "review-second-opinion", review, why=why)
    assert not Review.objects.filter(of=review).exists()


def test_who_is_to_repeat_a_look_learns_nothing_from_the_first_one(sign_in, flagged):
    review, client = flagged(serial="S1"), sign_in("inspector")
    _post(client, "review-claim", review)
    _post(client, "review-decide", review, decision="NOT_OK", note="deep")
    person = Review.objects.get().reviewer
    Review.objects.create(
        inspection=review.inspection, verdict=review.verdict, product=review.product,
        kind="REPEAT", reason="REPEAT", blind=True, of=review, assigned_to=person,
        opened_at=timezone.now(),
    )  # fmt: skip
    page, history = _page(client, review), client.get(reverse("review-history")).content.decode()
    for words in ("score-words", review.verdict.description, "true defect"):
        assert words not in page
    assert "True defect" not in history and "Hidden" in history
    inspection = client.get(reverse("inspection", args=[review.inspection_id])).content.decode()
    assert "Decided by a person" not in inspection
    body = client.get(reverse("api-inspection", args=[review.inspection_id])).json()
    assert (body["disposition"], body["held"]) == (None, None)
    assert "score-words" in _page(sign_in("lead"), review)


def test_a_number_that_is_none_is_not_found(sign_in, flagged):
    review, client = flagged(), sign_in("inspector")
    assert _post(client, "review-claim", review, leave="9" * 5000).status_code == 404
