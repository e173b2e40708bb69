"""The signs beside a thread's messages: the agent session with its Stop, and the status line."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict

import structlog

from adapters.slack.api import Busy, Refused
from adapters.slack.outgoing_text import neutral
from adapters.slack.settings import SlackSettings
from adapters.slack.tasks import Tasks
from adapters.slack.teams import Team
from adapters.slack.titles import titled
from bot.domain import ThreadKey
from bot.errors import AmbiguousSend, PlatformError

log = structlog.get_logger(__name__)

_TITLE_CHARS = 200  # [facts: slack]
_SESSIONS_MAX = 1_000
_CALLS = 2


class Sessions:
    """Agent sessions that we have set to work."""

    def __init__(self, settings: SlackSettings, tasks: Tasks) -> None:
        self._tasks = tasks
        # Another process may end what this one has begun.
        self._believed_seconds = settings.slack_session_seconds
        self._end_seconds = settings.slack_call_seconds
        self._working: OrderedDict[ThreadKey, float] = OrderedDict()
        self._open: Counter[ThreadKey] = Counter()
        self._refused: set[ThreadKey] = set()  # of the turns that are open now

    def opened(self, key: ThreadKey) -> None:
        """A reply is shown in the thread."""
        self._open[key] += 1

    def closed(self, key: ThreadKey) -> None:
        """A reply has ended."""
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]
            self._refused.discard(key)

    async def begin(self, team: Team, key: ThreadKey, title: str = "") -> bool:
        """Show that work is being done, with Slack's own Stop; whether that is shown."""
        if self.works(key):
            return True
        if key in self._refused or not team.sessions.take(_CALLS):  # one to begin, one to end
            return False
        self._working[key] = time.monotonic()
        done = await self._set_working(team, key, title)
        if not done:
            self._working.pop(key, None)
        elif key not in self._working:  # the answer was quicker than this call
            await self.set_active(team, key)
        while len(self._working) > _SESSIONS_MAX:
            self._working.popitem(last=False)
        return done

    async def renew(self, team: Team, key: ThreadKey) -> None:
        """Slack has ended it by itself, and the work goes on, here or in another process."""
        here = self.knows(key)
        await self._set_working(team, key, "")
        if here and not self.knows(key):  # the answer was quicker than this call
            await self.set_active(team, key)

    def resumed(self, key: ThreadKey) -> None:
        """An earlier process has set it to work."""
        self._working[key] = time.monotonic()

    def knows(self, key: ThreadKey) -> bool:
        """Whether this process has set it to work, and not ended it."""
        return key in self._working

    def works(self, key: ThreadKey) -> bool:
        """Whether the thread shows that work is being done."""
        began_at = self._working.get(key)
        if began_at is None:
            return False
        return bool(self._open[key]) or time.monotonic() - began_at < self._believed_seconds

    def status_at_end(self, key: ThreadKey) -> str | None:
        """What to say of it together with the end of a stream."""
        return "active" if self.knows(key) else None

    def ended(self, key: ThreadKey) -> None:
        """It was said with the end of a stream."""
        self._working.pop(key, None)

    async def end(self, team: Team, key: ThreadKey) -> None:
        """Show that nothing is being done, where no reply is open."""
        if key in self._working and not self._open[key]:
            del self._working[key]
            await self.set_active(team, key)

    async def set_active(self, team: Team, key: ThreadKey) -> None:
        """Let Slack's own Stop go; in the background, where Slack asks to wait.

        A turn's publishing waits for it otherwise, so that a crash before it is made up for.
        """
        try:
            await self._set_active(team, key, patient=False)
        except Busy:
            self._tasks.spawn(self._set_active(team, key, patient=True), "session-end")
        except AmbiguousSend:
            await self._insist(team, key)
        except PlatformError as error:
            log.warning("session not ended", thread=str(key), error=str(error))

    async def _insist(self, team: Team, key: ThreadKey) -> None:
        try:
            async with asyncio.timeout(self._end_seconds):
                await self._set_active(team, key, patient=True)
        except (PlatformError, TimeoutError) as error:
            log.warning("session not ended", thread=str(key), error=repr(error))

    async def _set_working(self, team: Team, key: ThreadKey, title: str) -> bool:
        try:
            await team.api.call(
                "agents.sessions.setStatus",
                patient=False,
                channel_id=key.channel,
                thread_ts=key.thread,
                status="processing",
                title=neutral(titled(title, _TITLE_CHARS))[:_TITLE_CHARS] or None,
            )
        except AmbiguousSend as error:
            log.info("session may have begun", thread=str(key), error=str(error))
            return True  # so that it is ended
        except PlatformError as error:
            log.info("session not begun", thread=str(key), error=str(error))
            if isinstance(error, Refused) and error.lasting:
                team.sessions.use_up()
            elif self._open[key]:
                self._refused.add(key)
            return False
        return True

    async def _set_active(self, team: Team, key: ThreadKey, *, patient: bool) -> None:
        await team.api.call(
            "agents.sessions.setStatus",
            patient=patient,
            channel_id=key.channel,
            thread_ts=key.thread,
            status="active",
        )


class StatusLine:
    """The line under a thread that says what is being done. Slack lets it lapse."""

    def __init__(self, settings: SlackSettings, team: Team, key: ThreadKey) -> None:
        self._renew_seconds = settings.slack_status_seconds
        self._team = team
        self._key = key
        self._shown, self._shown_at = "", 0.0

    def due(self, status: str) -> bool:
        """Whether it has to be set: it says something else, or will lapse soon."""
        lapses = bool(status) and time.monotonic() - self._shown_at > self._renew_seconds
        return status != self._shown or lapses

    def cleared(self) -> None:
        """A message was posted: Slack has taken it away."""
        self._shown = ""

    async def clear(self) -> None:
        """Take it away, where it is shown; Slack may ask to wait for that."""
        if self._shown:
            try:
                await self._set("", patient=True)
            except PlatformError as error:
                log.info("status not taken away", thread=str(self._key), error=str(error))

    async def set(self, status: str) -> bool:
        """Set it. Whether it is shown. Raises Busy: Slack asks to wait."""
        self._shown, self._shown_at = status, time.monotonic()
        try:
            await self._set(f"is {status}" if status else "", patient=False)
        except Busy:
            self._shown = ""
            raise
        except PlatformError as error:
            log.info("status not shown", thread=str(self._key), error=str(error))
            return False
        return True

    async def _set(self, shown: str, *, patient: bool) -> None:
        await self._team.api.call(
            "assistant.threads.setStatus",
            patient=patient,
            channel_id=self._key.channel,
            thread_ts=self._key.thread,
            status=shown,
        )
