"""What can be typed after ``python -m inference``."""

import argparse
from pathlib import Path
from typing import TypeAlias

from inference.zoo import FITTABLE

MOST_SEED = 2**32 - 1  # what every generator of random numbers takes
DIGITS = 12
PLACES = ("auto", "cpu", "cuda", "mps", "xpu")


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m inference", description="Judge pictures.")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _fit(commands)
    _judge(commands)
    _evaluate(commands)
    _recalibrate(commands)
    _drift(commands)
    _teach(commands)
    _evaluate_names(commands)
    _discover(commands)
    _pull(commands)
    _synthesise(commands)
    _train_backbone(commands)
    _command(commands, "list", "listing", "name the detectors and backbones there are")
    return whole


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(commands: _Commands, name: str, module: str, says: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=says, description=says)
    command.set_defaults(module=module)
    return command


def _fit(commands: _Commands) -> None:
    fit = _command(commands, "fit", "fit", "learn a detector from pictures of good parts")
    fit.add_argument("data", type=Path, metavar="FOLDER_OR_MANIFEST")
    fit.add_argument("--out", type=Path, required=True, metavar="ARTEFACT")
    fit.add_argument("--detector", default="memory", choices=FITTABLE)
    fit.add_argument("--backbone", default="builtin")
    fit.add_argument("--size", type=_size, default=256, help="pixels a side, a multiple of 8")
    fit.add_argument("--seed", type=_seed, default=0)
    fit.add_argument("--false-call-rate", type=_rate, default=0.01)
    fit.add_argument("--promise", type=_rate, metavar="RATE", help="prove false calls this rare")
    fit.add_argument(
        "--confirmed", type=_count, metavar="N", help="learn N defects a type of the test split"
    )
    fit.add_argument(
        "--confirmed-groups", action="store_true", help="draw all pictures of a part together"
    )
    fit.add_argument("--checkpoint", type=Path, metavar="FILE", help="to go on after a stop")
    fit.add_argument("--prompts", type=Path, metavar="FILE", help="how defects look")
    _device(fit)


def _judge(commands: _Commands) -> None:
    judge = _command(commands, "judge", "judge", "judge pictures with a fitted detector")
    judge.add_argument("artefact", type=Path, metavar="ARTEFACT")
    judge.add_argument("images", type=Path, nargs="+", metavar="IMAGE_OR_FOLDER")
    judge.add_argument("--json", action="store_true")
    judge.add_argument("--overlay", type=Path, metavar="FOLDER")
    _device(judge)


def _evaluate(commands: _Commands) -> None:
    evaluate = _command(commands, "evaluate", "evaluate", "measure a detector on labelled pictures")
    evaluate.add_argument("artefact", type=Path, metavar="ARTEFACT")
    evaluate.add_argument("dataset", type=Path, metavar="DATASET")
    evaluate.add_argument("--json", action="store_true")
    evaluate.add_argument("--split", default="test")
    evaluate.add_argument("--limit", type=_count, metavar="N", help="an even sample of N pictures")
    evaluate.add_argument("--report", type=Path, metavar="FOLDER", help="write charts and tables")
    _device(evaluate)


def _recalibrate(commands: _Commands) -> None:
    says = "set the thresholds of a detector from confirmed defects"
    again = _command(commands, "recalibrate", "recalibrate", says)
    again.add_argument("artefact", type=Path, metavar="ARTEFACT")
    again.add_argument("data", type=Path, metavar="DATA")
    again.add_argument("--out", type=Path, required=True, metavar="OTHER")
    again.add_argument("--escape-rate", type=_share, metavar="RATE", help="such as 0.05; sets ok")
    again.add_argument(
        "--promise", type=_rate, metavar="RATE", help="prove false calls this rare; raises not ok"
    )
    again.add_argument("--split", default="train", help="where the confirmed defects are")
    again.add_argument("--json", action="store_true")
    _device(again)


def _drift(commands: _Commands) -> None:
    drift = _command(commands, "drift", "drift", "compare recent pictures with the calibration")
    drift.add_argument("artefact", type=Path, metavar="ARTEFACT")
    drift.add_argument("folder", type=Path, metavar="FOLDER")
    drift.add_argument("--json", action="store_true")
    drift.add_argument(
        "--look",
        type=_count,
        default=1,
        metavar="N",
        help="this is the N-th check of this artefact",
    )
    _device(drift)


