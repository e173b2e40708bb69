"""The inbox: a message is ours from the moment its one commit is through."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from bot.dispatcher import Dispatcher
from bot.domain import IncomingMessage
from bot.ports import ChatPlatform
from bot.store.turns import Turns
from bot.supervision import TaskSet

log = structlog.get_logger()


class DurableInbox:
    """Accepts messages; idempotent by thread and message id."""

    def __init__(
        self,
        turns: Turns,
        dispatcher: Dispatcher,
        platforms: Mapping[str, ChatPlatform],
        tasks: TaskSet,
    ) -> None:
        self._turns = turns
        self._dispatcher = dispatcher
        self._platforms = platforms
        self._tasks = tasks

    async def accept(self, message: IncomingMessage) -> bool:
        """Commit a message; True where it is new. The first sign and the turn follow at once."""
        new, turn_id = await self._turns.accept(message)
        if new:
            platform = self._platforms[message.key.platform]
            self._tasks.spawn(platform.acknowledge(message), "acknowledge")
            log.info("accepted", thread=str(message.key), message=message.id, turn=turn_id)
        if turn_id:
            self._dispatcher.wake(turn_id)
        return new
