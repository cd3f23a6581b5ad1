"""What-if thresholds and agreement, as pages."""

import json
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from qms.accounts.models import Signature
from qms.inspections.models import Verdict
from qms.plant.recipes import Recipe
from qms.review.models import Review, Study
from qms.review.study import begin_study
from tests import factories
from tests.production import decide_all, run

READERS = ("lead", "manager", "auditor", "admin", "ml")


@pytest.fixture
def line(db, deliver_all):
    """Thirty parts, what was routed and audited of them decided by olga."""
    run(deliver_all, 30, audit_share=0.6)
    decide_all(factories.person("olga"))


def _page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def _words(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("role", READERS)
def test_only_who_may_publish_is_asked_to_sign(sign_in, line, role):
    page = _page(sign_in(role), "/thresholds/")
    assert ("Sign and publish" in page) == (role in ("lead", "manager", "admin"))


def test_inspectors_see_no_reports(sign_in):
    client = sign_in("inspector")
    for address in ("/thresholds/", "/agreement/", "/agreement/studies/1/"):
        assert client.get(address).status_code == 403
    assert "/thresholds/" not in _page(client, "/")


def test_an_empty_house_says_the_next_step(sign_in):
    client = sign_in("manager")
    assert "There is no product yet" in _page(client, "/thresholds/")
    assert "There is no product yet" in _page(client, "/agreement/")
    factories.product()
    assert "No model judges tile" in _page(client, "/thresholds/")
    factories.model()
    assert "judged nothing in these days" in _page(client, "/thresholds/")
    assert "No blind looks in these days" in _page(client, "/agreement/")


@pytest.mark.parametrize("address", ["/thresholds/", "/agreement/"])
@pytest.mark.parametrize(
    "wrong",
    [
        "product=nothing",
        "from=yesterday",
        "from=2026-05-02&to=2026-05-01",
        "to=9999-12-31",
        "to=0001-01-10",
        "from=0001-01-01",
    ],
)
def test_a_filter_that_is_wrong_says_so(sign_in, line, address, wrong):
    assert "A filter was not understood" in _page(sign_in("manager"), f"{address}?{wrong}")


def test_thresholds_in_the_address_are_computed_by_the_server(sign_in, line):
    client = sign_in("manager")
    page = _page(client, "/thresholds/?ok=0.5&not_ok=0.6")
    assert 'value="0.5"' in page
    assert "30.0" in _words(page)  # accepted: all that were judged
    turned = client.get("/thresholds/?ok=0.5&not_ok=0.2").context["tried"]
    assert turned == {"ok": 0.2, "not_ok": 0.2}


def test_a_new_model_begins_with_no_scores(sign_in, line):
    newer = factories.model(factories.product())
    assert f"{newer} judged nothing" in _words(_page(sign_in("manager"), "/thresholds/"))


def test_the_data_of_the_page_holds_no_part_s_name(sign_in, line):
    page = _page(sign_in("manager"), "/thresholds/")
    (data,) = re.findall(r'<script id="whatif-data" type="application/json">(.*?)</script>', page)
    assert set(json.loads(data)) == {
        "looked", "judged", "shifts", "rules", "strata", "present", "scale", "z", "told", "needed"
    }  # fmt: skip


def _publish(client, **words):
    tile = factories.product()
    given = {
        "product": "tile",
        "station": "",
        "ok": "0.2",
        "not_ok": "0.3",
        "artefact": tile.models.get(status="ACTIVE").sha256,
        "instead_of": Recipe.current_for(tile).number,
        "reason": "fewer false calls",
        "password": "a long password",
        **words,
    }
    referer = "http://testserver/thresholds/?product=tile&ok=0.2"
    return client.post("/thresholds/publish/", given, follow=True, headers={"Referer": referer})


def test_published_thresholds_judge_the_next_picture(sign_in, line, judged):
    client = sign_in("lead")
    page = _words(_publish(client).content.decode())
    assert "tile recipe 3 is published: the next picture is judged by it." in page
    assert "Present: OK below 0.200, not OK from 0.300" in page
    said = Verdict.objects.get(inspection=judged(40))
    assert (said.evaluation, said.threshold_not_ok) == ("OK", 0.3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"password": "a guess"}, "password is not right"),
        ({"reason": " "}, "Say why"),
        ({"ok": "0.4"}, "not above"),
        ({"ok": "much"}, "Enter a number"),
        ({"artefact": "0" * 64}, "judges by now"),
        ({"instead_of": "1"}, "published another recipe of tile"),
        ({"product": "nothing"}, "valid choice"),
    ],
)
def test_what_is_not_right_publishes_nothing_and_leads_back(sign_in, line, words, says):
    answer = _publish(sign_in("lead"), **words)
    assert says in answer.content.decode()
    assert answer.redirect_chain[-1][0].endswith("/thresholds/?product=tile&ok=0.2")
    assert Recipe.objects.count() == 2
    assert not Signature.objects.exists()


def test_an_auditor_reads_but_publishes_and_begins_nothing(sign_in, line):
    client = sign_in("auditor")
    assert _publish(client).status_code == 403
    assert client.post("/agreement/studies/begin/", {}).status_code == 403
    assert "Begin a study" not in _page(client, "/agreement/")


