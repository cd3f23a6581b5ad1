"""What is kept in a Label Studio in memory, what people do there, and what happens to it."""

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from labeling.studio import INSPECTION, LocalStorage, S3Storage, TaskState

TOKEN = "0" * 40


@dataclass(frozen=True)
class Rung:
    """What Label Studio would have posted to the webhook."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class There:
    """What is kept in Label Studio, whoever asks."""

    down: bool = False
    lost: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: "Invalid token."})
    revoked: set[str] = field(default_factory=set)
    people: dict[int, str] = field(default_factory=lambda: {1: "andon@example.com"})
    projects: dict[int, dict[str, Any]] = field(default_factory=dict)
    webhooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    storages: dict[int, list[LocalStorage | S3Storage]] = field(default_factory=dict)
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[int, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, dict[str, Any]] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    calls: Counter[str] = field(default_factory=Counter)
    rung: list[Rung] = field(default_factory=list)
    bell: "Callable[[Rung], object] | None" = None  # who hears it at once
    behind: timedelta = timedelta()
    last: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Its own clock, which never says the same time twice."""
        self.last = max(datetime.now(UTC) - self.behind, self.last + timedelta(microseconds=1))
        return self.last


class Desk:
    """The half of FakeStudio that the house never calls."""

    there: There

    # --- what people do there ---

    def submit(
        self,
        task_id: int,
        result: Sequence[dict[str, Any]],
        *,
        person: int = 1,
        seconds: float = 12.5,
        skipped: bool = False,
    ) -> dict[str, Any]:
        """Another annotation of this task, as the editor would leave it."""
        number, now = next(self.there.numbers), self._touch(task_id)
        predictions = self.predictions(task_id)
        self.there.annotations[number] = {
            "id": number,
            "task": task_id,
            "project": self.there.tasks[task_id]["project"],
            "completed_by": person,
            "updated_by": person,
            "result": copy.deepcopy(list(result)),
            "result_count": len(result),
            "was_cancelled": skipped,
            "ground_truth": False,
            "created_at": _said(now),
            "updated_at": _said(now),
            "draft_created_at": None,
            "lead_time": seconds,
            "unique_id": str(uuid4()),
            "import_id": None,
            "last_action": None,
            "parent_prediction": predictions[-1]["id"] if predictions else None,
            "parent_annotation": None,
        }
        return self._announce("ANNOTATION_CREATED", number)

    def skip(self, task_id: int, *, person: int = 1) -> dict[str, Any]:
        return self.submit(task_id, [], person=person, skipped=True)

    def accept(self, task_id: int, *, person: int = 1) -> dict[str, Any]:
        """Submit what the model proposed, as it is."""
        said = self.predictions(task_id)[-1]["result"]
        return self.submit(
            task_id, [{**one, "origin": "prediction"} for one in said], person=person
        )

    def change(self, annotation_id: int, result: Sequence[dict[str, Any]]) -> dict[str, Any]:
        one = self.there.annotations[annotation_id]
        now = self._touch(one["task"])
        said = copy.deepcopy(list(result))
        one |= {"result": said, "result_count": len(said), "updated_at": _said(now)}
        return self._announce("ANNOTATION_UPDATED", annotation_id)

    def delete_annotation(self, annotation_id: int) -> None:
        one = self.there.annotations.pop(annotation_id)
        self._touch(one["task"])
        self._ring(one["project"], "ANNOTATIONS_DELETED", {"annotations": [{"id": annotation_id}]})

    def delete_task(self, task_id: int) -> None:
        project_id = self.there.tasks.pop(task_id)["project"]
        for rows in (self.there.annotations, self.there.predictions):
            for number in [n for n, one in rows.items() if one["task"] == task_id]:
                del rows[number]
        self._ring(project_id, "TASKS_DELETED", {"tasks": [{"id": task_id}]})

    def delete_project(self, project_id: int) -> None:
        for number in self._tasks(project_id):
            self.delete_task(number)
        del self.there.projects[project_id]
        self.there.webhooks.pop(project_id, None)

    def rename_label(self, project_id: int, old: str, new: str) -> None:
        """Label Studio lets anybody do so, with annotations there or not."""
        project = self.there.projects[project_id]
        project["label_config"] = project["label_config"].replace(f'"{old}"', f'"{new}"')
        self._ring(project_id, "PROJECT_UPDATED", {})

    # --- what happens to it ---

    def go_down(self) -> None:
        self.there.down = True

    def come_back(self) -> None:
        self.there.down = False

    def lose_answers(self, call: str, times: int = 1) -> None:
        """The call of this name is carried out, but nobody hears of it."""
        self.there.lost[call] += times

    def personal_token(self) -> str:
        token = f"eyJ{uuid4().hex}.e30.{uuid4().hex}"
        self.there.tokens[token] = "Token is blacklisted"
        return token

    def expired_token(self) -> str:
        token = f"eyJ{uuid4().hex}.e30.{uuid4().hex}"
        self.there.tokens[token] = "Token is expired"
        self.revoke(token)
        return token

    def revoke(self, token: str = TOKEN) -> None:
        self.there.revoked.add(token)

    def predictions(self, task_id: int) -> list[dict[str, Any]]:
        return [one for one in self.there.predictions.values() if one["task"] == task_id]

    def webhooks(self, project_id: int) -> list[dict[str, Any]]:
        return [self.there.webhooks[project_id]] if project_id in self.there.webhooks else []

    # --- inside ---

    def _announce(self, action: str, annotation_id: int) -> dict[str, Any]:
        one = self.there.annotations[annotation_id]
        task = self.there.tasks[one["task"]]
        body = {"annotation": one, "task": {"id": one["task"], "data": task["data"]}}
        self._ring(one["project"], action, body)
        return copy.deepcopy(one)

    def _ring(self, project_id: int, action: str, body: dict[str, Any]) -> None:
        for hook in self.webhooks(project_id):
            project = {"id": project_id, **self.there.projects[project_id]}
            whole = {"action": action, "project": project, **copy.deepcopy(body)}
            rung = Rung(hook["url"], dict(hook["headers"]), whole)
            self.there.rung.append(rung)
            if self.there.bell:
                self.there.bell(rung)

    def _touch(self, task_id: int) -> datetime:
        now = self.there.now()
        self.there.tasks[task_id]["updated_at"] = now
        return now

    def _tasks(self, project_id: int) -> list[int]:
        return [n for n, one in self.there.tasks.items() if one["project"] == project_id]

    def _annotations(self, task_id: int) -> list[dict[str, Any]]:
        return [one for one in self.there.annotations.values() if one["task"] == task_id]

    def _state(self, task_id: int) -> TaskState:
        task, said = self.there.tasks[task_id], self._annotations(task_id)
        cancelled = sum(one["was_cancelled"] for one in said)
        return TaskState(
            id=task_id,
            inspection_id=task["data"].get(INSPECTION, ""),
            updated_at=task["updated_at"],
            is_labeled=len(said) > cancelled,
            annotations=len(said) - cancelled,
            cancelled=cancelled,
        )

    def _import(self, project_id: int, task: dict[str, Any]) -> int:
        number = next(self.there.numbers)
        self.there.tasks[number] = {
            "project": project_id,
            "data": copy.deepcopy(task["data"]),
            "updated_at": self.there.now(),
        }
        for one in task.get("predictions", []):
            self._predict(number, one)
            project = self.there.projects[project_id]
            project["model_version"] = project["model_version"] or one.get("model_version", "")
        return number

    def _predict(self, task_id: int, prediction: dict[str, Any]) -> None:
        number = next(self.there.numbers)
        given = {"model_version": "", "score": None, **copy.deepcopy(prediction)}
        self.there.predictions[number] = {**given, "id": number, "task": task_id}


def _said(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
