"""What the parts of the adapter share: settings, services, store, events, running answers."""

from __future__ import annotations

import asyncio
from typing import Any

from adapters.web.events import EventHub
from adapters.web.file_store import FileStore
from adapters.web.records import Conversation, Message, MessageState, thread_key
from adapters.web.settings import WebSettings
from adapters.web.store import WebStore
from adapters.web.views import conversation_view, message_view, workspace_view
from bot.domain import Progress
from bot.ports import Services


class WebContext:
    """One per platform; tells the open tabs what changed."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self.services = services
        self.settings = settings
        self.store = WebStore(services.database)
        self.files = FileStore(services.database)
        self.hub = EventHub(settings.web_event_buffer_bytes)
        self.live: dict[str, Progress] = {}  # message id → how its answer stands

    async def snapshot(self, conversation_id: str | None) -> dict[str, Any]:
        """Everything a tab shows; `conversation` is None where there is no such conversation."""
        store, limits = self.store, self.settings
        listed = await store.conversations(limits.web_history_conversations)
        found = await store.conversation(conversation_id) if conversation_id else None
        picture: dict[str, Any] = {
            "conversations": [conversation_view(item) for item in listed],
            "conversation": None,
        }
        if found is None:
            return picture
        newest = await store.messages(found.id, limits.web_history_messages + 1)
        shown = newest[-limits.web_history_messages :]
        # A long history is many milliseconds of rendering, which must not hold the loop up.
        views = await asyncio.to_thread(lambda: [self.message_view(item) for item in shown])
        return picture | {
            "conversation": conversation_view(found),
            "messages": views,
            "earlier": len(newest) > len(shown),
            "typing": any(item.state is MessageState.WAITING for item in shown),
            "workspace": await self._workspace(found.id),
        }

    def message_view(self, message: Message) -> dict[str, Any]:
        """A message as the page gets it."""
        return message_view(
            message,
            self.live.get(message.id),
            log_limit_chars=self.settings.web_log_limit_chars,
        )

    def publish_message(self, message: Message) -> None:
        """Tell the tabs of its conversation how a message is now."""
        self.hub.publish("message", message.conversation_id, self.message_view(message))

    def publish_conversation(self, conversation: Conversation) -> None:
        """Tell all tabs of a new, renamed or moved conversation."""
        self.hub.publish("conversation", None, conversation_view(conversation))

    def publish_forgotten(self, conversation_id: str) -> None:
        """Tell all tabs that a conversation is no more; nothing of it is told again."""
        self.hub.forget(conversation_id)
        self.hub.publish("forgotten", None, {"id": conversation_id})

    async def publish_workspace(self, conversation_id: str) -> None:
        """Tell the tabs of a conversation how its container is."""
        self.hub.publish("workspace", conversation_id, await self._workspace(conversation_id))

    async def _workspace(self, conversation_id: str) -> dict[str, Any]:
        return workspace_view(await self.services.workspaces.view(thread_key(conversation_id)))
