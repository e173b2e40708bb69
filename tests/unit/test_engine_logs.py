"""The logs of `threadlab engine`, and the warning that no log level hides."""

from __future__ import annotations

import pytest
import structlog

from engine.cli import configure_logs
from engine.sandbox import warn_unconfined


def test_tracebacks_show_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception is logged with its traceback, without the values of local variables."""
    configure_logs()
    api_key = "sk-very-" + "secret"

    try:
        raise RuntimeError(f"a key of {len(api_key)} letters")
    except RuntimeError:
        structlog.get_logger().exception("request failed")

    said = capsys.readouterr().err
    assert "request failed" in said
    assert "RuntimeError: a key of 14 letters" in said
    assert "sk-very-secret" not in said


def test_lines_tell_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    """A line has the time of day, its level and its values; what is only for debugging is left."""
    configure_logs()

    structlog.get_logger().warning("disk limit", folder="abc")
    structlog.get_logger().debug("details")

    said = capsys.readouterr().err
    assert said[:4].isdigit()
    assert "[warning" in said
    assert "folder=abc" in said
    assert "details" not in said


def test_unconfined_is_told_at_any_log_level(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warning is no log line: it comes on stderr, in red on a terminal."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))

    warn_unconfined()
    plain = capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    warn_unconfined()
    coloured = capsys.readouterr().err

    assert plain.startswith("ENGINE_SANDBOX=none: code runs UNCONFINED")
    assert plain.count("\n") == 1
    assert "\x1b[1;31m" in coloured
