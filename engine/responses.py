"""Responses (`/v1/responses`): accepted, worked on in a task each, stored, followed, cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import structlog

from engine.archive import Archive
from engine.container_files import ContainerFiles
from engine.containers import Containers
from engine.errors import ContainerExpired, InvalidRequest, NotFound, RateLimited
from engine.files import FileStore
from engine.ids import new_id
from engine.inputs import read_input
from engine.job import LOST, Job, Outcome
from engine.planner.protocol import Planner
from engine.response_body import ResponseBody, new_body
from engine.schema import AutoContainer, CreateResponse, check_network
from engine.settings import EngineSettings
from engine.stream import EventLog, Journal

log = structlog.get_logger(__name__)

BUSY_RETRY_SECONDS = 2


class Responses:
    """All responses of the engine."""

    def __init__(
        self,
        archive: Archive,
        events: EventLog,
        containers: Containers,
        container_files: ContainerFiles,
        files: FileStore,
        planner: Planner,
        settings: EngineSettings,
        model: str,
    ) -> None:
        self.archive = archive
        self.events = events
        self.containers = containers
        self.container_files = container_files
        self.files = files
        self.planner = planner
        self.settings = settings
        self._model = model
        self._slots = asyncio.Semaphore(settings.responses_max)
        self._waiting = 0
        self._jobs: dict[str, Job] = {}

    async def start(self) -> None:
        """Settle what a server before this one left: failed, with a clear message."""
        await self.archive.purge(self._kept_seconds, unstored=True)
        for left in await self.archive.unfinished():
            body = left.body
            body |= {"status": "failed", "error": {"code": "server_error", "message": LOST}}
            journal = Journal(kept=left.background, first=await self.events.next_number(left.id))
            journal.add("response.failed", response=body)
            await self.events.append(left.id, journal.take())
            await self.archive.update(body, container_id=left.container_id, finished=True)

    async def create(self, request: CreateResponse) -> Job:
        """Accept a request and begin to work on it.

        Raises:
            InvalidRequest: it can't be served as it is.
            NotFound: it names a file or a container that is not there.
            RateLimited: the engine has enough to do.
        """
        asked = read_input(request)
        if request.background and request.store is False:
            text = "Background responses need store=true: they are retrieved later."
            raise InvalidRequest(text, param="store")
        self._check_load(background=bool(request.background))
        previous = None
        if request.previous_response_id is not None:
            previous = await self.archive.previous(request.previous_response_id)
        await self._check_tools(request)
        await self.files.get_all(asked.file_ids, param="input")
        body = new_body(request, new_id("resp"), int(time.time()), self._model)
        await self.archive.add(body, question=asked.text, items=asked.items)
        job = Job(self, request, asked, previous, body)
        self._jobs[job.id] = job
        self.events.open(job.id)
        await job.begin()
        job.task = asyncio.create_task(self._work(job), name=f"response {job.id}")
        await asyncio.sleep(0)  # a task that is cancelled before it began would settle nothing
        return job

    async def retrieve(self, response_id: str) -> ResponseBody:
        """A response as it stands. Raises NotFound."""
        stored = await self.archive.get(response_id)
        job = self._jobs.get(response_id)
        return job.snapshot if job is not None else stored.body

    async def resume(self, response_id: str, after: int) -> AsyncIterator[tuple[str, str]]:
        """The events after a sequence number, also those to come.

        Raises:
            NotFound: unknown, or not a background response: only those can be resumed.
        """
        stored = await self.archive.get(response_id)
        if not stored.background:
            text = f"Response with id '{response_id}' can't be streamed: it is no background one."
            raise NotFound(text)
        return self.events.follow(response_id, after)

    async def cancel(self, response_id: str) -> ResponseBody:
        """Stop a background response; cancelling again gives it as it is.

        Raises:
            NotFound: no such response.
            InvalidRequest: it is no background one, or has ended already.
        """
        stored = await self.archive.get(response_id)
        if not stored.background:
            raise InvalidRequest("Cannot cancel a synchronous response.")
        job = self._jobs.get(response_id)
        if job is not None:
            await self._stop(job, Outcome.CANCELLED)
            stored = await self.archive.get(response_id)
        if stored.body["status"] != "cancelled":
            raise InvalidRequest(f"Cannot cancel a {stored.body['status']} response.")
        return stored.body

    async def delete(self, response_id: str) -> None:
        """Remove a response; one that is worked on is stopped first. Raises NotFound."""
        await self.archive.get(response_id)
        job = self._jobs.get(response_id)
        if job is not None:
            await self._stop(job, Outcome.CANCELLED)
        await self.archive.delete(response_id)

    async def input_items(self, response_id: str) -> list[dict[str, Any]]:
        """What was asked, first to last. Raises NotFound."""
        return await self.archive.input_items(response_id)

    async def abandon(self, job: Job) -> None:
        """The client of a response that only it can see has gone: stop the work."""
        if not job.body["background"]:
            await self._stop(job, Outcome.CANCELLED)

    async def sweep(self) -> None:
        """Remove what is older than the retention time."""
        await self.archive.purge(self._kept_seconds)

    async def close(self) -> None:
        """Stop all work; what was not finished counts as lost."""
        jobs = list(self._jobs.values())
        await asyncio.gather(*(self._stop(job, Outcome.LOST) for job in jobs))

    @property
    def _kept_seconds(self) -> float:
        return self.settings.retention_days * 86_400

    def _check_load(self, *, background: bool) -> None:
        full = self._slots.locked()
        if full and (not background or self._waiting >= self.settings.queue_max):
            text = "Rate limit reached: the engine works on as many responses as it may."
            raise RateLimited(text, BUSY_RETRY_SECONDS)

    async def _check_tools(self, request: CreateResponse) -> None:
        if len(request.tools) > 1:
            raise InvalidRequest("Only one code_interpreter tool can be given.", param="tools")
        for tool in request.tools:
            place = "tools[0].container"
            if isinstance(tool.container, AutoContainer):
                check_network(tool.container.network_policy, f"{place}.network_policy")
                await self.files.get_all(tool.container.file_ids, param=f"{place}.file_ids")
            elif not await self.containers.is_running(tool.container):
                await self.containers.retrieve(tool.container)  # raises where it is unknown
                raise ContainerExpired

    async def release(self, job: Job) -> None:
        """The client has all it asked for: remove what nobody may read again."""
        if not job.body["store"]:
            await self.archive.delete(job.id)
        elif not job.body["background"] and job.journal.kept:
            await self.events.forget(job.id)

    async def _work(self, job: Job) -> None:
        self._waiting += 1
        try:
            await self._run_in_turn(job)
        except asyncio.CancelledError:
            log.info("response stopped", response=job.id, outcome=job.outcome)
        finally:
            job.settling = True  # from here on nothing cancels it
            await job.settle()
            self.events.close(job.id)
            del self._jobs[job.id]

    async def _run_in_turn(self, job: Job) -> None:
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            await job.run()
        finally:
            self._slots.release()

    async def _stop(self, job: Job, outcome: Outcome) -> None:
        assert job.task is not None
        if job.outcome is None and not job.settling:
            job.outcome = outcome
            job.task.cancel()
        await asyncio.wait([job.task])
