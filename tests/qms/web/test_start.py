"""The start page: what waits, what was found, what to do first."""

from django.urls import reverse

from tests import factories


def test_an_empty_house_says_how_to_send_the_first_picture(sign_in):
    page = sign_in("integrator").get("/").content.decode()
    assert "Nothing has been inspected yet" in page
    assert "picture=@part.jpg" in page
    assert reverse("keys") in page


def test_it_counts_today_by_evaluation(sign_in, judged):
    judged(factories.NORMAL, serial="A1")
    judged(factories.DEFECT, serial="A2", seed=1)
    answer = sign_in("manager").get(reverse("start-counts"))
    counts = answer.context["counts"]
    assert (counts.inspected, counts.ok, counts.not_ok) == (2, 1, 1)
    assert counts.waiting_for_review == 1
    assert answer["Cache-Control"] == "no-store"


def test_it_tells_how_long_the_oldest_picture_waits(sign_in):
    factories.submission()
    page = sign_in("manager").get(reverse("start-counts")).content.decode()
    assert "oldest" in page


def test_dead_letters_raise_an_alarm_and_link_for_those_who_may_act(sign_in, dead_letter):
    assert "tile-alarm" in sign_in("manager").get("/").content.decode()
    assert "tell an administrator" in sign_in("manager").get("/").content.decode()
    assert reverse("dead-letters") in sign_in("admin").get("/").content.decode()


def test_the_number_of_queries_does_not_grow_with_the_pictures(
    sign_in, judged, django_assert_max_num_queries
):
    for number in range(3):
        judged(factories.NORMAL, seed=number)
    client = sign_in("manager")
    with django_assert_max_num_queries(14):
        client.get(reverse("start-counts"))
