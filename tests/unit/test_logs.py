"""What the operator's log shows, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from bot.cli import configure_logs


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


class TestLogs:
    def test_no_local_variables(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An exception is logged with its lines, never with what its variables hold."""
        configure_logs("INFO")
        token = "".join(["xoxb", "-secret"])
        try:
            raise OSError(f"disk full after {len(token)}")
        except OSError:
            structlog.get_logger().exception("turn failed", turn="turn_1")

        shown = capsys.readouterr().err
        assert "disk full after 11" in shown
        assert token not in shown
