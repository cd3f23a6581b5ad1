"""One export from its first picture to its manifest: the formats, and what they have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from labeling.exchange import coco, ddqa, mvtec, yolo
from labeling.exchange.manifest import Manifest
from labeling.exchange.parcel import File
from labeling.exchange.picture import Category, LabelledPicture, Left, Unfit
from labeling.exchange.splits import Keys, Splitter


class Format(Protocol):
    """Writes pictures one at a time. ``notes`` is what its manifest tells of the format's limits."""

    def add(self, picture: LabelledPicture, split: str) -> list[File]:
        """The files of this picture, the picture itself first. Unfit: nothing of it goes out."""

    def finish(self) -> Iterator[File]:
        """The files that tell of all pictures."""

    @property
    def notes(self) -> Mapping[str, Any]: ...


FORMATS: dict[str, Callable[[str, Sequence[Category]], Format]] = {
    "coco": coco.Coco,
    "mvtec": lambda product, _: mvtec.MVTec(product),
    "yolo": yolo.Yolo,
    "ddqa": lambda _, categories: ddqa.DDQA(categories),
}


def files(
    entries: Iterable[LabelledPicture | Left],
    *,
    to: str,
    product: str,
    categories: Sequence[Category],
    splitter: Splitter,
    about: Mapping[str, Any],
) -> Iterator[File]:
    """All files of an export, in the order in which they are made."""
    shares = dict(zip(("train", "val", "test"), splitter.shares, strict=True))
    manifest = Manifest({**about, "format": to, "product": product, "shares": shares})
    written = FORMATS[to](product, categories)
    for entry in entries:
        if isinstance(entry, Left):
            manifest.left(entry)
            continue
        try:
            split = splitter.split_of(Keys.of(entry))
            found = written.add(entry, split)
        except Unfit as error:
            manifest.left(Left(identity=entry.identity, name=entry.name, why=str(error)))
            continue
        manifest.took(entry, split, found[0].name)
        yield from found
    yield from written.finish()
    yield from manifest.files(written.notes)
