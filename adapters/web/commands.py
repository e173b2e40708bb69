"""The endpoints of commands: which there are, what completes them, running one."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.web.context import WebContext
from adapters.web.conversations import found_conversation
from adapters.web.records import CALLER, Role, thread_key
from adapters.web.requests import read_object, text_of
from adapters.web.views import choice_view, result_view, spec_view

_ONE = "/api/conversations/{conversation_id}"
_RESET = "Reset: the conversation before this is forgotten"
_BODY_BYTES = 40_000  # arguments may be a text, such as instructions
_TYPED_LIMIT_CHARS = 200


class Commands:
    """What the page asks about commands."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    @property
    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/api/commands", self.list_all),
            Route(_ONE + "/commands/{name}", self.run, methods=["POST"]),
            Route(_ONE + "/commands/{name}/{argument}", self.complete),
            Route(_ONE + "/messages/{message_id}/feedback", self.feedback, methods=["POST"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """The commands, in the order in which help lists them."""
        del request
        specs = self._context.services.commands.specs
        return JSONResponse({"commands": [spec_view(spec) for spec in specs]})

    async def run(self, request: Request) -> Response:
        """Carry out a command of the core; its files can be downloaded in this conversation."""
        context, name = self._context, request.path_params["name"]
        found = await found_conversation(context, request)
        arguments = text_of(await read_object(request, _BODY_BYTES), "arguments", _BODY_BYTES)
        key = thread_key(found.id)
        result = await context.services.commands.run(name, key, CALLER, arguments)
        if await context.store.conversation(found.id) is None:
            return JSONResponse(result_view(found.id, result))  # it was forgotten
        await context.files.hand_out(found.id, result.files)
        if name == "reset" and result.ok and await context.store.messages(found.id, 1):
            context.publish_message(await context.store.add_note(found.id, _RESET))
        await context.publish_workspace(found.id)
        return JSONResponse(result_view(found.id, result))

    async def complete(self, request: Request) -> Response:
        """`GET …/commands/{name}/{argument}?typed=…`: values for an argument."""
        found = await found_conversation(self._context, request)
        choices = await self._context.services.commands.complete(
            request.path_params["name"],
            thread_key(found.id),
            CALLER,
            request.path_params["argument"],
            request.query_params.get("typed", "")[:_TYPED_LIMIT_CHARS],
        )
        return JSONResponse({"choices": [choice_view(choice) for choice in choices]})

    async def feedback(self, request: Request) -> Response:
        """Tell the core what the person thinks of an answer, and remember it on the page."""
        context = self._context
        found = await found_conversation(context, request)
        message = await context.store.message(request.path_params["message_id"])
        good = (await read_object(request, _BODY_BYTES)).get("good")
        if message is None or message.conversation_id != found.id or message.role is not Role.BOT:
            raise HTTPException(404, "There is no such answer in this conversation.")
        if not isinstance(good, bool):
            raise HTTPException(400, "good is neither true nor false.")
        arguments = f"{message.turn_id} {'good' if good else 'bad'}"
        key = thread_key(found.id)
        result = await context.services.commands.run("feedback", key, CALLER, arguments)
        if result.ok:
            context.publish_message(await context.store.judge(message.id, good=good))
        return JSONResponse(result_view(found.id, result))
