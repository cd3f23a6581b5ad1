"""The Label Studio in memory and a real one, under the same assertions."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from labeling.studio import (
    ACTIONS,
    SECRET_HEADER,
    LocalStorage,
    S3Storage,
    StudioClient,
    StudioDown,
    StudioRefused,
    StudioToken,
)
from tests.fakes import FakeStudio
from tests.studio import StudioServer

CONFIG = (
    '<View><Image name="image" value="$image"/><Text name="question1" value="$q1"/>'
    '<BrushLabels name="mask" toName="image"><Label value="scratch"/><Label value="dent"/>'
    '</BrushLabels><Choices name="verdict" toName="image"><Choice value="OK"/>'
    '<Choice value="NOT_OK"/></Choices></View>'
)
OK = {
    "id": "v1",
    "from_name": "verdict",
    "to_name": "image",
    "type": "choices",
    "value": {"choices": ["OK"]},
}
NOT_OK = {**OK, "value": {"choices": ["NOT_OK"]}, "origin": "prediction-changed"}
BELL = "http://localhost:8000/hooks/labelstudio/"
_titles = count(1)

Desk = FakeStudio | StudioServer


@pytest.fixture(params=["in memory", pytest.param("real", marks=pytest.mark.xdist_group("studio"))])
def desk(request: pytest.FixtureRequest) -> Desk:
    """What people do there."""
    if request.param == "real":
        return request.getfixturevalue("studio_server")
    return FakeStudio()


@pytest.fixture
def studio(desk: Desk) -> StudioClient:
    """What the house asks of it."""
    return desk if isinstance(desk, FakeStudio) else desk.client()


@pytest.fixture
def project(studio: StudioClient) -> int:
    return studio.create_project(title=title(), config=CONFIG, instruction="Look closely.")


def title() -> str:
    return f"Tile labels {next(_titles)} {uuid4().hex[:8]}"


def task(inspection: str = "", *, version: str = "det-1", **data: str) -> dict:
    known = {"image": "/data/local-files/?d=pictures/part.png", "q1": "Any burr?"}
    name = inspection or str(uuid4())
    return {
        "data": {**known, "inspection_id": name, **data},
        "meta": {"inspection_id": name},
        "predictions": [{"model_version": version, "score": 0.3, "result": [OK]}],
    }


# --- the server and its tokens ---


def test_it_says_what_it_is_and_who_we_are_there(studio):
    assert studio.version().startswith("1.23.")
    assert "@" in studio.person()
    assert studio.person() in studio.people().values()
    assert studio.token_kind() == "legacy"
    assert abs(studio.clock() - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_personal_token_opens_it_until_it_is_revoked(desk):
    token = desk.personal_token()
    studio = desk.with_token(token)
    assert studio.token_kind() == "personal"
    assert "@" in studio.person()
    desk.revoke(token)
    with pytest.raises(StudioToken, match="blacklisted"):
        desk.with_token(token).person()


def test_an_expired_token_is_told_from_a_server_that_is_down(desk):
    with pytest.raises(StudioToken) as refusal:
        desk.with_token(desk.expired_token()).person()
    assert refusal.value.status == 401
    assert "expired" in str(refusal.value)


@pytest.mark.parametrize("token", ["f" * 40, "", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0"])
def test_a_wrong_token_is_refused_with_a_sentence(desk, token):
    with pytest.raises(StudioToken) as refusal:
        desk.with_token(token).person()
    assert refusal.value.status == 401
    assert len(str(refusal.value)) > 10


# --- projects ---


def test_a_project_is_found_by_its_whole_title_and_told_as_it_was_made(studio):
    name = title()
    assert studio.find_project(name) is None
    number = studio.create_project(
        title=name, config=CONFIG, instruction="Look.", model_version="det-1"
    )
    assert studio.find_project(name) == number
    assert studio.find_project(name[:-1]) is None
    state = studio.project(number)
    assert (state.id, state.title, state.config) == (number, name, CONFIG)
    assert (state.model_version, state.tasks) == ("det-1", 0)


def test_of_two_projects_with_one_title_the_older_is_found(studio):
    """After a lost answer there may be a second one."""
    name = title()
    first = studio.create_project(title=name, config=CONFIG, instruction="")
    studio.create_project(title=name, config=CONFIG, instruction="")
    assert studio.find_project(name) == first


@pytest.mark.parametrize("name", ["ab", "x" * 51])
def test_a_title_that_it_would_not_take_is_refused_in_its_words(studio, name):
    with pytest.raises(StudioRefused, match="title: Ensure this field has") as refusal:
        studio.create_project(title=name, config=CONFIG, instruction="")
    assert refusal.value.status == 400


def test_a_broken_screen_is_refused(studio):
    with pytest.raises(StudioRefused) as refusal:
        studio.create_project(title=title(), config="<View><Image", instruction="")
    assert refusal.value.status == 400


def test_a_deleted_project_is_none_and_takes_nothing(desk, studio, project):
    [number] = studio.import_tasks(project, [task()])
    desk.delete_project(project)
    assert studio.project(project) is None
    assert studio.task(number) is None
    for attempt in (
        lambda: studio.import_tasks(project, [task()]),
        lambda: studio.tasks_of(project, ["a"]),
        lambda: studio.task_ids(project),
        lambda: list(studio.changed_tasks(project, None)),
        lambda: studio.set_model_version(project, "det-2"),
    ):
        with pytest.raises(StudioRefused) as refusal:
            attempt()
        assert refusal.value.status == 404


def test_a_renamed_label_shows_in_the_config(desk, studio, project):
    studio.import_tasks(project, [task()])
    desk.rename_label(project, "scratch", "scrape")
    assert studio.project(project).config == CONFIG.replace("scratch", "scrape")


def test_the_version_of_a_model_is_shown_once_a_prediction_of_it_is_there(studio, project):
    [number] = studio.import_tasks(project, [task(version="det-1")])
    assert studio.project(project).model_version == "det-1"
    assert studio.set_model_version(project, "det-2") is False
    assert studio.project(project).model_version == "det-1"
    studio.replace_prediction(number, {"model_version": "det-2", "score": 0.1, "result": [NOT_OK]})
    assert studio.set_model_version(project, "det-2") is True
    assert studio.project(project).model_version == "det-2"


# --- the bell and the pictures ---


def test_the_bell_has_all_its_fields_after_each_saving(desk, studio, project):
    for secret, url in (("one", BELL), ("two", BELL), ("two", BELL + "?again")):
        studio.ensure_webhook(project, url=url, secret=secret)
        [hook] = desk.webhooks(project)
        assert (hook["url"], hook["headers"]) == (url, {SECRET_HEADER: secret})
        assert sorted(hook["actions"]) == sorted(ACTIONS)
        assert hook["send_payload"] and hook["is_active"] and not hook["send_for_all_actions"]


@pytest.mark.parametrize(
    ("url", "status"), [("http://169.254.169.254/x/", 403), ("http://web:8000/x/", 400)]
)
def test_a_bell_that_may_not_ring_is_refused(studio, project, url, status):
    with pytest.raises(StudioRefused) as refusal:
        studio.ensure_webhook(project, url=url, secret="s")
    assert refusal.value.status == status


def test_a_picture_opens_once_its_storage_is_there(desk, studio, project, tmp_path):
    folder = pictures_of(desk)
    [number] = studio.import_tasks(project, [task()])
    if isinstance(desk, FakeStudio):
        with pytest.raises(StudioRefused):
            studio.open_picture(number)
    for _ in range(2):
        studio.ensure_storage(project, LocalStorage(folder=str(folder)))
    assert studio.open_picture(number).startswith(b"\x89PNG")


def test_a_folder_that_it_may_not_show_is_refused(desk, studio, project):
    with pytest.raises(StudioRefused, match="LOCAL_FILES_DOCUMENT_ROOT"):
        studio.ensure_storage(project, LocalStorage(folder="/etc"))


def test_a_store_that_is_away_is_something_for_later(desk, studio, project):
    away = S3Storage(
        bucket="andon",
        prefix="pictures",
        endpoint="http://127.0.0.1:1",
        region="us-east-1",
        access_key="a",
        secret_key="b" * 16,
    )
    if isinstance(desk, StudioServer):  # in memory there is no store to be away
        with pytest.raises(StudioDown):
            studio.ensure_storage(project, away)
    assert "b" * 16 not in repr(away)


# --- tasks ---


def test_tasks_are_numbered_in_the_order_in_which_they_were_sent(studio, project):
    names = [f"i-{n}" for n in range(230)]
    numbers = studio.import_tasks(project, [task(name) for name in names])
    found = studio.tasks_of(project, [*reversed(names), "unknown"])
    assert found == dict(zip(names, numbers, strict=True))
    assert studio.task_ids(project) == set(numbers)
    assert studio.project(project).tasks == 230
    assert studio.tasks_of(project, []) == {}


def test_tasks_of_another_project_are_not_found(studio, project):
    studio.import_tasks(project, [task("mine")])
    other = studio.create_project(title=title(), config=CONFIG, instruction="")
    assert studio.tasks_of(other, ["mine"]) == {}
    assert studio.task_ids(other) == set()


def test_a_task_that_lacks_a_field_is_refused_and_none_of_them_kept(studio, project):
    lacking = task()
    del lacking["data"]["q1"]
    with pytest.raises(StudioRefused, match='"q1" key is expected in task data'):
        studio.import_tasks(project, [task(), lacking])
    assert studio.task_ids(project) == set()


def test_a_prediction_takes_the_place_of_the_former(desk, studio, project):
    [number] = studio.import_tasks(project, [task()])
    for version in ("det-2", "det-3"):
        studio.replace_prediction(
            number, {"model_version": version, "score": 0.2, "result": [NOT_OK]}
        )
    [there] = desk.predictions(number)
    assert (there["model_version"], there["score"]) == ("det-3", 0.2)
    assert there["result"][0]["value"] == {"choices": ["NOT_OK"]}


def test_what_changed_since_is_found_whatever_it_was(desk, studio, project):
    numbers = studio.import_tasks(project, [task() for _ in range(4)])
    assert [one.id for one in studio.changed_tasks(project, None)] == numbers
    since = max(one.updated_at for one in studio.changed_tasks(project, None))
    assert list(studio.changed_tasks(project, since)) == []

    submitted, skipped = numbers[1], numbers[2]
    first = desk.accept(submitted)
    desk.skip(skipped)
    changed = {one.id: one for one in studio.changed_tasks(project, since)}
    assert set(changed) == {submitted, skipped}
    assert (changed[submitted].is_labeled, changed[skipped].is_labeled) == (True, False)
    assert (changed[submitted].annotations, changed[submitted].cancelled) == (1, 0)
    assert (changed[skipped].annotations, changed[skipped].cancelled) == (0, 1)

    for act in (
        lambda: desk.change(first["id"], [NOT_OK]),
        lambda: desk.delete_annotation(first["id"]),
    ):
        since = max(one.updated_at for one in studio.changed_tasks(project, None))
        act()
        assert [one.id for one in studio.changed_tasks(project, since)] == [submitted]


def test_annotations_come_back_whole(desk, studio, project):
    [number] = studio.import_tasks(project, [task()])
    assert studio.annotations(number) == []
    made = desk.submit(number, [NOT_OK], seconds=7.5)
    [there] = studio.annotations(number)
    assert (there["id"], there["task"], there["lead_time"]) == (made["id"], number, 7.5)
    assert there["result"] == [NOT_OK]
    assert there["completed_by"] in studio.people()
    assert there["was_cancelled"] is False
    assert there["parent_prediction"] == desk.predictions(number)[0]["id"]
    assert datetime.fromisoformat(there["updated_at"]) >= datetime.fromisoformat(
        there["created_at"]
    )
    desk.change(made["id"], [OK])
    [changed] = studio.annotations(number)
    assert changed["id"] == made["id"] and changed["result"] == [OK]
    assert changed["updated_at"] > there["updated_at"]


def test_annotations_of_many_tasks_are_those_of_each(desk, studio, project):
    skipped, twice, bare, gone, another = studio.import_tasks(project, [task() for _ in range(5)])
    desk.skip(skipped)
    desk.submit(twice, [NOT_OK])
    desk.accept(twice)
    desk.accept(another)
    desk.delete_task(gone)
    found = studio.annotations_of(project, [twice, skipped, bare, gone])
    assert found.keys() == {skipped, twice, bare}
    for number, said in found.items():
        one_by_one = studio.annotations(number)
        assert _known(said) == _known(one_by_one)
    assert len(found[twice]) == 2


def _known(annotations: list[dict]) -> list[dict]:
    """All that the house reads of an annotation."""
    names = ("id", "task", "result", "was_cancelled", "completed_by", "lead_time")
    times = ("created_at", "updated_at")
    ordered = sorted(annotations, key=lambda one: one["id"])
    return [{name: one[name] for name in (*names, *times)} for one in ordered]


def test_what_was_skipped_is_among_the_annotations(desk, studio, project):
    [number] = studio.import_tasks(project, [task()])
    desk.skip(number)
    desk.accept(number)
    skipped, accepted = sorted(studio.annotations(number), key=lambda one: one["id"])
    assert (skipped["was_cancelled"], skipped["result"]) == (True, [])
    assert accepted["result"] == [{**OK, "origin": "prediction"}]
    state = studio.task(number)
    assert (state.annotations, state.cancelled, state.is_labeled) == (1, 1, True)


def test_a_task_deleted_there_is_none(desk, studio, project):
    gone, stays = studio.import_tasks(project, [task("gone"), task("stays")])
    desk.accept(gone)
    desk.delete_task(gone)
    assert studio.task(gone) is None
    assert studio.annotations(gone) == []
    assert studio.task_ids(project) == {stays}
    assert studio.tasks_of(project, ["gone", "stays"]) == {"stays": stays}


def test_only_what_is_named_is_deleted(studio, project):
    first, second, third = studio.import_tasks(project, [task() for _ in range(3)])
    studio.delete_tasks(project, [first, third])
    assert studio.task_ids(project) == {second}
    studio.delete_tasks(project, [first])
    studio.delete_tasks(project, [])
    assert studio.task_ids(project) == {second}


# --- down, and back ---


def test_while_it_is_down_every_call_says_so_and_afterwards_all_is_there(desk, studio, project):
    [number] = studio.import_tasks(project, [task("before")])
    made = desk.accept(number)
    desk.go_down()
    for attempt in (
        studio.version,
        studio.person,
        lambda: studio.project(project),
        lambda: studio.import_tasks(project, [task()]),
        lambda: studio.annotations(number),
        lambda: studio.annotations_of(project, [number]),
        lambda: list(studio.changed_tasks(project, None)),
    ):
        with pytest.raises(StudioDown, match="does not answer"):
            attempt()
    desk.come_back()
    assert studio.tasks_of(project, ["before"]) == {"before": number}
    assert [one["id"] for one in studio.annotations(number)] == [made["id"]]


def pictures_of(desk: Desk) -> Path:
    """The folder of pictures, with one in it."""
    if isinstance(desk, FakeStudio):
        return Path("/pictures")
    folder = desk.files / "pictures"
    Image.new("RGB", (64, 48), (90, 20, 20)).save(folder / "part.png")
    return folder
