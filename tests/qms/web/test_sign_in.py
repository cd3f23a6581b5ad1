"""The brake on guessing passwords."""

from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from qms.accounts import brake
from qms.accounts.models import SignInFailure
from tests import factories

HERE, THERE = "203.0.113.9", "203.0.113.77"


@pytest.fixture
def ines(db):
    return factories.person("ines", "inspector")


def try_it(password: str, *, name: str = "ines", address: str = HERE, door: str = "sign-in"):
    words = {"username": name, "password": password}
    return Client().post(reverse(door), words, REMOTE_ADDR=address)


def guess(times: int, **words: str) -> None:
    for n in range(times):
        assert try_it(f"guess {n}", **words).status_code == 200


def test_after_many_wrong_passwords_even_the_right_one_must_wait(ines):
    guess(brake.MOST)
    answer = try_it("a long password")
    assert answer.status_code == 429
    assert "wait 15 minutes" in answer.content.decode()


def test_the_name_is_the_same_however_it_is_written(ines):
    guess(brake.MOST, name="INES ")
    assert try_it("a long password").status_code == 429


def test_nobody_is_locked_out_from_another_address_or_under_another_name(ines):
    factories.person("otto", "inspector")
    guess(brake.MOST)
    assert try_it("a long password", address=THERE).status_code == 302
    assert try_it("a long password", name="otto").status_code == 302


def test_the_pause_ends(ines):
    guess(brake.MOST)
    SignInFailure.objects.update(at=timezone.now() - brake.WITHIN - timedelta(seconds=1))
    assert try_it("a long password").status_code == 302
    assert not SignInFailure.objects.exists()


def test_the_right_password_forgets_the_wrong_ones(ines):
    guess(brake.MOST - 1)
    assert try_it("a long password").status_code == 302
    guess(brake.MOST - 1)
    assert try_it("a long password").status_code == 302


def test_the_doors_of_the_admin_has_the_same_brake(ines):
    guess(brake.MOST, door="admin-sign-in")
    assert try_it("a long password", door="admin:login").status_code == 429


def test_a_person_who_may_not_see_the_admin_gets_the_sign_in_and_no_loop(sign_in):
    answer = sign_in("inspector").get("/admin/", follow=True)
    assert answer.status_code == 200
    assert len(answer.redirect_chain) == 1


def test_a_name_that_cannot_be_stored_is_just_wrong(db):
    assert try_it("x", name="x" * 300).status_code == 200


@pytest.mark.parametrize(("behind_tls", "expected"), [(False, HERE), (True, THERE)])
def test_only_a_proxy_of_ours_may_say_who_asks(settings, behind_tls, expected):
    settings.BEHIND_TLS = behind_tls
    request = RequestFactory().get("/", headers={"X-Forwarded-For": f"10.0.0.1, {THERE}"})
    request.META["REMOTE_ADDR"] = HERE
    assert brake.address_of(request) == expected
