"""What tests of seeing share."""

import pytest

from tests.inference.pictures import WEIGHTS


@pytest.fixture(scope="session")
def trained() -> str:
    """The name of a really trained backbone."""
    if not WEIGHTS.is_file():
        pytest.skip("no trained backbone on this machine")
    return f"timm:mobilenetv2_100@{WEIGHTS}"
