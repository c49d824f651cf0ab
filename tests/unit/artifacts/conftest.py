from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file is written and damaged."""
    return tmp_path / "file"
