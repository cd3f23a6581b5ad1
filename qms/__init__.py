"""The application: all that is remembered or decided."""

from qms.celery import app as celery_app

__all__ = ["celery_app"]
