"""``builtin``: fixed filters, no weights (``inference.filterbank``)."""

from typing import Any

from inference.backbones.backbone import Backbone, Source, Tensors
from inference.filterbank import VERSION, FilterBank
from inference.zoo import UnknownName


def opened(rest: str) -> Backbone:
    """The filters; there is nothing to choose behind the name."""
    if rest:
        raise UnknownName(f"builtin takes no model: use builtin instead of builtin:{rest}.")
    plain = {"mean": [0.0] * 3, "std": [1.0] * 3}
    spec = {"family": "builtin", "name": "builtin", "version": VERSION, **plain}
    bank = FilterBank()
    return Backbone(spec, bank, bank.channels)


def restored(spec: dict[str, Any], _tensors: Tensors) -> Backbone:
    if spec.get("version") != VERSION:
        raise UnknownName(
            f"The artefact was fitted with version {spec.get('version')} of the builtin backbone, "
            f"this is version {VERSION}: fit it anew."
        )
    return opened("")


def source(_rest: str) -> Source:
    raise UnknownName("There are no weights to fetch for 'builtin': it needs none.")
