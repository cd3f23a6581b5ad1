"""What the labelling screen of a product looks like, and which project in Label Studio has it."""

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from labeling import project as screens
from labeling.words import DefectLabel, Question, Schema
from qms.labels.models import StudioProject
from qms.plant import questions
from qms.plant.models import DefectType, Product
from qms.registry.models import ModelVersion
from qms.registry.models import Status as ModelStatus

_LONGEST_CODE = 28  # Label Studio's titles have 50 letters at most


def schema_of(product: Product) -> Schema:
    """The active defect types and the newest questions of a product, as annotators meet them."""
    types = DefectType.objects.filter(product=product, active=True).order_by("code")
    asked = questions.current(product)
    return Schema(
        product=product.code,
        labels=tuple(
            DefectLabel(code=one.code, name=str(one), colour=one.colour, severity=one.severity)
            for one in types
        ),
        questions=tuple(_question(one) for one in (asked.questions if asked else [])),
    )


def schema_in(project: StudioProject) -> Schema:
    """The schema as it was when the project was made."""
    kept = project.schema
    return Schema(
        product=kept["product"],
        labels=tuple(DefectLabel(**one) for one in kept["labels"]),
        questions=tuple(_question(one) for one in kept["questions"]),
    )


def _question(kept: dict[str, Any]) -> Question:
    return Question(slot=kept["slot"], text=kept["text"], choices=tuple(kept["choices"]))


def current_project(product: Product) -> StudioProject | None:
    """That of the present schema, if there is one yet."""
    wanted = schema_of(product)
    return _living(product, _fingerprint(wanted, screens.label_config(wanted)))


@transaction.atomic
def ensure_project(product: Product, *, now: datetime) -> StudioProject:
    """The row of the present schema; Label Studio is told of a new one when it is needed."""
    wanted = schema_of(product)
    config = screens.label_config(wanted)
    fingerprint = _fingerprint(wanted, config)
    if found := _living(product, fingerprint):
        return found
    Product.objects.select_for_update(no_key=True).get(pk=product.pk)  # one number for one project
    if found := _living(product, fingerprint):
        return found
    latest = StudioProject.objects.filter(product=product).order_by("-number").first()
    return StudioProject.objects.create(
        product=product,
        number=latest.number + 1 if latest else 1,
        schema=asdict(wanted),
        schema_hash=fingerprint,
        config=config,
        model_version=judge_of(product),
        made_at=now,
    )


def judge_of(product: Product) -> str:
    """The model in force, by the name under which Label Studio shows what it said."""
    active = ModelVersion.objects.filter(product=product, status=ModelStatus.ACTIVE).first()
    return str(active) if active else ""


def _living(product: Product, fingerprint: str) -> StudioProject | None:
    rows = StudioProject.objects.filter(product=product, gone_at=None)
    return rows.filter(schema_hash=fingerprint).first()


def _fingerprint(schema: Schema, config: str) -> str:
    """Also of the screen, so that a release that draws it otherwise begins a project of its own."""
    return hashlib.sha256(f"{schema.hash}\n{config}".encode()).hexdigest()


def title_of(project: StudioProject) -> str:
    """By which it is found there, also after an answer was lost."""
    code = project.product.code[:_LONGEST_CODE]
    return f"{code} labels {project.number} {project.schema_hash[:8]}"
