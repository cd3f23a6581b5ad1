"""Where the pictures lie in S3, Label Studio carries them to the annotator's browser."""

import io

import pytest
from PIL import Image

from qms.labels import desk
from qms.labels.models import LabelTask
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_picture_in_s3_is_shown_by_label_studio(settings, real_desk, s3_store, deliver_all):
    settings.STORAGES = {**settings.STORAGES, "default": s3_store}
    settings.STUDIO_FILES = "s3"
    inspection = factories.submission(factories.product("in-s3"), factories.UNCLEAR)
    deliver_all()
    task = LabelTask.objects.get(inspection=inspection)
    assert (task.status, task.error) == ("OPEN", "")
    with desk.line() as studio:
        shown = studio.open_picture(task.studio_id)
    with Image.open(io.BytesIO(shown)) as picture:
        assert picture.size == (task.verdict.width, task.verdict.height)
