"""The named points at which the program is killed: a call that it made took effect, and dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.effects import Effect
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.records import Request

T = TypeVar("T")

# The call that shows that a point was reached → the point.
POINTS = {
    "slack assistant.threads.setStatus": "message taken in",
    "discord POST /channels/{channel_id}/typing": "message taken in",
    "slack chat.startStream": "reply begun",
    "engine files": "uploaded to the engine",
    "engine responses": "question asked, its id not known",
    "engine response known": "response id known",
    "slack files.getUploadURLExternal": "before an upload to the chat",
    "slack files.completeUploadExternal": "uploaded to the chat",
    "slack chat.stopStream": "posted, not noted",
    "slack chat.postMessage": "posted, not noted",
    "slack chat.update": "posted, not noted",
    "discord POST /channels/{channel_id}/messages": "posted, not noted",
    "discord PATCH /channels/{channel_id}/messages/{message_id}": "posted, not noted",
    "discord POST /channels/{channel_id}/messages/{message_id}/threads": "thread opened",
}


class Points:
    """Waits for the program to reach a point, and kills it there.

    Arguments:
        kill: kills the program at once.
    """

    def __init__(self, kill: Callable[[], None]) -> None:
        self.met: Counter[str] = Counter()
        self._kill = kill
        self._armed: frozenset[str] = frozenset()

    @property
    def armed(self) -> bool:
        """Whether a point is waited for."""
        return bool(self._armed)

    def arm(self, points: Iterable[str]) -> None:
        """Kill the program at the first of these points; its call is never answered."""
        self._armed = frozenset(points)

    def disarm(self) -> None:
        """Let it live."""
        self._armed = frozenset()

    def reached(self, call: str) -> None:
        """A call took effect, and was not answered yet."""
        point = POINTS.get(call)
        if point in self._armed:
            self.disarm()
            self.met[point] += 1
            self._kill()

    def watch(self, slack: FakeSlack, discord: FakeDiscord) -> None:
        """Hear of what the chats were asked."""
        slack.requests = _Watched(slack.requests, self._of_slack)
        discord.effects.requests = _Watched(discord.effects.requests, self._of_discord)

    def _of_slack(self, request: Request) -> None:
        if request.outcome == "ok":
            self.reached(f"slack {request.method}")

    def _of_discord(self, effect: Effect) -> None:
        if 200 <= effect.status < 300:
            self.reached(f"discord {effect.method} {effect.route}")


class _Watched(list[T]):
    """A log that tells of each entry: the fakes write it after the effect, before the answer."""

    def __init__(self, entries: Iterable[T], tell: Callable[[Any], None]) -> None:
        super().__init__(entries)
        self._tell = tell

    def append(self, entry: T) -> None:
        super().append(entry)
        self._tell(entry)
