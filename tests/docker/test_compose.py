import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings

from qms.flow import FLOW
from qms.labelstudio import Desk
from qms.web import programs

DOCKER = settings.BASE_DIR / "docker"
OURS = ("web", "relay", "worker-default", "worker-studio", "worker-gpu", "worker-fit", "migrate")
OTHERS = ("postgres", "redis", "s3", "label-studio")
READ = re.compile(r'env\.(text|number|flag|words|secret)\(\s*"(\w+)"')


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load((DOCKER / "compose.yml").read_text())["services"]


@pytest.fixture(scope="module")
def web_stage() -> str:
    stages = re.split(r"^FROM ", (DOCKER / "Dockerfile").read_text(), flags=re.M)
    return next(stage for stage in stages if stage.splitlines()[0].endswith(" AS web"))


def variables_that_are_read() -> set[str]:
    names = set()
    for file in Path(settings.BASE_DIR / "qms").rglob("*.py"):
        for kind, name in READ.findall(file.read_text()):
            names |= {name, f"{name}_FILE"} if kind == "secret" else {name}
    return names


def test_all_services_are_there(services):
    assert set(OURS + OTHERS) <= set(services)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_one_that_we_read(services, name):
    assert set(services[name]["environment"]) - variables_that_are_read() == set()


@pytest.mark.parametrize("name", [one for one in OURS if one != "migrate"])
def test_nothing_of_ours_starts_before_the_tables_are_there(services, name):
    condition = services[name]["depends_on"]["migrate"]["condition"]
    assert condition == "service_completed_successfully"


def test_only_who_judges_or_fits_reserves_a_gpu_and_brings_torch(services):
    eyes = ["worker-gpu", "worker-fit"]
    assert [name for name in services if "deploy" in services[name]] == eyes
    targets = {name: services[name]["build"]["target"] for name in OURS}
    assert [name for name in OURS if targets[name] == "worker"] == eyes


def test_every_queue_of_the_flow_has_a_worker_here_and_on_one_machine(services, tmp_path):
    wanted = {step.queue for steps in FLOW.values() for step in steps}
    words = [str(service.get("command", "")) for service in services.values()]
    image = (DOCKER / "Dockerfile").read_text()
    served = {q for q in wanted if any(f"-Q {q} " in text for text in [*words, image])}
    assert served == wanted
    names = {program.name for program in programs.everyday(tmp_path)}
    assert {f"worker-{queue}" for queue in wanted} <= names


def test_the_web_image_installs_no_torch(web_stage):
    """It installs what stands above the marker line, so torch must stand below it."""
    assert "sed '/^# --- worker/,$d' requirements.txt" in web_stage
    web, marker, worker = (
        (settings.BASE_DIR / "requirements.txt").read_text().partition("\n# --- worker")
    )
    assert marker
    assert not re.search(r"^(torch|timm|open_clip|transformers)", web, re.M)
    assert re.search(r"^torch==", worker, re.M)


def test_the_labelling_desk_takes_the_token_that_we_show_it_and_rings_at_our_door(services):
    desk, web = services["label-studio"]["environment"], services["web"]
    assert desk["LABEL_STUDIO_USER_TOKEN"] == web["environment"]["STUDIO_TOKEN"]
    bell = urlsplit(web["environment"]["STUDIO_BELL_URL"])
    assert bell.hostname in web["networks"]["default"]["aliases"]
    assert "." in bell.hostname, "or Label Studio takes it for no address"
    assert bell.hostname in web["environment"]["ALLOWED_HOSTS"].split(",")


def test_the_labelling_desk_is_closed_and_quiet_here_as_on_one_machine(services, tmp_path):
    here = services["label-studio"]["environment"]
    there = Desk(tmp_path, tmp_path).environment()
    own = ("BASE_DATA_DIR", "HOST", "USERNAME", "PASSWORD", "USER_TOKEN", "LOCAL_FILES")
    same = {
        name: value
        for name, value in there.items()
        if name.startswith("LABEL_STUDIO_")
        and not name.removeprefix("LABEL_STUDIO_").startswith((*own, "ALLOWED", "CSRF"))
    }
    assert {name: here.get(name) for name in same} == same


def test_no_image_runs_as_root():
    stages = re.split(r"^FROM ", (DOCKER / "Dockerfile").read_text(), flags=re.M)[2:]
    assert [stage.splitlines()[0] for stage in stages if "\nUSER andon" not in stage] == []
    assert [stage.splitlines()[0] for stage in stages if "\nHEALTHCHECK" not in stage] == []


def test_all_that_the_manual_names_is_read():
    table = (DOCKER / "README.md").read_text().partition("## Variables")[2]
    names = set(re.findall(r"`((?!LABEL_STUDIO_)[A-Z][A-Z0-9_]+)`", table)) - {"NAME_FILE"}
    assert names - variables_that_are_read() == set()
