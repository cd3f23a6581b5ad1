"""The one file that knows Celery: the doorbell of the post office, and nothing more.

A ring says "there is work for this handler". Losing one costs a second, never the work, which
stands in Postgres; so no result is kept, nothing is retried, and a ring that nobody answers
expires.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup, setup_logging, worker_process_init
from django.conf import settings
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qms.settings")

app = Celery("qms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["qms.events"])

DRAIN = "qms.events.tasks.drain"
_queues: set[str] = set()


def ring(handler: str, *, queue: str) -> None:
    """Ask a worker of this queue to look now. Raises kombu's OperationalError without a broker."""
    app.send_task(DRAIN, [handler], queue=queue, expires=60, retry=False)


@celeryd_after_setup.connect
def _note_queues(instance: Any, **_: Any) -> None:
    _queues.update(instance.app.amqp.queues.consume_from)


@worker_process_init.connect
def _warm_up(**_: Any) -> None:
    """Load what seeing needs in the child, before its first lease runs."""
    if "gpu" in _queues:
        import_string(settings.WORKER_WARM_UP)()


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """With a receiver here, Celery leaves settings.LOGGING alone."""
