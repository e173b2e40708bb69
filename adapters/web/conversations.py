"""The endpoints of conversations: list, make, rename, read, write."""

from __future__ import annotations

import re
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.web.context import WebContext
from adapters.web.records import PERSON, Conversation, attachment_of, incoming
from adapters.web.requests import id_of, ids_of, read_object, text_of
from adapters.web.views import conversation_view
from bot.domain import Attachment

_BASE = "/api/conversations"
_TITLE_LIMIT_CHARS = 80
_SMALL_BODY_BYTES = 10_000
_FENCE = re.compile(r"^[ \t]*```[^`\n]*$", re.MULTILINE)
_BYTES_PER_CHAR = 12  # the longest a character can be in JSON: two \uXXXX escapes


async def found_conversation(context: WebContext, request: Request) -> Conversation:
    """The conversation that a request's path names. HTTPException 404 where there is none."""
    found = await context.store.conversation(request.path_params["conversation_id"])
    if found is None:
        raise HTTPException(404, "There is no such conversation.")
    return found


class Conversations:
    """What the page asks about conversations."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    @property
    def routes(self) -> list[Route]:
        """All routes."""
        one = f"{_BASE}/{{conversation_id}}"
        return [
            Route(_BASE, self.list_all, methods=["GET"]),
            Route(_BASE, self.create, methods=["POST"]),
            Route(one, self.read, methods=["GET"]),
            Route(one, self.rename, methods=["PATCH"]),
            Route(f"{one}/messages", self.say, methods=["POST"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """The conversations, the most recent first."""
        del request
        return JSONResponse(await self._context.snapshot(None))

    async def create(self, request: Request) -> Response:
        """A new conversation. It is listed with its first message or file."""
        del request
        created = await self._context.store.create_conversation()
        self._context.publish_conversation(created)
        return JSONResponse(conversation_view(created), status_code=201)

    async def read(self, request: Request) -> Response:
        """A conversation with its messages and its container."""
        found = await found_conversation(self._context, request)
        return JSONResponse(await self._context.snapshot(found.id))

    async def rename(self, request: Request) -> Response:
        """Give a conversation another title."""
        found = await found_conversation(self._context, request)
        body = await read_object(request, _SMALL_BODY_BYTES)
        title = " ".join(text_of(body, "title", _TITLE_LIMIT_CHARS).split())
        if not title:
            raise HTTPException(400, "A conversation needs a title.")
        await self._context.store.rename(found.id, title)
        self._context.publish_conversation(replace(found, title=title))
        return JSONResponse({"title": title})

    async def say(self, request: Request) -> Response:
        """Take a person's message. `client_id` makes a repeat harmless.

        The message is kept here before it is handed in: what a crash leaves between the two is
        handed in again at the next start.
        """
        found, limits = await found_conversation(self._context, request), self._context.settings
        body = await read_object(
            request, limits.web_text_limit_chars * _BYTES_PER_CHAR + _SMALL_BODY_BYTES
        )
        message_id = id_of(body, "client_id")
        text = text_of(body, "text", limits.web_text_limit_chars).strip()
        upload_ids = ids_of(body, "upload_ids", limits.web_files_per_message)
        files = [await self._attachment(found.id, upload_id) for upload_id in upload_ids]
        if not text and not files:
            raise HTTPException(400, "Write something or attach a file.")
        kept = await self._context.store.add_person_message(
            found.id, message_id, text, PERSON.name, files, title_if_new=_title(text, files)
        )
        if kept is None:
            raise HTTPException(409, "This message belongs to another conversation.")
        message, conversation = kept
        self._context.publish_message(message)
        self._context.publish_conversation(conversation)
        await self._context.services.inbox.accept(incoming(message))
        return JSONResponse({"id": message.id}, status_code=202)

    async def _attachment(self, conversation_id: str, upload_id: str) -> Attachment:
        file = await self._context.files.upload(conversation_id, upload_id)
        if file is None:
            raise HTTPException(400, "A file of this message was not uploaded here.")
        return attachment_of(file)


def _title(text: str, files: list[Attachment]) -> str:
    """A first title: how the message begins, or the name of its first file."""
    words = " ".join(_FENCE.sub(" ", text).split()) or (files[0].name if files else "code")
    return words if len(words) <= _TITLE_LIMIT_CHARS else f"{words[: _TITLE_LIMIT_CHARS - 1]}…"
