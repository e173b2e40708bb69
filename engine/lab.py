"""What a planner can do, bound to one response: run code in its container, and say things."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath

from engine.citations import Link, links
from engine.container import Container
from engine.container_files import ContainerFile, ContainerFiles
from engine.containers import Containers
from engine.kernel_port import Execution
from engine.output import Citation, Output
from engine.planner.protocol import LabFile, RunResult
from engine.settings import EngineSettings
from engine.stream import EventLog, Journal
from engine.verdict import verdict

_NO_TOOL = "The request offers no python tool: code can't run."


class ResponseLab:
    """The lab of one response; without a container it can only say things."""

    def __init__(
        self,
        response_id: str,
        container: Container | None,
        containers: Containers,
        files: ContainerFiles,
        journal: Journal,
        output: Output,
        events: EventLog,
        settings: EngineSettings,
        *,
        runs_max: int,
    ) -> None:
        self._response_id = response_id
        self._container = container
        self._containers = containers
        self._files = files
        self._journal = journal
        self._output = output
        self._events = events
        self._settings = settings
        self._runs_max = runs_max
        # One after the other, also if a planner should do several things at once.
        self._turn = asyncio.Lock()

    async def files(self) -> Sequence[LabFile]:
        """All files in `/mnt/data` now, oldest first."""
        if self._container is None:
            return ()
        found = await self._files.all(self._container)
        return [LabFile(file.id, file.path, file.size_bytes, file.source) for file in found]

    async def run(self, code: str) -> RunResult:
        """Run code; past the most runs, or without the tool, it answers with an error."""
        async with self._turn:
            if self._container is None:
                return RunResult("", error=_NO_TOOL)
            if len(self._output.codes) >= self._runs_max:
                text = f"This response may run code {self._runs_max} times: no more is run."
                return RunResult("", error=text)
            await self._finish_message()
            self._output.start_code(self._container.id, code)
            await self._flush()
            execution = await self._containers.execute(self._container, code, self._cut)
            limit = verdict(execution, self._settings, self._container.memory_limit)
            logs = _shown(execution, limit)
            status = "completed" if execution.stop is None else "failed"
            self._output.finish_code(logs, execution.images, status=status)
            await self._flush()
        return run_result(execution, limit)

    def _cut(self, execution: Execution) -> None:
        self._output.leave(execution.logs)

    async def say(self, text: str) -> None:
        """Append Markdown to the answer."""
        async with self._turn:
            self._output.write(text)
            await self._flush()

    async def finish(self) -> None:
        """End the message that is open, if any."""
        async with self._turn:
            await self._finish_message()

    async def _finish_message(self) -> None:
        self._output.finish_message(await self._citations())

    async def _citations(self) -> list[Citation]:
        found = list(links(self._output.message_text))
        if not found or self._container is None:
            return []
        files = {file.path: file for file in await self._files.all(self._container)}
        cited = ((link, _lookup(files, link)) for link in found)
        return [_citation(link, file) for link, file in cited if file is not None]

    async def _flush(self) -> None:
        await self._events.append(self._response_id, self._journal.take())


def run_result(execution: Execution, limit: str) -> RunResult:
    """A run as a planner gets it; `limit` is the verdict on it."""
    stopped = limit if execution.stop is not None else None
    error = stopped or execution.error
    return RunResult(execution.logs, execution.images, error, execution.traceback, limit)


def _shown(execution: Execution, limit: str) -> str:
    """The call's logs, with what ended it."""
    parts = (execution.logs, execution.traceback or execution.error or "", limit)
    return "\n".join(text.rstrip("\n") for text in parts if text)


def _lookup(files: dict[str, ContainerFile], link: Link) -> ContainerFile | None:
    return next((files[path] for path in link.paths if path in files), None)


def _citation(link: Link, file: ContainerFile) -> Citation:
    """Schema `ContainerFileCitationBody`; keys in recorded order."""
    return {
        "type": "container_file_citation",
        "container_id": file.container_id,
        "end_index": link.end,
        "file_id": file.id,
        "filename": PurePosixPath(file.path).name,
        "start_index": link.start,
    }
