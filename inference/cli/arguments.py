"""What can be typed after ``python -m inference``."""

import argparse
from pathlib import Path
from typing import TypeAlias

from inference.zoo import DETECTORS


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m inference", description="Judge pictures.")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _fit(commands)
    _judge(commands)
    _evaluate(commands)
    _pull(commands)
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
    fit.add_argument("--detector", default="memory", choices=sorted(DETECTORS))
    fit.add_argument("--backbone", default="builtin")
    fit.add_argument("--size", type=_size, default=256, help="pixels a side, a multiple of 8")
    fit.add_argument("--seed", type=int, default=0)
    fit.add_argument("--false-call-rate", type=_rate, default=0.01)
    _device(fit)


def _judge(commands: _Commands) -> None:
    judge = _command(commands, "judge", "judge", "judge pictures with a fitted detector")
    judge.add_argument("artefact", type=Path, metavar="ARTEFACT")
    judge.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
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
    _device(evaluate)


def _pull(commands: _Commands) -> None:
    pull = _command(commands, "pull", "pull", "fetch the weights of a backbone")
    pull.add_argument("backbone", metavar="BACKBONE", help="a name, or `list`")
    pull.add_argument("--out", type=Path, default=Path("weights"), metavar="FOLDER")


def _device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")


def _size(text: str) -> int:
    value = _count(text)
    if value % 8 or not 64 <= value <= 2048:
        raise argparse.ArgumentTypeError("must be a multiple of 8 between 64 and 2048")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a number") from error
    if not 0 < value < 0.1:
        raise argparse.ArgumentTypeError("must lie between 0 and 0.1")
    return value
