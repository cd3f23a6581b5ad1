"""make bench-backbone: the shipped backbone between the filter bank it replaced and its teacher.

python -m tests.benchmarks.backbone [auroc] [speed] [repeat] measures only what is named.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from inference import datasets
from inference.backbones.builtin import WEIGHTS as SHIPPED
from inference.backbones.pupil import Pupil
from inference.detectors.memory import Memory
from inference.files import PictureFiles
from inference.metrics import auroc
from tests.benchmarks.inference import DATA, MOBILENET, WEIGHTS, say
from tests.benchmarks.report import Report

GOALS = {"mtd": 0.90, "mvtec_screw": 0.88, "mvtec_hazelnut_small": 0.98, "deeppcb": 0.85}
BACKBONES = {"filters": "builtin:filters", "builtin": "builtin", "teacher": MOBILENET}
OF_THE_TEACHER = 0.97
BATCH = 32  # pictures in memory at once
STEPS = 20  # enough for every kind of number that chance could touch

# One process on one core; the two take turns, so that both meet the same machine.
ON_ONE_CORE = """
import json, os, statistics, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import torch
torch.set_num_threads(1)
from pathlib import Path
from inference import datasets
from inference.detectors.memory import Memory
from inference.files import PictureFiles
from PIL import Image
import io
place, *backbones = sys.argv[1:]
rows = datasets.normals_to_fit(Path(place))[:100]
memories = [Memory.fit(PictureFiles([r.path for r in rows]), backbone=b, kept=10_000)
            for b in backbones]
pictures = []
for row in datasets.labelled(Path(place), "test")[:60]:
    small = io.BytesIO()
    Image.open(row.path).convert("RGB").resize((256, 256)).save(small, "PNG")
    pictures.append(small.getvalue())
took = [[] for _ in memories]
for number, picture in enumerate(pictures):
    for memory, times in zip(memories, took):
        started = time.perf_counter()
        memory.judge(picture)
        if number >= 5:
            times.append(1000 * (time.perf_counter() - started))
print(json.dumps({"ms": [statistics.median(times) for times in took],
                  "rows": [min(len(level.rows) for level in m.bank.levels) for m in memories]}))
"""


def main() -> None:
    if not DATA.is_dir() or not WEIGHTS.is_file():
        sys.exit("The pictures or the weights are not here: shared/ beside the project is needed.")
    report = Report("backbone")
    for name in sys.argv[1:] or list(STAGES):
        STAGES[name](report)
    report.show()


def areas(report: Report) -> None:
    """Image AUROC of a memory at 256 px with each backbone, fitted on the set's normals."""
    table = Table("Set", *BACKBONES, title="Image AUROC of memory, 256 px")
    for place, goal in GOALS.items():
        found = {}
        for name, backbone in BACKBONES.items():
            say(f"{place}: {name}")
            found[name] = _area(place, backbone)
        table.add_row(place, *(f"{value:.3f}" for value in found.values()))
        report.at_least(f"{place}_filters_image_auroc", found["filters"])
        report.at_least(f"{place}_image_auroc", found["builtin"], goal)
        report.at_least(f"{place}_teacher_image_auroc", found["teacher"])
        share = found["builtin"] / found["teacher"]
        report.at_least(f"{place}_of_the_teacher", share, OF_THE_TEACHER)
    Console().print(table)


def _area(place: str, backbone: str) -> float:
    rows = datasets.normals_to_fit(DATA / place)
    pictures = PictureFiles([row.path for row in rows])
    memory = Memory.fit(pictures, [row.group for row in rows], backbone=backbone)
    test = datasets.labelled(DATA / place, "test")
    scores: list[float] = []
    for start in range(0, len(test), BATCH):
        some = PictureFiles([row.path for row in test[start : start + BATCH]])
        scores += [one.score for one in memory.see(list(some))]
    return auroc(scores, [row.is_defect for row in test])


def speed(report: Report) -> None:
    """One 256 px PNG to a judgement on one core, the bank of 10,000 patches a level."""
    say("one core, one picture")
    names = list(BACKBONES)
    place = str(DATA / "mvtec_screw")
    done = subprocess.run(
        [sys.executable, "-c", ON_ONE_CORE, place, *BACKBONES.values()],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    took = dict(zip(names, told["ms"], strict=True))
    report.at_most("filters_judge_p50_ms", took["filters"])
    report.at_most("judge_p50_ms", took["builtin"], 40)
    report.at_most("teacher_judge_p50_ms", took["teacher"])
    report.at_least("times_faster_than_teacher", took["teacher"] / took["builtin"], 1.5)
    report.at_most("weights_mb", SHIPPED.stat().st_size / 1e6, 4)
    parameters = sum(one.numel() for one in Pupil().parameters())
    report.at_most("parameters_million", parameters / 1e6, 1)


def repeat(report: Report) -> None:
    """The same seed and steps twice."""
    names = []
    for turn in (1, 2):
        say(f"the same seed, run {turn} of 2")
        with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
            subprocess.run(
                [sys.executable, "-m", "inference", "train-backbone", "--steps", str(STEPS),
                 "--seed", "3", "--teacher", MOBILENET, "--device", "cpu", "--out", folder],
                stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            made = (Path(folder) / "backbone.safetensors").read_bytes()
            names.append(hashlib.sha256(made).hexdigest())
    report.at_least("same_seed_same_file", float(names[0] == names[1]), 1)


STAGES: dict[str, Callable[[Report], None]] = {"auroc": areas, "speed": speed, "repeat": repeat}

if __name__ == "__main__":
    main()
