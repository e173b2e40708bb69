"""What the operator's log shows, and what it does not."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import structlog

from bot.cli import configure_logs
from engine.cli import configure_logs as configure_engine_logs


class FullDisk(io.StringIO):
    """What stderr is where it leads to a file on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


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

    @pytest.mark.parametrize("configure", [lambda: configure_logs("INFO"), configure_engine_logs])
    def test_nowhere_to_write(
        self, configure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A line that can't be written is lost alone: the code that logs it goes on."""
        monkeypatch.setattr("sys.stderr", disk := FullDisk())
        configure()

        structlog.get_logger().error("turn failed", turn="turn_1")

        with pytest.raises(OSError, match="No space"):
            disk.write("")
