"""Golden pictures come in: from a file, or from a part that was found good."""

import hashlib
from datetime import datetime
from uuid import uuid4

from qms import storage
from qms.accounts.models import User
from qms.inspections import judge, pictures
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Evaluation, Inspection
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import GoldenPicture, Product


def add(product: Product, data: bytes, *, view: str, by: User, now: datetime) -> GoldenPicture:
    """Keep the upright picture, free of metadata, as the golden one of this view.

    The one that is golden already stays as it is. BadPicture says what is wrong with the file.
    """
    judge.check(data)
    picture = judge.decode(data)
    upright, content_type = judge.encode_upright(picture, data)
    sha256 = hashlib.sha256(upright).hexdigest()
    present = GoldenPicture.objects.filter(product=product, view=view, retired_at=None)
    if known := present.filter(sha256=sha256).first():
        return known
    suffix = "jpg" if content_type == "image/jpeg" else "png"
    key = f"golden/{product.pk}/{uuid4()}.{suffix}"
    storage.keep(key, upright)
    return plant.add_golden_picture(
        product,
        key=key,
        sha256=sha256,
        size=(picture.width, picture.height),
        view=view,
        by=by,
        now=now,
    )


def add_inspected(inspection: Inspection, *, by: User, now: datetime) -> GoldenPicture:
    """The picture of this part becomes the golden one of its product."""
    if is_hidden(inspection, by):
        raise Refused("A blind check of this part is under way: decide it first.")
    if inspection.evaluation != Evaluation.OK:
        raise Refused("Only a part that is OK can be golden: choose another one.")
    try:
        data, _ = pictures.upright(inspection)
    except FileNotFoundError as error:
        raise Refused(
            "This picture is not in the file store: tell an administrator, and choose another one."
        ) from error
    return add(inspection.product, data, view="", by=by, now=now)
