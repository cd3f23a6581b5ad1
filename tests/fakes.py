"""A Label Studio in memory, held against the real one by tests/verification/test_studio.py."""

import copy
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from labeling.studio import (
    ACTIONS,
    INSPECTION,
    SECRET_HEADER,
    LocalStorage,
    ProjectState,
    S3Storage,
    StudioDown,
    StudioRefused,
    StudioToken,
    TaskState,
)
from tests.fakedesk import TOKEN, Desk, There

PICTURE = bytes.fromhex("89504e470d0a1a0a")
OUTSIDE = "/etc"  # of its document root
_FORBIDDEN = re.compile(r"//169\.254\.")
_ADDRESS = re.compile(r"https?://([\w-]+\.)+[\w-]+(:\d+)?/|https?://localhost(:\d+)?/")
_VARIABLE = re.compile(r'"\$(\w+)')


class FakeStudio(Desk):
    """Meets StudioClient; what people and accidents do to it stands in Desk."""

    def __init__(self, url: str = "http://studio.example.com", token: str = TOKEN) -> None:
        self.url, self.token, self.there = url, token, There()

    def with_token(self, token: str) -> "FakeStudio":
        """The same Label Studio, asked with another token."""
        other = copy.copy(self)
        other.token = token
        return other

    def close(self) -> None:
        """It holds no line open."""

    # --- as StudioClient ---

    def version(self) -> str:
        self._asked("version")
        return "1.23.2"

    def token_kind(self) -> str:
        return "personal" if self.token.startswith("eyJ") else "legacy"

    def clock(self) -> datetime:
        self._asked("clock")
        return self.there.now().replace(microsecond=0)

    def person(self) -> str:
        self._asked("person")
        return self.there.people[1]

    def people(self) -> dict[int, str]:
        self._asked("people")
        return dict(self.there.people)

    def find_project(self, title: str) -> int | None:
        self._asked("find_project")
        return min((n for n, p in self.there.projects.items() if p["title"] == title), default=None)

    def create_project(
        self, *, title: str, config: str, instruction: str, model_version: str = ""
    ) -> int:
        self._asked("create_project")
        if not 3 <= len(title) <= 50:
            word = "at least 3" if len(title) < 3 else "no more than 50"
            raise StudioRefused(f"title: Ensure this field has {word} characters.", 400)
        _check(config)
        number = next(self.there.numbers)
        self.there.projects[number] = {
            "title": title,
            "label_config": config,
            "expert_instruction": instruction,
            "model_version": model_version,
        }
        self._lost("create_project")
        return number

    def project(self, project_id: int) -> ProjectState | None:
        self._asked("project")
        if (there := self.there.projects.get(project_id)) is None:
            return None
        return ProjectState(
            id=project_id,
            title=there["title"],
            config=there["label_config"],
            model_version=there["model_version"],
            tasks=len(self._tasks(project_id)),
        )

    def touch_project(self, project_id: int, note: str) -> None:
        self._asked("touch_project")
        self._project(project_id)["description"] = note
        self._ring(project_id, "PROJECT_UPDATED", {})

    def set_model_version(self, project_id: int, model_version: str) -> bool:
        self._asked("set_model_version")
        project = self._project(project_id)
        known = {project["model_version"], ""} | {
            one["model_version"]
            for task in self._tasks(project_id)
            for one in self.predictions(task)
        }
        if model_version in known:
            project["model_version"] = model_version
        return model_version in known

    def ensure_webhook(self, project_id: int, *, url: str, secret: str) -> None:
        self._asked("ensure_webhook")
        self._project(project_id)
        if _FORBIDDEN.search(url):
            raise StudioRefused("URL resolves to a reserved network address", 403)
        if not _ADDRESS.match(url):
            raise StudioRefused("url: Enter a valid URL.", 400)
        self.there.webhooks[project_id] = {
            "url": url,
            "headers": {SECRET_HEADER: secret},
            "send_payload": True,
            "send_for_all_actions": False,
            "actions": sorted(ACTIONS),
            "is_active": True,
        }

    def ensure_storage(self, project_id: int, storage: LocalStorage | S3Storage) -> None:
        self._asked("ensure_storage")
        self._project(project_id)
        if isinstance(storage, LocalStorage) and storage.folder.startswith(OUTSIDE):
            raise StudioRefused("must be a subdirectory of LOCAL_FILES_DOCUMENT_ROOT", 400)
        if storage not in (kept := self.there.storages.setdefault(project_id, [])):
            kept.append(storage)

    def tasks_of(self, project_id: int, inspection_ids: Sequence[str]) -> dict[str, int]:
        self._asked("tasks_of")
        self._project(project_id)
        found: dict[str, int] = {}
        for number in self._tasks(project_id):
            known = self.there.tasks[number]["data"].get(INSPECTION)
            if known in inspection_ids:
                found.setdefault(known, number)
        return found

    def import_tasks(self, project_id: int, tasks: Sequence[dict[str, Any]]) -> list[int]:
        """All or none, as there."""
        self._asked("import_tasks")
        project = self._project(project_id)
        for task in tasks:
            _check_data(project["label_config"], task["data"])
        numbers = [self._import(project_id, task) for task in tasks]
        self._lost("import_tasks")
        return numbers

    def replace_prediction(self, task_id: int, prediction: dict[str, Any]) -> None:
        self._asked("replace_prediction")
        if task_id not in self.there.tasks:
            raise StudioRefused(f'task: Invalid pk "{task_id}" - object does not exist.', 400)
        for one in self.predictions(task_id):
            del self.there.predictions[one["id"]]
        self._predict(task_id, prediction)
        self._touch(task_id)
        self._lost("replace_prediction")

    def changed_tasks(self, project_id: int, since: datetime | None) -> Iterator[TaskState]:
        self._asked("changed_tasks")
        self._project(project_id)
        for number in self._tasks(project_id):
            if since is None or self.there.tasks[number]["updated_at"] > since:
                yield self._state(number)

    def task(self, task_id: int) -> TaskState | None:
        self._asked("task")
        return self._state(task_id) if task_id in self.there.tasks else None

    def task_ids(self, project_id: int) -> set[int]:
        self._asked("task_ids")
        self._project(project_id)
        return set(self._tasks(project_id))

    def annotations(self, task_id: int) -> list[dict[str, Any]]:
        self._asked("annotations")
        return copy.deepcopy(self._annotations(task_id))

    def annotations_of(
        self, project_id: int, task_ids: Sequence[int]
    ) -> dict[int, list[dict[str, Any]]]:
        self._asked("annotations_of")
        self._project(project_id)
        there = [number for number in self._tasks(project_id) if number in task_ids]
        return {number: copy.deepcopy(self._annotations(number)) for number in there}

    def open_picture(self, task_id: int) -> bytes:
        self._asked("open_picture")
        if task_id not in self.there.tasks:
            raise StudioRefused("No Task matches the given query.", 404)
        if not self.there.storages.get(self.there.tasks[task_id]["project"]):
            raise StudioRefused("it answered 404 to /data/local-files/.", 404)
        return PICTURE

    def delete_tasks(self, project_id: int, task_ids: Sequence[int]) -> None:
        self._asked("delete_tasks")
        self._project(project_id)
        for number in set(task_ids) & set(self._tasks(project_id)):
            self.delete_task(number)

    # --- inside ---

    def _asked(self, call: str) -> None:
        self.there.calls[call] += 1
        if self.there.down:
            raise StudioDown(f"Label Studio at {self.url} does not answer: it is down.")
        if not self.token:
            raise StudioToken("There is no token for Label Studio.", 401)
        if self.token not in self.there.tokens or self.token in self.there.revoked:
            raise StudioToken(self.there.tokens.get(self.token, "Invalid token."), 401)

    def _lost(self, call: str) -> None:
        if self.there.lost[call]:
            self.there.lost[call] -= 1
            raise StudioDown(f"Label Studio at {self.url} does not answer: it timed out.")

    def _project(self, project_id: int) -> dict[str, Any]:
        if project_id not in self.there.projects:
            raise StudioRefused("No Project matches the given query.", 404)
        return self.there.projects[project_id]


def _check(config: str) -> None:
    try:
        ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise StudioRefused(f"label_config: {error}", 400) from None


def _check_data(config: str, data: dict[str, Any]) -> None:
    for name in _VARIABLE.findall(config):
        if name not in data:
            raise StudioRefused(f'"{name}" key is expected in task data', 400)
