"""The one file that speaks to Label Studio. It sends nothing twice: after a lost answer, look."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from labeling.studioline import Line, StudioDown, StudioRefused, StudioToken, json_of, rows_of
from labeling.studiostorage import LocalStorage, S3Storage, fields_of

__all__ = [
    "LocalStorage",
    "ProjectState",
    "S3Storage",
    "Studio",
    "StudioClient",
    "StudioDown",
    "StudioRefused",
    "StudioToken",
    "TaskState",
]

SECRET_HEADER = "X-Andon-Secret"  # what the doorbell shows # noqa: S105
INSPECTION = "inspection_id"  # the key in a task's data by which we find it again
ACTIONS = (
    "ANNOTATION_CREATED",
    "ANNOTATION_UPDATED",
    "ANNOTATIONS_CREATED",
    "ANNOTATIONS_DELETED",
    "PROJECT_UPDATED",
    "TASKS_DELETED",
)
PAGE = 100
_IMPORT_SECONDS = 300.0
_ONE_TASK = "/api/tasks/{}/?review=true"  # without sums over its masks, which take as long again
_PICTURES = (b"\x89PNG", b"\xff\xd8")
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"  # the one form that it reads
_UNKNOWN_VERSION = "Model version doesn't exist"


@dataclass(frozen=True, kw_only=True)
class ProjectState:
    id: int
    title: str
    config: str
    model_version: str
    tasks: int


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """``annotations`` and ``cancelled`` are counts; a skipped task has only cancelled ones."""

    id: int
    inspection_id: str
    updated_at: datetime
    is_labeled: bool
    annotations: int
    cancelled: int


class StudioClient(Protocol):
    """All that the house asks of Label Studio; met by Studio, and by FakeStudio in the tests.

    Every method raises StudioDown, StudioRefused or StudioToken.
    """

    url: str

    def close(self) -> None: ...
    def version(self) -> str: ...
    def token_kind(self) -> str: ...
    def clock(self) -> datetime: ...
    def person(self) -> str: ...
    def people(self) -> dict[int, str]: ...
    def find_project(self, title: str) -> int | None: ...
    def create_project(
        self, *, title: str, config: str, instruction: str, model_version: str = ""
    ) -> int: ...
    def project(self, project_id: int) -> ProjectState | None: ...
    def touch_project(self, project_id: int, note: str) -> None: ...
    def set_model_version(self, project_id: int, model_version: str) -> bool: ...
    def ensure_webhook(self, project_id: int, *, url: str, secret: str) -> None: ...
    def ensure_storage(self, project_id: int, storage: LocalStorage | S3Storage) -> None: ...
    def tasks_of(self, project_id: int, inspection_ids: Sequence[str]) -> dict[str, int]: ...
    def import_tasks(self, project_id: int, tasks: Sequence[dict[str, Any]]) -> list[int]: ...
    def replace_prediction(self, task_id: int, prediction: dict[str, Any]) -> None: ...
    def changed_tasks(self, project_id: int, since: datetime | None) -> Iterator[TaskState]: ...
    def task(self, task_id: int) -> TaskState | None: ...
    def task_ids(self, project_id: int) -> set[int]: ...
    def annotations(self, task_id: int) -> list[dict[str, Any]]: ...
    def annotations_of(
        self, project_id: int, task_ids: Sequence[int]
    ) -> dict[int, list[dict[str, Any]]]: ...
    def open_picture(self, task_id: int) -> bytes: ...
    def delete_tasks(self, project_id: int, task_ids: Sequence[int]) -> None: ...


class Studio:
    """A real Label Studio at ``url``; ``token`` is a personal access token or a legacy one."""

    def __init__(self, url: str, token: str, *, timeout: float = 30.0) -> None:
        self._line = Line(url, token, timeout)
        self.url = self._line.url

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    # --- the server, and who we are there ---

    def version(self) -> str:
        told = json_of(self._line.call("GET", "/api/version/"))
        return str(told.get("release") or told["label-studio-os-package"]["version"])

    def token_kind(self) -> str:
        """ "personal" (a JWT that is exchanged every five minutes) or "legacy"."""
        return "personal" if self._line.personal else "legacy"

    def clock(self) -> datetime:
        """What time it is there, to the second."""
        return parsedate_to_datetime(self._line.call("GET", "/api/version/").headers["date"])

    def person(self) -> str:
        """The e-mail address of whose token it is."""
        return str(json_of(self._line.call("GET", "/api/current-user/whoami"))["email"])

    def people(self) -> dict[int, str]:
        """User number to e-mail address."""
        told = json_of(self._line.call("GET", "/api/users/"))
        return {int(one["id"]): str(one["email"]) for one in rows_of(told)}

    # --- projects ---

    def find_project(self, title: str) -> int | None:
        """The oldest project of exactly this title."""
        for page in self._pages("/api/projects/", {"title": title}):
            if found := [one["id"] for one in page if one["title"] == title]:
                return int(min(found))
        return None

    def create_project(
        self, *, title: str, config: str, instruction: str, model_version: str = ""
    ) -> int:
        """A new one each time it is called: look for the title first."""
        wanted = {
            "title": title,
            "label_config": config,
            "expert_instruction": instruction,
            "show_instruction": bool(instruction),
            "show_collab_predictions": True,
            "maximum_annotations": 1,
            "sampling": "Uncertainty sampling",  # the lowest score first: that is how we say urgent
            "enable_empty_annotation": False,
            "model_version": model_version,
        }
        return int(json_of(self._line.call("POST", "/api/projects/", json=wanted))["id"])

    def project(self, project_id: int) -> ProjectState | None:
        """None if it was deleted there."""
        told = self._find(f"/api/projects/{project_id}/")
        return told and ProjectState(
            id=int(told["id"]),
            title=told["title"],
            config=told["label_config"],
            model_version=told["model_version"] or "",
            tasks=int(told["task_number"] or 0),
        )

    def touch_project(self, project_id: int, note: str) -> None:
        """Leave a note on it, so that Label Studio rings for PROJECT_UPDATED: a test of the bell."""
        self._line.call("PATCH", f"/api/projects/{project_id}/", json={"description": note})

    def set_model_version(self, project_id: int, model_version: str) -> bool:
        """Show the predictions of this version. False while none of them has been sent there."""
        try:
            self._line.call(
                "PATCH", f"/api/projects/{project_id}/", json={"model_version": model_version}
            )
        except StudioRefused as refusal:
            if _UNKNOWN_VERSION not in str(refusal):
                raise
            return False
        return True

    def ensure_webhook(self, project_id: int, *, url: str, secret: str) -> None:
        """One bell, with all its fields each time: what is left out would be wiped there."""
        wanted = {
            "url": url,
            "project": project_id,
            "headers": {SECRET_HEADER: secret},
            "send_payload": True,
            "send_for_all_actions": False,
            "actions": list(ACTIONS),
            "is_active": True,
        }
        told = rows_of(
            json_of(self._line.call("GET", "/api/webhooks/", params={"project": project_id}))
        )
        # Our bell of a former address would ring in vain for ever.
        ours = [one for one in told if one["url"] == url or SECRET_HEADER in one["headers"]]
        for one in ours[1:]:
            self._line.call("DELETE", f"/api/webhooks/{one['id']}/")
        if not ours:
            self._line.call("POST", "/api/webhooks/", json=wanted)
        elif any(_differs(ours[0].get(key), value) for key, value in wanted.items()):
            self._line.call("PATCH", f"/api/webhooks/{ours[0]['id']}/", json=wanted)

    def ensure_storage(self, project_id: int, storage: LocalStorage | S3Storage) -> None:
        """Nothing is synchronised: a storage is there so that its pictures may be opened."""
        kind, wanted, same = fields_of(storage)
        where = f"/api/storages/{kind}/"
        told = rows_of(json_of(self._line.call("GET", where, params={"project": project_id})))
        there = next((one for one in told if all(one[key] == wanted[key] for key in same)), None)
        wanted |= {"project": project_id, "title": "Andon"}
        if there is None:
            self._line.call("POST", where, json=wanted)
        elif kind == "s3" or any(_differs(there.get(key), value) for key, value in wanted.items()):
            # It never tells the keys, so they may be others by now.
            self._line.call("PATCH", f"{where}{there['id']}", json=wanted)

    # --- tasks ---

    def tasks_of(self, project_id: int, inspection_ids: Sequence[str]) -> dict[str, int]:
        """Which of these are there: inspection id to task number, the oldest if there are more."""
        found: dict[str, int] = {}
        for start in range(0, len(inspection_ids), PAGE):
            some = list(inspection_ids[start : start + PAGE])
            wanted = _filter(f"data.{INSPECTION}", "in_list", "List", some)
            for task in self._tasks(project_id, [wanted]):
                found.setdefault(task.inspection_id, task.id)
        return found

    def import_tasks(self, project_id: int, tasks: Sequence[dict[str, Any]]) -> list[int]:
        """Their numbers, in the same order. After StudioDown they may be there: look first."""
        told = json_of(
            self._line.call(
                "POST",
                f"/api/projects/{project_id}/import",
                params={"return_task_ids": "true"},
                json=list(tasks),
                timeout=_IMPORT_SECONDS,
            )
        )
        return [int(number) for number in told["task_ids"]]

    def replace_prediction(self, task_id: int, prediction: dict[str, Any]) -> None:
        """The new one first: at no time is there none."""
        there = rows_of(
            json_of(self._line.call("GET", "/api/predictions/", params={"task": task_id}))
        )
        self._line.call("POST", "/api/predictions/", json={**prediction, "task": task_id})
        for one in there:
            self._line.call("DELETE", f"/api/predictions/{one['id']}/")

    def changed_tasks(self, project_id: int, since: datetime | None) -> Iterator[TaskState]:
        """By number; those changed after ``since`` (by the clock there), or all of them."""
        moment = since and since.astimezone(UTC).strftime(_MOMENT)
        changed = [_filter("updated_at", "greater", "Datetime", moment)] if moment else []
        yield from self._tasks(project_id, changed)

    def task(self, task_id: int) -> TaskState | None:
        """None if it was deleted there."""
        told = self._find(_ONE_TASK.format(task_id))
        return told and _task(told)

    def task_ids(self, project_id: int) -> set[int]:
        return {task.id for task in self._tasks(project_id, [])}

    def annotations(self, task_id: int) -> list[dict[str, Any]]:
        """Raw and whole, skipped ones too (which Label Studio's own list of them leaves out).

        ``completed_by`` is the number of the user. None of a task that was deleted.
        """
        return _said(self._find(_ONE_TASK.format(task_id)) or {"annotations": []})

    def annotations_of(
        self, project_id: int, task_ids: Sequence[int]
    ) -> dict[int, list[dict[str, Any]]]:
        """The same of up to PAGE tasks in one answer; of what was deleted there is no entry.

        It takes Label Studio a sixth of the time. The masks of all of them are in memory at once.
        """
        some = _filter("id", "in_list", "List", list(task_ids))
        found = self._page(project_id, [some], fields="all")
        return {int(task["id"]): _said(task) for task in found}

    def open_picture(self, task_id: int) -> bytes:
        """The picture of a task, as an annotator's browser gets it from Label Studio."""
        data = json_of(self._line.call("GET", f"/api/tasks/{task_id}/"))["data"]
        answer = self._line.call("GET", str(data["image"]))
        if not answer.content.startswith(_PICTURES):  # the type would be guessed from its name
            raise StudioRefused(f"{data['image']} is no picture there.", answer.status_code)
        return answer.content

    def delete_tasks(self, project_id: int, task_ids: Sequence[int]) -> None:
        """Those that are there; with nothing named, nothing goes."""
        if task_ids:
            self._line.call(
                "POST",
                "/api/dm/actions/",
                params={"project": project_id, "id": "delete_tasks"},
                json={"selectedItems": {"all": False, "included": list(task_ids)}},
            )

    # --- the line ---

    def _tasks(self, project_id: int, filters: Sequence[dict[str, Any]]) -> Iterator[TaskState]:
        """Each page begins after the last number seen: none is missed while others come and go."""
        last = 0
        while True:
            after = _filter("id", "greater", "Number", last)
            page = self._page(project_id, [*filters, after])
            yield from (_task(one) for one in page)
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    def _page(
        self, project_id: int, filters: Sequence[dict[str, Any]], **more: str
    ) -> list[dict[str, Any]]:
        """By number. Without "review" it sums up masks as well, which nobody asked for."""
        query = {"filters": {"conjunction": "and", "items": filters}, "ordering": ["tasks:id"]}
        params = {"project": project_id, "page_size": PAGE, "query": json.dumps(query)}
        plain = {"review": "true", "resolve_uri": "false", **more}
        told = self._line.call("GET", "/api/tasks/", params={**params, **plain})
        return list(json_of(told)["tasks"])

    def _pages(self, path: str, params: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        number = 1
        while True:
            told = self._line.call(
                "GET", path, params={**params, "page": number, "page_size": PAGE}
            )
            yield rows_of(page := json_of(told))
            if not page.get("next"):
                return
            number += 1

    def _find(self, path: str) -> Any:
        """None: it is not there."""
        try:
            return json_of(self._line.call("GET", path))
        except StudioRefused as refusal:
            if refusal.status == 404:
                return None
            raise


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    """A line of the data manager's filter."""
    name = f"filter:tasks:{column}"
    return {"filter": name, "operator": operator, "type": kind, "value": value}


def _task(told: Mapping[str, Any]) -> TaskState:
    return TaskState(
        id=int(told["id"]),
        inspection_id=str(told["data"].get(INSPECTION, "")),
        updated_at=datetime.fromisoformat(told["updated_at"]),
        is_labeled=bool(told["is_labeled"]),
        annotations=int(told["total_annotations"] or 0),
        cancelled=int(told["cancelled_annotations"] or 0),
    )


def _said(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**one, "completed_by": _person(one)} for one in task["annotations"]]


def _person(annotation: Mapping[str, Any]) -> int | None:
    """Label Studio gives a number in some places and the whole person in others."""
    who = annotation["completed_by"]
    number = who["id"] if isinstance(who, Mapping) else who
    return None if number is None else int(number)


def _differs(there: Any, wanted: Any) -> bool:
    """Lists as sets: Label Studio keeps no order of actions."""
    if isinstance(wanted, list):
        return sorted(there or []) != sorted(wanted)
    return bool(there != wanted)
