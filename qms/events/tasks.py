"""The one Celery task of the house: somebody rang, so look what is due."""

from qms.celery import DRAIN, app
from qms.events import courier


@app.task(name=DRAIN)
def drain(handler: str) -> None:
    courier.drain(handler)
