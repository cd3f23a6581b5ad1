"""make bench-main: the main job on real pictures, alone and through the whole system."""

import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil
from PIL import Image

from inference.metrics import auroc
from tests.benchmarks.report import Report
from tests.line import Line
from tests.pictures import SHARED

MOBILENET = f"timm:mobilenetv2_100@{SHARED}/weights/mobilenetv2_100/model.safetensors"
PICTURES, SENDERS, ROUNDS = 500, 4, 3
RATE, RATE_SECONDS = 20, 15
LOOK_EVERY = 0.5  # seconds; each look is a new connection, and costs what a picture costs

BARE = """
import sys, time
from pathlib import Path
import inference
detector = inference.load(Path(sys.argv[1]))
pictures = [Path(name).read_bytes() for name in sys.argv[2:]]
for picture in pictures[:5]:
    detector.judge(picture)
started = time.perf_counter()
for picture in pictures:
    detector.judge(picture)
print(len(pictures) / (time.perf_counter() - started))
"""


def main() -> None:
    if not (SHARED / "data").is_dir():
        sys.exit(f"The pictures are not here: {SHARED}/data is needed.")
    report = Report("main")
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
        evaluate(report, Path(folder))
        with Line.start(Path(folder)) as line:
            inspect_hazelnuts(report, line)
            throughput(report, line)
            ingest(report, line)
            web_process(report, line)
    report.show()


def evaluate(report: Report, folder: Path) -> None:
    """The detector alone, by its command line."""
    for data, goal in (("mtd", 0.89), ("mvtec_screw", 0.87)):
        for name, backbone in (("mobilenetv2", MOBILENET), ("builtin", "builtin")):
            say(f"{data} with {name}")
            artefact = folder / f"{data}-{name}"
            place = str(SHARED / "data" / data)
            run("-m", "inference", "fit", place, "--out", str(artefact), "--backbone", backbone)
            found = run("-m", "inference", "evaluate", str(artefact), place, "--json")
            figures = json.loads(found)
            wanted = goal if name == "mobilenetv2" else None
            report.at_least(f"{data}_{name}_image_auroc", figures["image_auroc"], wanted)
            report.at_least(f"{data}_{name}_pixel_auroc", figures["pixel_auroc"])
            report.at_most(f"{data}_{name}_false_call_rate", figures["false_call_rate"])
            report.at_most(f"{data}_{name}_escape_rate", figures["escape_rate"])


def inspect_hazelnuts(report: Report, line: Line) -> None:
    """enrol and inspect, as a person would, through the real queue."""
    place = SHARED / "data" / "mvtec_hazelnut_small"
    for name, backbone, goal in (("mobilenetv2", MOBILENET, 0.98), ("builtin", "builtin", None)):
        say(f"hazelnuts with {name}, through the whole system")
        product = f"hazelnut-{name}"
        line.manage("enrol", product, str(place), "--backbone", backbone)
        found = json.loads(line.manage("inspect", product, str(place / "test"), "--json"))
        rows = found["inspections"]
        scores = [row["verdicts"][0]["score"] for row in rows]
        defects = [Path(row["path"]).parent.name != "good" for row in rows]
        report.at_least(f"hazelnut_{name}_image_auroc", auroc(scores, defects), goal)


def throughput(report: Report, line: Line) -> None:
    """API to verdict against a bare loop over the same pictures, one after the other, in turn."""
    place = SHARED / "data" / "mvtec_hazelnut_small"
    files = sorted((place / "train").rglob("*.png")) + sorted((place / "test").rglob("*.png"))
    files = (files * (PICTURES // len(files) + 1))[:PICTURES]
    artefact = next((line.var / "artefacts").glob("hazelnut-mobilenetv2-*"))
    ratios, whole = [], []
    for turn in range(ROUNDS):
        say(f"throughput, round {turn + 1} of {ROUNDS}")
        bare = float(run("-c", BARE, str(artefact), *map(str, files)))
        through = send_all(line, [file.read_bytes() for file in files])
        say(f"bare {bare:.1f}, through the system {through:.1f} pictures per second")
        ratios.append(through / bare)
        whole.append(through)
    report.at_least("throughput_system_to_bare_loop", statistics.median(ratios), 0.7)
    report.at_least("throughput_pictures_per_second", statistics.median(whole))


def send_all(line: Line, pictures: Sequence[bytes]) -> float:
    """Pictures per second from the first POST to the last verdict."""
    before = judged(line)

    def work(part: Sequence[bytes]) -> None:
        with line.client() as client:
            for picture in part:
                answer = line.send(client, picture, product="hazelnut-mobilenetv2")
                assert answer.status_code == 202, answer.text

    threads = [threading.Thread(target=work, args=[pictures[n::SENDERS]]) for n in range(SENDERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = before + len(pictures)
    while judged(line) < wanted:
        time.sleep(LOOK_EVERY)
    return len(pictures) / (time.perf_counter() - started)


def judged(line: Line) -> int:
    return line.count("SELECT count(*) FROM inspections_verdict")


def ingest(report: Report, line: Line) -> None:
    """p95 of the door at 20 requests a second, pictures of 100 kB, while the workers are busy."""
    picture = hundred_kilobytes()
    found = []
    for turn in range(ROUNDS):
        say(f"ingest, round {turn + 1} of {ROUNDS}")
        settle(line)
        send_ahead(line, picture, count=RATE * RATE_SECONDS)
        found.append(paced(line, picture))
        say(f"p95 {found[-1]:.1f} ms")
        assert line.unfinished() > 0, "the workers ran out of work: the figure means nothing"
    report.at_most("ingest_p95_ms", statistics.median(found), 50)


def settle(line: Line) -> None:
    while line.unfinished():
        time.sleep(LOOK_EVERY)


def send_ahead(line: Line, picture: bytes, *, count: int) -> None:
    """So much work that the workers stay busy throughout."""
    with line.client() as client:
        for _ in range(count):
            line.send(client, picture, product="hazelnut-mobilenetv2")


def paced(line: Line, picture: bytes) -> float:
    times = []
    with line.client() as client:
        start = time.perf_counter()
        for n in range(RATE * RATE_SECONDS):
            time.sleep(max(0.0, start + n / RATE - time.perf_counter()))
            times.append(post(client, line, picture))
    return statistics.quantiles(times, n=20)[-1] * 1000


def post(client: httpx.Client, line: Line, picture: bytes) -> float:
    started = time.perf_counter()
    answer = line.send(client, picture, product="hazelnut-mobilenetv2")
    assert answer.status_code == 202, answer.text
    return time.perf_counter() - started


def hundred_kilobytes() -> bytes:
    """A real picture of the product, enlarged until its file has 100 kB."""
    file = next((SHARED / "data" / "mvtec_hazelnut_small" / "train").rglob("*.png"))
    for side in range(256, 512, 4):
        out = io.BytesIO()
        Image.open(file).convert("RGB").resize((side, side)).save(out, "PNG")
        if len(out.getvalue()) >= 100_000:
            break
    return out.getvalue()


def web_process(report: Report, line: Line) -> None:
    web = line.process("uvicorn")
    report.at_most("web_memory_mb", web.memory_info().rss / 2**20, 200)
    maps = [one.path for one in web.memory_maps()]
    report.at_most("web_torch_libraries", sum("torch" in path for path in maps), 0)


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def say(line: str) -> None:
    print(f"... {line} ({psutil.getloadavg()[0]:.1f} load)", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
