"""A turn while it runs here: its row, its messages and its reply, read once and kept in step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from bot.domain import Answer, IncomingMessage, Post, Progress, ThreadKey
from bot.errors import PlatformError
from bot.events import Outcome, Usage
from bot.followups import Intent
from bot.ports import ChatPlatform, Reply
from bot.store.fencing import certainly_ours
from bot.store.turns import Turn, Turns

log = structlog.get_logger()


class Unshown:
    """The reply of a turn in which nothing is asked: it has no surface."""

    ref = ""

    def show(self, progress: Progress) -> None:
        """Show nothing."""

    def plan(self, answer: Answer) -> Sequence[Post]:
        """Nothing to post."""
        del answer
        return ()

    async def send(self, post: Post) -> str:
        """Never called: nothing is planned."""
        raise PlatformError(f"{post.id} has no surface.")

    async def find(self, post_id: str) -> str | None:
        """Nothing was posted."""
        del post_id
        return None

    async def close(self) -> None:
        """Nothing to close."""


class OpenTurn:
    """One running turn. Nobody else writes its row but a stop request, which comes as an event."""

    def __init__(
        self,
        turn: Turn,
        intent: Intent | None,
        asked: Sequence[IncomingMessage],
        reply: Reply,
        turns: Turns,
        limit_seconds: float,
    ) -> None:
        self.turn = turn
        self.intent = intent  # None: all its messages were withdrawn
        self.asked = asked
        self.reply = reply
        self.charged = Usage()  # for tries that failed
        self.stop = asyncio.Event()
        if turn.stop_requested:
            self.stop.set()
        self._turns = turns
        self._deadline = time.monotonic() + limit_seconds

    def seconds_left(self) -> float:
        """How long the turn may still take; after a restart its time begins anew."""
        return self._deadline - time.monotonic()

    @property
    def id(self) -> str:
        """The turn's id."""
        return self.turn.id

    @property
    def key(self) -> ThreadKey:
        """The thread it answers in."""
        return self.turn.key

    async def set_response(self, response_id: str | None) -> None:
        """The response to resume after a crash."""
        await self._turns.update(self.id, response_id=response_id)
        self.turn = replace(self.turn, response_id=response_id)

    async def set_outcome(self, outcome: Outcome) -> None:
        """What the engine answered, or the sentence in its place."""
        await self._turns.update(self.id, outcome=outcome.as_json())
        self.turn = replace(self.turn, outcome=outcome)

    async def note(self, sentences: Iterable[str]) -> None:
        """Sentences for the person, under the answer; each once."""
        notes = tuple(dict.fromkeys([*self.turn.notes, *sentences]))
        if notes != self.turn.notes:
            await self._turns.update(self.id, notes=list(notes))
            self.turn = replace(self.turn, notes=notes)


class OpenTurns:
    """The turns that run in this process."""

    def __init__(
        self, turns: Turns, platforms: Mapping[str, ChatPlatform], *, limit_seconds: float
    ) -> None:
        self._turns = turns
        self._limit_seconds = limit_seconds
        self._platforms = platforms
        self._open: dict[str, OpenTurn] = {}

    def platform(self, key: ThreadKey) -> ChatPlatform:
        """The platform of a thread. Raises PlatformError where it doesn't run."""
        try:
            return self._platforms[key.platform]
        except KeyError:
            raise PlatformError(f"The platform {key.platform} is not running.") from None

    async def get(self, turn_id: str) -> OpenTurn:
        """The turn with its reply: where something is asked, the surface is opened once, and found
        again after a restart.

        Raises:
            PlatformError: the chat can't show it.
        """
        if turn_id in self._open:
            return self._open[turn_id]
        turn = await self._turns.get(turn_id)
        intent, asked = await self._turns.asked(turn_id)
        opened = OpenTurn(turn, intent, asked, Unshown(), self._turns, self._limit_seconds)
        if intent is Intent.ASK or turn.reply_ref is not None:
            await self.show(opened)
        self._open[turn_id] = opened
        return opened

    async def show(self, turn: OpenTurn) -> None:
        """Open the surface of a turn, where it has none yet. Raises PlatformError."""
        if not isinstance(turn.reply, Unshown):
            return
        ref = turn.turn.reply_ref
        certainly_ours()
        # The first message: others may join it before a crash and after, and what was shown already
        # is looked for behind it.
        turn.reply = await self.platform(turn.key).open_reply(
            turn.key, turn_id=turn.id, message_id=turn.asked[0].id, ref=ref
        )
        if ref is None:
            await self._turns.update(turn.id, reply_ref=turn.reply.ref)

    def stop(self, turn_id: str) -> None:
        """End the turn's question, if it runs here."""
        if turn_id in self._open:
            self._open[turn_id].stop.set()

    async def close(self, turn_id: str) -> None:
        """The turn shows nothing more."""
        closing = self._open.pop(turn_id, None)
        if closing is None:
            return
        try:
            await closing.reply.close()
        except PlatformError:
            log.exception("reply not closed", turn=turn_id)
