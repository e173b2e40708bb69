"""Whose a thread is: what is erased for good is up to who began it, and to admins."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.registry import Call, Rights
from bot.markup import plain
from bot.ports import CommandResult
from bot.store.threads import Threads

REFUSED = "Only {name}, who asked me first in this thread, or an admin may do that."


@dataclass(frozen=True, slots=True)
class Ownership:
    """Knows who began a thread: the author of the first message that I took in there."""

    rights: Rights
    threads: Threads

    async def refusal(self, call: Call) -> CommandResult | None:
        """Why somebody may not erase the thread; None where they may, or nothing is there."""
        first = await self.threads.first_message(call.key)
        if first is None or first.author.id == call.author.id:
            return None
        if self.rights.is_admin(call.key, call.caller):
            return None
        return CommandResult(REFUSED.format(name=plain(first.author.name)), ok=False)
