"""The review queue and the station."""

from django.urls import reverse
from django.utils import timezone

from qms.review import actions
from qms.review.models import Review, Status
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
    assert answer.context["waiting"] == 2
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
    assert reverse("review-undo", args=[review.pk]) in client.get("/review/").content.decode()
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
