from __future__ import annotations

import pytest

from causewatch.dialects.control_flow import is_control_flow


@pytest.mark.parametrize(
    ("exception_type", "expected"),
    [
        ("langgraph.errors.ParentCommand", True),
        ("ParentCommand", True),
        ("langgraph.errors.GraphInterrupt", True),
        ("asyncio.exceptions.CancelledError", True),
        ("StopIteration", True),
        ("TimeoutError", False),
        ("requests.exceptions.HTTPError", False),
        ("MyParentCommandError", False),
        ("", False),
    ],
)
def test_exceptions_that_steer_are_known(exception_type: str, *, expected: bool) -> None:
    """Exceptions with which frameworks steer control pass through healthy runs."""
    assert is_control_flow(exception_type) is expected
