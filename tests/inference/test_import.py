import subprocess
import sys

import pytest

HEAVY = ("torch", "timm", "cv2", "scipy", "safetensors", "transformers", "django")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import inference", "from inference.images import inspect_header", "import inference.zoo"],
)
def test_importing_the_front_door_costs_nothing(statement):
    assert loaded_by(statement) == set()


def test_the_stub_needs_no_torch():
    statement = "from inference.zoo import detector_class; detector_class('stub')"
    assert "torch" not in loaded_by(statement)


def test_labeling_needs_no_torch():
    assert loaded_by("import labeling.evaluation") == set()


def test_the_command_line_helps_without_torch():
    assert loaded_by("import inference.cli.main") == set()
