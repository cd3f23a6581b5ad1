"""`manage.py labelstudio` as a stranger uses it."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from labeling.studio import StudioToken
from qms import labelstudio
from tests.running.processes import mentioning
from tests.running.test_up import House, environment, free_port
from tests.running.test_up import refused as house_refused
from tests.studio import StudioServer, empty_one, install


def refused(var: Path, port: int, **more: str) -> str:
    """What it says when it will not start: one sentence, and nothing else."""
    ours = {"ANDON_VAR": str(var), "LABELSTUDIO_PORT": str(port), **more}
    done = subprocess.run(
        [sys.executable, "manage.py", "labelstudio"],
        env={**os.environ, **ours},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_says_where_it_is_and_how_to_sign_in(studio_server: StudioServer):
    said = studio_server.said()
    assert studio_server.url in said and studio_server.desk.password in said
    sign_in = {"email": labelstudio.PERSON, "password": studio_server.desk.password}
    with httpx.Client(base_url=studio_server.url, timeout=30) as browser:
        browser.get("/user/login/")
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post("/user/login/", data={**sign_in, **token})
        assert answer.is_redirect
        assert browser.get("/api/current-user/whoami").json()["email"] == labelstudio.PERSON


def test_nobody_signs_up_and_nobody_looks_from_outside(studio_server: StudioServer):
    with httpx.Client(base_url=studio_server.url, timeout=30) as browser:
        browser.get("/user/login/")
        form = {"email": "x@example.com", "password": "a-long-password-1"}
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/user/signup/", data={**form, **token}).status_code == 403
        assert browser.get("/data/local-files/?d=pictures/part.png").status_code == 401
    [process] = mentioning(
        f"label_studio.server start --no-browser --internal-host 127.0.0.1 --port {studio_server.desk.port}"
    )
    heard = {one.laddr.ip for one in process.net_connections("inet") if one.status == "LISTEN"}
    assert heard == {"127.0.0.1"}


def test_a_house_started_afterwards_finds_it_by_what_it_left(studio_server: StudioServer):
    assert labelstudio.known_url(studio_server.var) == studio_server.url
    assert labelstudio.known_token(studio_server.var) == studio_server.token
    kept = studio_server.desk.folder
    for name in ("token", "sign-in", "secret-key"):
        assert (kept / name).stat().st_mode & 0o077 == 0
    assert kept.stat().st_mode & 0o077 == 0


def test_a_second_one_on_the_same_data_is_refused(studio_server: StudioServer):
    assert "Label Studio runs already" in refused(studio_server.var, 1)


def test_a_busy_port_is_refused_instead_of_taking_the_next(tmp_path: Path):
    with closing(socket.create_server(("127.0.0.1", 0))) as busy:
        said = refused(tmp_path, busy.getsockname()[1])
    assert "is in use by another program" in said and "LABELSTUDIO_PORT=" in said


def test_without_an_installation_it_says_how_to_get_one(tmp_path: Path):
    said = refused(tmp_path, 1, LABELSTUDIO_VENV=str(tmp_path / "none"))
    assert "make labelstudio-install" in said


@pytest.mark.house
def test_make_run_starts_both_and_they_know_each_other(tmp_path: Path):
    install()
    var, port = tmp_path / "var", free_port()
    if (empty := empty_one(settings.VAR / "labelstudio-for-tests")).exists():
        shutil.copytree(empty, var / "labelstudio")  # else it makes its tables first
    ours = {"LABELSTUDIO": "1", "LABELSTUDIO_PORT": str(port)}
    house = House(var, **ours)
    try:
        assert f"http://127.0.0.1:{port}/" in house.wait_until_it_greets()
        done = subprocess.run(
            [sys.executable, "manage.py", "labelstudio_check"],
            env=environment(var, house.port),
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "ok     Token: A legacy token of" in done.stdout
    finally:
        assert house.ctrl_c() == 0
    assert mentioning(str(var)) == []


def test_two_label_studios_at_once_are_refused(tmp_path: Path):
    said = house_refused(
        tmp_path / "var", free_port(), LABELSTUDIO="1", STUDIO_URL="http://studio.example.com"
    )
    assert "leave one of them out" in said


def test_ctrl_c_leaves_nothing_and_a_lost_token_is_mended_at_the_next_start(
    studio_server: StudioServer,
):
    former = studio_server.token
    studio_server.go_down()
    assert mentioning(str(studio_server.var)) == []
    (studio_server.desk.folder / "token").unlink()
    studio_server.come_back()
    assert studio_server.token != former
    assert studio_server.client().person() == labelstudio.PERSON
    with pytest.raises(StudioToken):
        studio_server.with_token(former).person()