# --- agreement ---


def _begin(client, *people, **words):
    given = {
        "product": "tile",
        "name": "November",
        "people": [person.pk for person in people],
        "parts": "10",
        "trials": "2",
        **words,
    }
    return client.post(
        reverse("study-begin"),
        given,
        follow=True,
        headers={"Referer": "http://testserver/agreement/"},
    )


def _play(deliver_all, *people, errs=0.1):
    for _ in range(2):
        for number, person in enumerate(people):
            decide_all(person, errs=errs * number, seed=number)
        deliver_all()


def test_a_study_from_its_beginning_to_its_table(sign_in, line, deliver_all):
    ines, carl, mike = (factories.person(name) for name in ("ines", "carl", "mike"))
    client = sign_in("manager")
    page = _words(_begin(client, ines, carl, mike).content.decode())
    assert "November has begun" in page
    assert "0 of 20" in page
    assert "Nobody has decided a part yet" in page
    _play(deliver_all, ines, carl, mike)
    study = Study.objects.get()
    answer = client.get(reverse("study", args=[study.pk]))
    page = answer.content.decode()
    assert "Done" in page
    assert len(answer.context["parts"]) == 10
    for row in answer.context["parts"]:
        assert reverse("inspection", args=[row.inspection.pk]) in page
        assert len(row.cells) == 6
    assert answer.context["panels"][0][0] == 3
    assert answer.context["rows"][2].repeatability.n == 10
    (first, *_) = answer.context["parts"]
    assert first.apart == max(row.apart for row in answer.context["parts"])
    listed = _words(_page(client, "/agreement/"))
    assert "60 of 60" in listed
    assert "3 people each" in listed


@pytest.mark.parametrize(
    ("words", "says"),
    [({"parts": "50"}, "wait for more"), ({"parts": "3"}, "Parts: Ensure"), ({"people": []}, "at least two"), ({"name": ""}, "Name: This field")],
)  # fmt: skip
def test_a_study_that_cannot_be_is_refused_with_a_sentence(sign_in, line, words, says):
    people = [factories.person("ines"), factories.person("carl")]
    page = _begin(sign_in("lead"), *people, **words).content.decode()
    assert says in page
    assert not Study.objects.exists()


def _study(*people):
    return begin_study(
        factories.product(),
        name="November",
        people=people,
        parts=10,
        trials=2,
        by=people[0],
        now=timezone.now(),
    )


def test_an_appraiser_learns_nothing_before_the_last_look(sign_in, line, deliver_all):
    lea, ines = factories.person("lea", "lead"), factories.person("ines")
    study = _study(lea, ines)
    decide_all(ines)
    client = sign_in("lead", name="lea")
    address = reverse("study", args=[study.pk])
    hers = _page(client, address)
    assert "You are an appraiser of this study" in hers
    assert "said-ok" not in hers
    decide_all(lea)
    assert "You are an appraiser" in _page(client, address), "her second trial is still to open"
    deliver_all()
    decide_all(lea)
    assert "said-ok" in _page(client, address)


def test_what_blind_open_looks_say_is_told_to_nobody(sign_in, line):
    """Looks at a part that somebody is still to judge blind count for no figure."""
    client = sign_in("manager")
    before = client.get("/agreement/").context["found"]
    ines, carl = factories.person("ines"), factories.person("carl")
    _study(ines, carl)
    decide_all(ines)
    pending = Review.objects.filter(kind="STUDY", status="OPEN").values("inspection")
    found = client.get("/agreement/").context["found"]
    lost = Review.objects.filter(inspection__in=pending, blind=True, kind__in=("AUDIT", "VERIFY"))
    assert found.looks == before.looks - lost.count()
    assert "ines" not in {person.name for person in found.people}


def test_looks_that_saw_the_model_count_only_when_asked_for(sign_in, line):
    client = sign_in("manager")
    blind, every = (client.get(f"/agreement/?looks={x}").context["found"] for x in ("blind", "all"))
    assert blind.looks == Review.objects.filter(blind=True).count()
    assert every.looks == Review.objects.count() > blind.looks


def test_a_silent_repeat_tells_of_its_person(sign_in, line):
    first = Review.objects.filter(blind=True, decision="OK").first()
    now, olga = timezone.now(), first.reviewer
    again = Review.objects.create(
        inspection=first.inspection, verdict=first.verdict, product=first.product, kind="REPEAT",
        reason="REPEAT", blind=True, of=first, assigned_to=olga, opened_at=now, status="CLAIMED",
        reviewer=olga, claimed_at=now,
    )  # fmt: skip
    again.move("DECIDED", decision="NOT_OK", decided_at=now)
    found = sign_in("manager").get("/agreement/").context["found"]
    (person,) = found.people
    assert (person.repeatability.value, person.repeatability.n) == (0.0, 1)


def test_all_looks_of_another_period_are_not_here(sign_in, line):
    answer = sign_in("manager").get("/agreement/?from=2020-01-01&to=2020-02-01")
    assert answer.context["found"].looks == 0
