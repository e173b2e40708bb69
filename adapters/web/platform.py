"""The web page as a chat platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from adapters.web.app import build_app
from adapters.web.context import WebContext
from adapters.web.records import PLATFORM, conversation_of, incoming
from adapters.web.relay import Relay
from adapters.web.reply import WebReply
from adapters.web.settings import WebSettings
from bot.domain import Attachment, IncomingMessage, Order, ThreadKey
from bot.errors import AttachmentUnavailable, BlobMissing, PlatformError
from bot.ports import CommandResult, Services
from bot.serving import Address, Server

log = structlog.get_logger(__name__)


class WebPlatform:
    """Serves the page and shows turns on it.

    Raises:
        SettingsError: the settings are not valid.
    """

    def __init__(self, services: Services) -> None:
        settings = WebSettings.read(services.environ)
        self._context = WebContext(services, settings)
        address = Address(
            settings.web_host, settings.web_port, "The web page", "WEB_HOST and WEB_PORT"
        )
        self._server = Server(
            build_app(self._context), address, shutdown_seconds=settings.web_shutdown_seconds
        )
        self.ready = asyncio.Event()

    @property
    def name(self) -> str:
        """The platform of the page's keys."""
        return PLATFORM

    @property
    def url(self) -> str | None:
        """Where the page is, once it is served (`ready` is set)."""
        return self._server.url

    async def run(self) -> None:
        """Serve the page until cancelled.

        Raises:
            SettingsError: the address can't be had.
        """
        await self._accept_waiting()
        self._server.bind()
        self._context.hub.open()
        self.ready.set()
        log.info("web page ready", url=self.url)
        relaying = asyncio.create_task(self._relay(), name="web-relay")
        try:
            await self._server.serve(before_stop=self._context.hub.close)
        finally:
            self.ready.clear()
            relaying.cancel()
            await asyncio.gather(relaying, return_exceptions=True)

    async def _relay(self) -> None:
        """Where several workers may share the database, have each show what the others do."""
        database = self._context.services.database
        if database.dialect.name == "postgresql":
            look_seconds = self._context.settings.web_heartbeat_seconds
            await Relay(self._context.hub, database, look_seconds=look_seconds).run()

    async def acknowledge(self, message: IncomingMessage) -> None:
        """Show that the message has arrived and is being worked on."""
        self._context.hub.publish("typing", conversation_of(message.key), {})

    async def taken(self, message: IncomingMessage) -> None:
        """Show that the files of a message without a question are in the workspace."""
        self._context.publish_message(await self._context.store.take(message.id))
        await self._context.publish_workspace(conversation_of(message.key))

    async def forget(self, key: ThreadKey) -> None:
        """Erase the conversation: its messages, files and name; no tab shows it any more."""
        await self._context.store.forget(conversation_of(key))
        self._context.publish_forgotten(conversation_of(key))

    async def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        """An uploaded file's bytes, in chunks.

        Raises:
            AttachmentUnavailable: it is not kept (any more).
        """
        try:
            chunks = self._context.services.blobs.open(key, attachment.locator.get("sha256", ""))
            async for chunk in chunks:
                yield chunk
        except BlobMissing as error:
            raise AttachmentUnavailable(f"{attachment.name} is no longer kept here.") from error

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        """The page asks for commands itself, and hands in no orders."""
        raise PlatformError(f"The page gave no order {order.id}.")

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> WebReply:
        """The bot's message of the turn, found by the turn's id."""
        del ref  # the turn's id names the surface
        conversation_id = conversation_of(key)
        if await self._context.store.conversation(conversation_id) is None:
            raise PlatformError("There is no such conversation on the page.")
        message = await self._context.store.open_answer(conversation_id, turn_id, message_id)
        self._context.publish_message(message)
        await self._context.publish_workspace(conversation_id)
        return WebReply(self._context, message)

    async def _accept_waiting(self) -> None:
        """Hand in again what a crash may have kept from the inbox; it knows what it has."""
        for message in await self._context.store.waiting():
            await self._context.services.inbox.accept(incoming(message))
