"""Lists of threads, for menus and home screens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.domain import ThreadSummary
from bot.store.threads import Threads
from bot.workspace import Workspace


class RecentThreads:
    """Implements `ThreadList`."""

    def __init__(self, threads: Threads, workspace: Workspace) -> None:
        self._threads = threads
        self._workspace = workspace

    async def recent(
        self,
        platform: str,
        workspace: str,
        *,
        channel: str | None = None,
        author_id: str | None = None,
        limit: int = 10,
    ) -> Sequence[ThreadSummary]:
        """The newest threads of a workspace first; of one channel, or with one person, if given."""
        found = await self._threads.recent(
            platform, workspace, channel=channel, author_id=author_id, limit=limit
        )
        return [
            ThreadSummary(
                thread.key,
                thread.title,
                datetime.fromtimestamp(thread.last_active_at, UTC),
                thread.last_message_id,
                await self._workspace.view(thread.key),
                busy=thread.running_turn is not None,
            )
            for thread in found
        ]
