"""How much a person changed of what the model had said, counted and in one sentence."""

from dataclasses import dataclass

from qms.labels.models import Annotation, Origin


@dataclass(frozen=True)
class Tally:
    """Of one annotation. ``answers`` counts those to set questions, the verdict and the
    description among them; ``drawn`` are regions and ``added`` questions of the person's own."""

    answers: int
    changed: int
    regions: int
    redrawn: int
    drawn: int
    deleted: int
    added: int

    @property
    def untouched(self) -> bool:
        return not (self.changed or self.redrawn or self.drawn or self.deleted or self.added)

    @property
    def sentence(self) -> str:
        """ "changed 2 of 5 answers, redrew 1 of 2 regions, drew 1, deleted 1"."""
        if self.untouched:
            return "left all as the model had said"
        found = [f"changed {self.changed} of {_some(self.answers, 'answer')}"]
        if self.redrawn:
            found.append(f"changed {self.redrawn} of {_some(self.regions, 'region')}")
        for count, verb, what in (
            (self.drawn, "drew", "region"),
            (self.deleted, "deleted", "region"),
            (self.added, "asked", "question"),
        ):
            if count:
                found.append(f"{verb} {_some(count, what)}")
        return ", ".join(found)


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def tally(annotation: Annotation) -> Tally:
    """Asks nothing of the database where regions and answers were fetched with the annotation."""
    pairs, regions = list(annotation.answers.all()), list(annotation.regions.all())
    asked = [pair.origin for pair in pairs if pair.slot]
    said = [*asked, annotation.evaluation_origin, annotation.description_origin]
    drawn = [region for region in regions if region.finding_id is None]
    offered = len(regions) - len(drawn) + len(annotation.deleted)
    return Tally(
        answers=len(said),
        changed=sum(origin != Origin.PREDICTION for origin in said),
        regions=offered,
        redrawn=sum(region.origin != Origin.PREDICTION for region in regions if region.finding_id),
        drawn=len(drawn),
        deleted=len(annotation.deleted),
        added=len(pairs) - len(asked),
    )
