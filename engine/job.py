"""One response being worked on: its container, its planner, its end."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from engine.archive import StoredResponse
from engine.container import Container
from engine.errors import ApiError, ContainerExpired, InvalidRequest, NotFound, RateLimited
from engine.errors_kernel import KernelError
from engine.inputs import Asked
from engine.lab import ResponseLab
from engine.output import Output
from engine.planner.protocol import Question
from engine.response_body import ResponseBody, usage
from engine.schema import AutoContainer, CreateResponse
from engine.stream import Journal
from engine.uploads import keep_bytes

if TYPE_CHECKING:
    from engine.responses import Responses

log = structlog.get_logger(__name__)

OUTPUTS = "code_interpreter_call.outputs"
AUTO_NAME = "auto"
LOST = "The engine was restarted while it worked on this response. Ask again."
PLANNER_FAILED = "The engine failed while it worked on this response; its log says why."


class Outcome(StrEnum):
    """Why work on a response was stopped from outside."""

    CANCELLED = "cancelled"
    LOST = "lost"


class Job:
    """The work on one response, from acceptance to its last event."""

    def __init__(
        self,
        services: Responses,
        request: CreateResponse,
        asked: Asked,
        previous: StoredResponse | None,
        body: ResponseBody,
    ) -> None:
        self.id: str = body["id"]
        self.body = body
        self.task: asyncio.Task[None] | None = None
        self.outcome: Outcome | None = None
        self.settling = False
        self.journal = Journal(kept=bool(request.stream or request.background))
        self._output = Output(
            self.journal,
            include_outputs=OUTPUTS in (request.include or ()),
            images_bytes_max=services.settings.response_images_bytes,
        )
        self._services = services
        self._request = request
        self._asked = asked
        self._previous = previous
        self._container_id = previous.container_id if previous else None
        self._told = 0

    @property
    def snapshot(self) -> ResponseBody:
        """The response as it stands now."""
        return self.body | {"output": list(self._output.items)}

    async def begin(self) -> None:
        """Tell the first events, before anything that takes time."""
        self.journal.add("response.created", response=self.body)
        if self._request.background:
            self.journal.add("response.queued", response=self.body)
        await self._flush()

    async def run(self) -> None:
        """Work on it; whatever fails becomes the response's error."""
        seconds = self._services.settings.response_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._answer()
        except TimeoutError:
            self._fail(f"The response took longer than {seconds:g} s and was stopped.")
        except RateLimited as error:
            self._fail(str(error), code="rate_limit_exceeded")
        except (InvalidRequest, NotFound) as error:  # asking again would not help
            self._fail(str(error), code="invalid_prompt")
        except (ApiError, KernelError) as error:
            self._fail(str(error))
        except Exception:
            log.exception("response failed", response=self.id)
            self._fail(PLANNER_FAILED)

    async def settle(self) -> None:
        """Store how it ended, and tell it."""
        if self.outcome is Outcome.CANCELLED:
            self.body["status"] = "cancelled"
        elif self.outcome is Outcome.LOST:
            self._fail(LOST)
        self._output.abandon()
        self.body["output"] = self._output.items
        status = self.body["status"]
        if status == "completed":
            made = len(self._output.answer) + sum(map(len, self._output.codes))
            self.body |= {"completed_at": int(time.time()), "usage": usage(self._told, made)}
        if status != "cancelled":  # for which the service has no event: the stream ends
            self.journal.add(f"response.{status}", response=self.body)
        archive = self._services.archive
        await archive.update(self.body, container_id=self._container_id, finished=True)
        await self._flush()

    async def _answer(self) -> None:
        self.body["status"] = "in_progress"
        self.journal.add("response.in_progress", response=dict(self.body))
        await self._flush()
        async with AsyncExitStack() as stack:
            container = await self._enter_container(stack)
            question = await self._question(container)
            lab = ResponseLab(
                self.id,
                container,
                self._services.containers,
                self._services.container_files,
                self.journal,
                self._output,
                self._services.events,
                self._services.settings,
                runs_max=self._runs_max,
            )
            await self._services.planner.answer(question, lab)
            await lab.finish()
        self.body["status"] = "completed"

    @property
    def _runs_max(self) -> int:
        asked, most = self._request.max_tool_calls, self._services.settings.runs_max
        return most if asked is None else min(asked, most)

    async def _enter_container(self, stack: AsyncExitStack) -> Container | None:
        """The container to work in, held until the stack closes; None without the tool."""
        if not self._request.tools or self._request.tool_choice == "none":
            return None
        wanted = self._request.tools[0].container
        containers = self._services.containers
        if isinstance(wanted, str):
            self._container_id = wanted
            return await stack.enter_async_context(containers.use(wanted))
        container = await self._enter_earlier(stack, wanted)
        if container is None:
            made = await containers.create(AUTO_NAME, wanted.memory_limit or "1g")
            container = await stack.enter_async_context(containers.use(made.id))
        self._container_id = container.id
        return container

    async def _enter_earlier(
        self, stack: AsyncExitStack, wanted: AutoContainer
    ) -> Container | None:
        """The running container of the conversation, unless another tier is asked for."""
        if self._container_id is None:
            return None
        try:
            use = self._services.containers.use(self._container_id)
            container = await stack.enter_async_context(use)
        except (ContainerExpired, NotFound):
            return None
        fits = wanted.memory_limit in (None, container.memory_limit)
        return container if fits else None

    async def _question(self, container: Container | None) -> Question:
        asked, services = self._asked, self._services
        history = list(asked.history)
        if self._previous is not None:
            most = services.settings.history_max
            history = await services.archive.history(self._previous.id, most) + history
        attached = await self._attach(container) if container is not None else ()
        told = [text for past in history for text in (past.question, past.answer, *past.codes)]
        self._told = sum(map(len, [asked.text, asked.instructions, *told]))
        choice = self._request.tool_choice
        return Question(
            text=asked.text,
            context=asked.context,
            instructions=asked.instructions,
            attached=attached,
            history=history,
            must_use_tool=choice == "required" or not isinstance(choice, str),
        )

    async def _attach(self, container: Container) -> tuple[str, ...]:
        """Put the files in; the paths of those that came with this question.

        Those are the files named by it, and what people put in since the last answer.
        """
        services, tool = self._services, self._request.tools[0].container
        auto_ids = tool.file_ids if isinstance(tool, AutoContainer) else []
        named = set()
        for file in await services.files.get_all(auto_ids, param="tools[0].container.file_ids"):
            await services.container_files.mount(container, file)
        for file in await services.files.get_all(self._asked.file_ids, param="input"):
            named.add((await services.container_files.mount(container, file)).id)
        for embedded in self._asked.embedded:
            async with keep_bytes(services.files.folder, embedded.name, embedded.data) as received:
                named.add((await services.container_files.add(container, received)).id)
        since = self._previous.finished_at if self._previous else None
        return tuple(
            file.path
            for file in await services.container_files.all(container)
            if file.source == "user" and (file.id in named or file.created_at >= (since or 0))
        )

    def _fail(self, message: str, *, code: str = "server_error") -> None:
        """The code is one of schema `ResponseErrorCode`."""
        error = {"code": code, "message": message}
        self.body |= {"status": "failed", "error": error}

    async def _flush(self) -> None:
        await self._services.events.append(self.id, self.journal.take())
