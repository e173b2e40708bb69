"""The inbox: a message is ours from the moment its one commit is through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import structlog

from bot.access import Access
from bot.channels import Channels
from bot.dispatcher import Dispatcher
from bot.domain import IncomingMessage, ThreadKey
from bot.followups import Followups, Intent
from bot.forgetting import Forgetter
from bot.ports import ChatPlatform
from bot.store.arrivals import Arrival, Arrivals
from bot.store.patience import patiently
from bot.supervision import TaskSet

log = structlog.get_logger()


class DurableInbox:
    """Accepts messages; idempotent by thread and message id."""

    def __init__(
        self,
        arrivals: Arrivals,
        channels: Channels,
        access: Access,
        dispatcher: Dispatcher,
        platforms: Mapping[str, ChatPlatform],
        tasks: TaskSet,
        forgetter: Forgetter,
        *,
        stop: Callable[[str], None],
        patience_seconds: float,
    ) -> None:
        self._arrivals = arrivals
        self._channels = channels
        self._access = access
        self._dispatcher = dispatcher
        self._platforms = platforms
        self._tasks = tasks
        self._forgetter = forgetter
        self._stop = stop
        self._patience_seconds = patience_seconds

    async def accept(self, message: IncomingMessage) -> bool:
        """Commit a message; True where it is new and for us. The first sign and the turn follow
        at once."""
        await self._forgetter.wait_for(message.key)
        arrival = await patiently(partial(self._arrive, message), seconds=self._patience_seconds)
        if arrival.intent is None:
            return False
        turn_id = arrival.turn_id
        log.info("accepted", thread=str(message.key), message=message.id, turn=turn_id)
        if arrival.intent is Intent.ASK:
            platform = self._platforms[message.key.platform]
            self._tasks.spawn(platform.acknowledge(message), "acknowledge")
        if turn_id:
            self._dispatcher.wake(turn_id, message.key.place)
        return True

    async def _arrive(self, message: IncomingMessage) -> Arrival:
        return await self._arrivals.accept(message, await self._rule(message))

    async def _rule(self, message: IncomingMessage) -> Followups:
        """The channel's rule. Who may not use the bot hears that where they speak to it; what they
        say to others is left alone."""
        if message.addressed.overheard and await self._access.refusal(message.key, message.author):
            return Followups.MENTIONS
        return Followups((await self._channels.settings(message.key)).followups)

    async def revise(self, key: ThreadKey, message_id: str, text: str) -> bool:
        """A message was edited; True where its new text still counts, as it was waiting."""
        revise = partial(self._arrivals.revise, key, message_id, text)
        revised = await patiently(revise, seconds=self._patience_seconds)
        log.info("revised", thread=str(key), message=message_id, waiting=revised)
        return revised

    async def withdraw(self, key: ThreadKey, message_id: str) -> bool:
        """A message was deleted; True where it was waiting, and so will not be answered. An answer
        that is under way to it alone is stopped."""
        withdraw = partial(self._arrivals.withdraw, key, message_id)
        withdrawn = await patiently(withdraw, seconds=self._patience_seconds)
        log.info("withdrawn", thread=str(key), message=message_id, waiting=withdrawn)
        if not withdrawn:
            desert = partial(self._arrivals.desert, key, message_id)
            turn_id = await patiently(desert, seconds=self._patience_seconds)
            if turn_id is not None:
                self._stop(turn_id)
        return withdrawn
