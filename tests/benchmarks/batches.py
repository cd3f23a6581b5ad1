"""Pictures per second over batch sizes on each device at hand, and whether a GPU says the same."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from inference.detectors.memory import Memory
from inference.files import PictureFiles, picture
from inference.images import Picture
from tests.benchmarks.report import Report

SIZES = (1, 8, 32, 128)
ROUNDS = 3


def batches(report: Report, train: Sequence[Path], test: Sequence[Path], backbone: str) -> None:
    """Fitted once on the CPU; each device judges the same decoded pictures with that artefact."""
    memory = Memory.fit(PictureFiles(train), backbone=backbone, device="cpu")
    pictures = [picture(path) for path in test]
    scores = {}
    for device in devices():
        there = Memory.rebuilt(memory.config, memory.tensors(), device=device)
        scores[device] = np.array([one.score for one in there.see(pictures)])
        for size in SIZES:
            name = f"{device}_batches_of_{size}_images_per_second"
            report.at_least(
                name, statistics.median(speed(there, pictures, size) for _ in range(ROUNDS))
            )
    if "cuda" in scores:
        away = np.abs(scores["cuda"] - scores["cpu"]) / scores["cpu"]
        report.at_most("cuda_largest_relative_difference", float(away.max()), 0.01)


def devices() -> list[str]:
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def speed(memory: Memory, pictures: Sequence[Picture], size: int) -> float:
    """Judged pictures per second, without decoding; reading the scores waits for the device."""
    parts = [pictures[at : at + size] for at in range(0, len(pictures), size)]
    memory.judge_many(parts[0])
    started = time.perf_counter()
    for part in parts:
        memory.judge_many(part)
    return len(pictures) / (time.perf_counter() - started)
