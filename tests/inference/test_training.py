"""Teaching the backbone that is shipped: the same each time, gone on with after a stop."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from inference.backbones import open_backbone
from inference.backbones.pupil import Pupil, fresh
from inference.cli.main import main
from inference.training import curve
from inference.training.lessons import BATCH, SIDE, first_seed, lessons
from inference.training.optimisers import Optimisers
from inference.training.run import Run, Settings, as_always, as_seen, finish, steps_in
from inference.training.scenes import scenes
from inference.training.teacher import NoTeacher, Teacher
from tests.inference.pictures import batch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher_name(tmp_path_factory) -> str:
    """One of random weights: there is as much to be learnt from it."""
    file = tmp_path_factory.mktemp("teacher") / "model.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_100", pretrained=False).state_dict(), file)
    return f"timm:mobilenetv2_100@{file}"


@pytest.fixture(scope="module")
def course(teacher_name) -> Settings:
    return Settings(Teacher.of(teacher_name, CPU), 5, CPU, "of this test")


def train(teacher_name: str, out, *words: str) -> int:
    return main(
        ["train-backbone", "--teacher", teacher_name, "--device", "cpu", "--out", str(out), *words]
    )


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    return {**run.pupil.state_dict(), **{f"a.{k}": v for k, v in run.average.state_dict().items()}}


def same(one: Run, other: Run) -> bool:
    ours, theirs = weights_of(one), weights_of(other)
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.fixture(scope="module")
def made(teacher_name, tmp_path_factory) -> Path:
    """What a run of two steps leaves."""
    out = tmp_path_factory.mktemp("made") / "out"
    assert train(teacher_name, out, "--steps", "2", "--seed", "7") == 0
    return out


def test_the_same_seed_and_steps_give_the_same_file(made, teacher_name, tmp_path, capsys):
    assert train(teacher_name, tmp_path, "--steps", "2", "--seed", "7") == 0
    written = "backbone.safetensors"
    assert (tmp_path / written).read_bytes() == (made / written).read_bytes()
    assert f"builtin:{tmp_path / written}" in capsys.readouterr().out


def test_another_seed_begins_with_other_weights():
    seven, eight = Run.begun(7, 2, CPU), Run.begun(8, 2, CPU)
    assert not same(seven, eight) and same(seven, Run.begun(7, 2, CPU))


def test_a_run_leaves_what_people_look_at(made):
    card = json.loads((made / "card.json").read_text())
    assert card["steps"] == 2 and card["scenes"] == 2 * BATCH and card["licence"] == "Apache-2.0"
    assert Image.open(made / "scenes.png").size == (8 * SIDE, 8 * SIDE)
    network = open_backbone(f"builtin:{made / 'backbone.safetensors'}")
    assert [level.shape[1] for level in network.levels(batch())] == [32, 96]
    assert network.spec["name"] == "builtin:backbone.safetensors"


def test_a_stopped_run_goes_on_to_the_same_weights(course, tmp_path):
    path, whole, stopped = tmp_path / "checkpoint", Run.begun(5, 6, CPU), Run.begun(5, 6, CPU)
    finish(whole, course, lambda done, total: None, lambda run: None)
    with as_always(CPU):
        for one in lessons(5, 0, 3, CPU):
            stopped.learn(one, course.teacher)
    stopped.write(path, course)
    gone_on = Run.gone_on(path, course)
    assert gone_on is not None and gone_on.step == 3
    finish(gone_on, course, lambda done, total: None, lambda run: None)
    assert gone_on.step == 6 and same(gone_on, whole)


def test_a_finished_run_is_not_run_again(made, teacher_name, tmp_path, capsys):
    again = shutil.copytree(made, tmp_path / "again")
    assert train(teacher_name, again, "--seed", "7") == 0
    assert "0 of 2 steps to go" in capsys.readouterr().out
    written = "backbone.safetensors"
    assert (again / written).read_bytes() == (made / written).read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--seed", "1"), "of a fit with other"),
        (("--seed", "7", "--steps", "9"), "of a run of 2 steps: remove it"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(made, words, says, teacher_name, capsys):
    assert train(teacher_name, made, *words) == 2
    assert says in capsys.readouterr().err


def test_a_drawing_process_that_is_killed_is_told_in_one_sentence(teacher_name, tmp_path):
    words = ("--teacher", teacher_name, "--device", "cpu", "--steps", "5000", "--out", tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "inference", "train-backbone", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        drawing = first_child(psutil.Process(run.pid))
        drawing.kill()
        said = run.communicate(timeout=60)[1].strip().splitlines()
    assert run.returncode == 2
    assert said[-1].startswith("inference: A process that draws scenes was ended")
    assert not [line for line in said if "Traceback" in line]


def first_child(process: psutil.Process) -> psutil.Process:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if children := process.children():
            return children[0]
        time.sleep(0.1)
    raise AssertionError("no process draws")


def test_a_teacher_with_other_features_is_refused(tmp_path):
    file = tmp_path / "model.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), file)
    with pytest.raises(NoTeacher, match="teach with timm:mobilenetv2_100@FILE"):
        Teacher.of(f"timm:test_resnet@{file}", CPU)


def test_minutes_and_steps_are_not_asked_for_together(teacher_name, tmp_path, capsys):
    with pytest.raises(SystemExit):
        train(teacher_name, tmp_path, "--minutes", "90", "--steps", "1")
    assert "not allowed with" in capsys.readouterr().err


def test_minutes_become_a_number_of_steps(course):
    assert 1 < steps_in(1, course, timed=3) < 60_000


def test_each_step_has_its_own_scenes_wherever_a_run_begins():
    from_start, later = list(lessons(2, 0, 4, CPU)), list(lessons(2, 2, 4, CPU))
    assert all(torch.equal(a, b) for a, b in zip(from_start[2:], later, strict=True))
    assert not torch.equal(from_start[0], from_start[1])


def test_runs_of_other_seeds_show_other_scenes():
    """A generator on a CPU looks at 32 bits of its seed."""
    starts = [first_seed(seed) for seed in (0, 1, 2, 33_554_432, 4_294_967_295)]
    assert starts[0] == 0 and max(starts) < 2**32
    apart = [abs(a - b) for a in starts for b in starts if a != b]
    assert len(apart) == 20 and min(apart) > 1_000_000


@pytest.mark.parametrize("name", ["builtin", "open_clip:ViT-B-32/x", "nothing"])
def test_only_a_timm_backbone_teaches(name):
    with pytest.raises(NoTeacher, match=f"{name} cannot teach: name a timm:"):
        Teacher.of(name, CPU)


def test_the_pupil_learns(course):
    run = Run.begun(0, 40, CPU)
    shares = [run.learn(one, course.teacher).mean() for one in lessons(0, 0, 40, CPU)]
    assert torch.stack(shares[-5:]).mean() < 0.8 * torch.stack(shares[:5]).mean()


def test_the_turned_answers_of_the_teacher_keep_distances(course):
    drawn = scenes(0, 4, SIDE, CPU)
    plain, turned = course.teacher.backbone.levels(drawn), course.teacher.answers(drawn)
    for one, other in zip(plain, turned, strict=True):
        apart = (one[0] - one[1]).norm(dim=0)
        assert torch.allclose(apart, (other[0] - other[1]).norm(dim=0), rtol=1e-3, atol=1e-4)


def test_nothing_is_unexplained_in_the_teachers_own_answers(course):
    wanted = course.teacher.answers(scenes(1, 4, SIDE, CPU))
    whole, each = course.teacher.unexplained(wanted, wanted)
    assert whole.sum() == 0 and each.sum() == 0
    none = [torch.zeros_like(level) for level in wanted]
    whole, each = course.teacher.unexplained(none, wanted)
    assert (whole > 0.2).all() and (each > 0.2).all()


def test_every_weight_is_moved():
    pupil = fresh(0).to(memory_format=torch.channels_last)
    before = {name: value.clone() for name, value in pupil.named_parameters()}
    optimisers = Optimisers(pupil, 10)
    found = pupil(as_seen(scenes(1, 4, 64, CPU)))
    optimisers.step(0, sum(level.square().mean() for level in found))
    still = [name for name, value in pupil.named_parameters() if torch.equal(value, before[name])]
    assert still == []


def test_a_kernel_that_mixes_channels_moves_equally_in_all_directions():
    pupil = fresh(0).to(memory_format=torch.channels_last)
    kernel = pupil.stages[1][0][0].weight
    before = kernel.detach().clone()
    optimisers = Optimisers(pupil, 1000)
    optimisers.step(500, sum(level.square().mean() for level in pupil(torch.rand(2, 3, 64, 64))))
    moved = (kernel.detach() - before).permute(0, 2, 3, 1).flatten(1)
    strengths = torch.linalg.svdvals(moved)
    assert strengths.max() < 3 * strengths.median()


def test_a_fresh_pupil_leaves_the_chance_of_others_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second = fresh(1), fresh(1)
    assert torch.equal(torch.rand(1), expected)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


def test_the_pupil_takes_any_multiple_of_eight():
    network = Pupil().eval()
    assert [tuple(level.shape[2:]) for level in network(torch.zeros(1, 3, 72, 104))] == [
        (9, 13),
        (5, 7),
    ]


def test_the_curve_is_drawn(tmp_path):
    curve.draw(tmp_path / "curve.png", [[50 * n, 1 / n, 1.5 / n] for n in range(1, 20)])
    assert Image.open(tmp_path / "curve.png").size[0] > 600