def _teach(commands: _Commands) -> None:
    teach = _command(commands, "teach", "teach", "teach the names of confirmed defects")
    teach.add_argument("artefact", type=Path, metavar="ARTEFACT", help="a detector, or `none`")
    teach.add_argument("dataset", type=Path, metavar="DATASET")
    teach.add_argument("--out", type=Path, required=True, metavar="NEW")
    teach.add_argument("--per-type", type=_count, metavar="N", help="draw N defects of each type")
    teach.add_argument("--split", default="train")
    teach.add_argument(
        "--regions",
        choices=("true", "whole"),
        default="true",
        help="learn places or whole pictures",
    )
    teach.add_argument("--backbone", help="another than the detector's own")
    teach.add_argument("--seed", type=_seed, default=0)
    _device(teach)


def _evaluate_names(commands: _Commands) -> None:
    says = "measure the names that are given to labelled defects"
    names = _command(commands, "evaluate-names", "evaluate_names", says)
    names.add_argument("artefact", type=Path, metavar="ARTEFACT")
    names.add_argument("dataset", type=Path, metavar="DATASET")
    names.add_argument("--json", action="store_true")
    names.add_argument("--split", default="test")
    names.add_argument(
        "--regions",
        choices=("true", "whole", "found"),
        default="true",
        help="name the true places, whole pictures, or what the detector finds",
    )
    _device(names)


def _discover(commands: _Commands) -> None:
    says = "put unknown regions together by kind"
    discover = _command(commands, "discover", "discover", says)
    discover.add_argument("artefact", type=Path, metavar="ARTEFACT")
    discover.add_argument("folder", type=Path, metavar="FOLDER")
    discover.add_argument("--out", type=Path, required=True, metavar="OUT")
    discover.add_argument("--split", help="all splits if not given")
    discover.add_argument(
        "--regions",
        choices=("found", "true", "whole"),
        default="found",
        help="what the detector finds, the true places of defects, or the whole pictures",
    )
    discover.add_argument("--json", action="store_true")
    _device(discover)


def _pull(commands: _Commands) -> None:
    pull = _command(commands, "pull", "pull", "fetch the weights of a backbone")
    pull.add_argument("backbone", metavar="BACKBONE", help="a name, or `list`")
    pull.add_argument("--out", type=Path, default=Path("weights"), metavar="FOLDER")


def _synthesise(commands: _Commands) -> None:
    made = _command(commands, "synthesise", "synthesise", "make up defects on good pictures")
    made.add_argument("data", type=Path, metavar="FOLDER_OR_MANIFEST")
    made.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    made.add_argument("--kind", default="all", choices=["nsa", "cutpaste", "perlin", "all"])
    made.add_argument("--count", type=_count, default=24, metavar="N", help="of each kind")
    made.add_argument("--seed", type=_seed, default=0)


def _train_backbone(commands: _Commands) -> None:
    says = "teach the small network behind builtin, from drawn scenes"
    train = _command(commands, "train-backbone", "train_backbone", says)
    train.add_argument("--out", type=Path, default=Path("backbone"), metavar="FOLDER")
    train.add_argument("--teacher", default="timm:mobilenetv2_100", metavar="BACKBONE")
    long = train.add_mutually_exclusive_group()
    long.add_argument("--minutes", type=_count, metavar="N", help="about so long; 90 if not said")
    long.add_argument("--steps", type=_count, metavar="N", help="the same work on any machine")
    train.add_argument("--seed", type=_seed, default=0)
    _device(train)


def _device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", type=_place, default="auto", help="auto, cpu, cuda, cuda:1, ..."
    )


def _place(text: str) -> str:
    """Where a tensor can be computed; torch knows further names, of places that compute nothing."""
    if text.partition(":")[0] not in PLACES:
        raise argparse.ArgumentTypeError(f"there is no device {text!r}: use auto, cpu or cuda")
    return text


def _size(text: str) -> int:
    value = _whole(text)
    if value is None or value % 8 or not 64 <= value <= 2048:
        raise argparse.ArgumentTypeError("must be a multiple of 8 between 64 and 2048")
    return value


def _count(text: str) -> int:
    value = _whole(text)
    if not value:
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return value


def _seed(text: str) -> int:
    value = _whole(text)
    if value is None or value > MOST_SEED:
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or above, up to {MOST_SEED}")
    return value


def _whole(text: str) -> int | None:
    """A number of digits alone, and of few enough that it can be meant."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS else None


def _rate(text: str) -> float:
    return _between(text, 0.1)


def _share(text: str) -> float:
    return _between(text, 1)


def _between(text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a number") from error
    if not 0 < value < most:
        raise argparse.ArgumentTypeError(f"must lie between 0 and {most:g}")
    return value
