"""What is shown of the exceptions of libraries."""

import pytest
from inpainting.core.errors import first_line


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("\n wrong\nat line 3"), "wrong"),
        (EOFError(), "EOFError()"),
        (ValueError(" \n"), "ValueError(' \\n')"),
    ],
)
def test_an_exception_is_shown_by_its_first_line_or_its_name(error: Exception, shown: str) -> None:
    assert first_line(error) == shown
