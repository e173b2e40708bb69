"""Platforms run for ever, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import structlog.testing

from bot.errors import PlatformError, SettingsError
from bot.supervision import LONGEST_PAUSE_SECONDS, keep_running


class Play:
    """A platform whose runs are played from a list: how long each lasts, and what ends it."""

    def __init__(self, *runs: tuple[float, Exception | None]) -> None:
        self.runs = list(runs)
        self.now = 0.0
        self.pauses: list[float] = []
        self.told: list[bool] = []

    async def run(self) -> None:
        seconds, end = self.runs.pop(0)
        self.now += seconds
        if end is not None:
            raise end

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if not self.runs:
            raise KeyboardInterrupt

    async def supervised(self) -> None:
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        tell: Callable[[str, bool], None] = lambda _, up: self.told.append(up)  # noqa: E731
        await keep_running("chat", self.run, tell, clock=clock, sleep=self.sleep)


async def test_failures() -> None:
    """A platform that fails starts again, after pauses that grow to a bound."""
    play = Play(*[(1, OSError())] * 9)

    with pytest.raises(KeyboardInterrupt):
        await play.supervised()

    assert play.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert play.told == [True, False] * 9


async def test_a_good_time() -> None:
    """After a run that lasted, the pauses begin anew."""
    play = Play((1, OSError()), (1, OSError()), (LONGEST_PAUSE_SECONDS + 1, OSError()))

    with pytest.raises(KeyboardInterrupt):
        await play.supervised()

    assert play.pauses == [1, 2, 1]


async def test_what_is_known_is_said_in_a_line() -> None:
    """A chat that can't be reached is a line of the log, once a try; what nobody expected is
    there with all that is known of it."""
    play = Play((1, PlatformError("Slack can't be reached.")), (1, OSError()))

    with structlog.testing.capture_logs() as logs, pytest.raises(KeyboardInterrupt):
        await play.supervised()

    known, unknown = logs
    assert known["why"] == "Slack can't be reached."
    assert "exc_info" not in known
    assert unknown["exc_info"]


async def test_bad_settings() -> None:
    """A platform that can't run with its settings says so at the start."""
    play = Play((1, SettingsError("no token")))

    with pytest.raises(SettingsError):
        await play.supervised()


async def test_a_right_that_is_taken_away() -> None:
    """What is refused only after it ran well is tried again, and takes nothing else down."""
    refused = SettingsError("the token was revoked")
    play = Play((LONGEST_PAUSE_SECONDS + 1, refused), (1, refused), (5, None))

    with pytest.raises(KeyboardInterrupt):
        await play.supervised()

    assert play.pauses == [1, 2, 4]


async def test_being_told_to_end() -> None:
    """A platform that fails while it is cancelled does not start again."""
    begun, told = asyncio.Event(), list[bool]()

    async def run() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("it can't be noted")

    running = asyncio.create_task(keep_running("chat", run, lambda _, up: told.append(up)))
    await begun.wait()
    running.cancel()
    await asyncio.wait({running}, timeout=10)

    assert running.cancelled()
    assert told == [True, False]
