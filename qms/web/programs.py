"""Which programs make up Andon on one machine. Elsewhere each of them is a container."""

import http.client
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from qms import embedded, env
from qms.labelstudio import Desk
from qms.supervisor import Program

# Threads of one matrix product sleep while they wait for each other. Spinning is quicker on an idle
# machine, and twenty times slower on one that also serves pages.
_POLITE = {"OMP_WAIT_POLICY": "PASSIVE"}

# Judging takes and gives back the same few megabytes all the time. Given back to the system each
# time, as the C library does unless told otherwise, a tenth of the work is asking for them again.
_KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "268435456", "MALLOC_MMAP_THRESHOLD_": "134217728"}

# A fit may take hours. It is not waited for when the house stops: the delivery comes again.
_FOR_HOURS = "--soft-time-limit 21600 --time-limit 21900"

# Label Studio may be slow; what was cut off is found there, or sent again.
_FOR_MINUTES = "--soft-time-limit 900 --time-limit 960"


def services(var: Path) -> list[Program]:
    """Only those that nobody else provides."""
    services = []
    if not env.secret("DATABASE_URL"):
        services.append(embedded.postgres(var))
    if not env.secret("BROKER_URL"):
        services.append(embedded.redis(var))
    return services


def label_studio(var: Path) -> Desk:
    """May show the pictures of inspections, and nothing else of ours."""
    return Desk(var, settings.MEDIA_ROOT, settings.LABELSTUDIO_PORT)


def everyday(var: Path) -> list[Program]:
    return [
        manage(var, "relay"),
        _worker(var, "default", concurrency=1),
        _worker(var, "studio", concurrency=1, more=_FOR_MINUTES, stop_seconds=3),
        _worker(var, "gpu", concurrency=settings.GPU_WORKERS, nice=10, env=_KEEPS_MEMORY),
        _worker(var, "fit", concurrency=1, nice=15, more=_FOR_HOURS, stop_seconds=3),
        _web(var),
    ]


def _web(var: Path) -> Program:
    words = f"uvicorn qms.asgi:application --host {settings.HOST} --port {settings.PORT}"
    more = "--timeout-graceful-shutdown 3 --lifespan off --no-access-log"
    return _python(var, "web", "-m", *words.split(), *more.split(), ready=_web_answers)


def _worker(var: Path, queue: str, *, concurrency: int, more: str = "", **options: Any) -> Program:
    """Gossip, mingle and heartbeat let workers know of each other: ours have no need to."""
    words = f"celery -A qms worker -Q {queue} -n {queue}@%h -c {concurrency} -l INFO"
    alone = "--prefetch-multiplier 1 --without-gossip --without-mingle --without-heartbeat"
    argv = ("-m", *words.split(), *alone.split(), *more.split())
    return _python(var, f"worker-{queue}", *argv, **{"stop_seconds": 20, **options})


def manage(var: Path, command: str) -> Program:
    return _python(var, command, "manage.py", command)


def _python(
    var: Path, name: str, *arguments: str, env: Mapping[str, str] | None = None, **more: Any
) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, *arguments),
        cwd=settings.BASE_DIR,
        env={"ANDON_VAR": str(var), "PYTHONUNBUFFERED": "1", **_POLITE, **(env or {})},
        **more,
    )


def _web_answers() -> bool:
    """Any answer will do: whether the house is well is for /readyz to say."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    line = http.client.HTTPConnection(host, settings.PORT, timeout=5)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
