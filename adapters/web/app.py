"""The page's HTTP application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from adapters.web.commands import Commands
from adapters.web.context import WebContext
from adapters.web.conversations import Conversations
from adapters.web.failure import Failures
from adapters.web.files import Files
from adapters.web.security import Guard
from adapters.web.stream import EventStreams

_STATIC = Path(__file__).parent / "static"


def build_app(context: WebContext) -> Starlette:
    """The application over one context."""

    async def config(request: Request) -> Response:
        """What the page must know before it shows anything."""
        del request
        return JSONResponse(
            {
                "engine_note": context.services.engine_note,
                "attachment_limit_bytes": context.services.attachment_limit_bytes,
                "text_limit_chars": context.settings.web_text_limit_chars,
                "files_per_message": context.settings.web_files_per_message,
            }
        )

    return Starlette(
        routes=[
            Route("/", _page),
            Route("/c/{conversation_id}", _page),
            Route("/api/config", config),
            Route("/api/events", EventStreams(context).endpoint),
            *Conversations(context).routes,
            *Commands(context).routes,
            *Files(context).routes,
            Mount("/static", _FreshFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, settings=context.settings), Middleware(Failures)],
        exception_handlers={HTTPException: _refused},
    )


class _FreshFiles(StaticFiles):
    """Static files that browsers ask about again, so that an update shows at once."""

    async def get_response(self, path: str, scope: Any) -> Response:
        """The file, to be revalidated by its ETag."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _page(request: Request) -> Response:
    del request
    return FileResponse(_STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def _refused(request: Request, error: Exception) -> Response:
    """Every refusal is a sentence."""
    del request
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )
