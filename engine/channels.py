"""The talk with one kernel over Jupyter's messages; whatever it sends is untrusted."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import structlog
import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo

from engine.outputs import Outputs, plain
from engine.tracebacks import own_frames

_QUEUED_MESSAGES_MAX = 100
_IDLE_WAIT_SECONDS = 1.0
_GREETING_SECONDS = 0.2
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a run ended: `error` is `Name: message` of its exception."""

    error: str | None = None
    traceback: str = ""


class Channels:
    """Sockets to one kernel. `message_bytes_max` bounds a single message."""

    def __init__(self, connection: dict[str, object], message_bytes_max: int) -> None:
        self._context = zmq.asyncio.Context()
        # A longer message closes the connection instead of filling the server's memory.
        self._context.sockopts[zmq.MAXMSGSIZE] = message_bytes_max
        self._context.sockopts[zmq.RCVHWM] = _QUEUED_MESSAGES_MAX
        self._context.sockopts[zmq.LINGER] = 0
        self._context.sockopts[zmq.RECONNECT_IVL] = 20
        self._client = AsyncKernelClient(context=self._context)
        self._client.load_connection_info(cast("KernelConnectionInfo", connection))
        self._client.start_channels(stdin=False, hb=False, control=False)
        self._run: str | None = None
        self._outputs: Outputs | None = None
        self._complained = False
        self._idle = asyncio.Event()
        self._heard = asyncio.Event()
        self._listener = asyncio.create_task(self._listen())

    async def ready(self) -> None:
        """Return once the kernel answers and its output is heard. Waits for ever if it dies."""
        self._client.kernel_info()
        await self._client.get_shell_msg(timeout=None)
        while not self._heard.is_set():
            self._client.kernel_info()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GREETING_SECONDS):
                    await self._heard.wait()
        # The first run of all is slow; let it be nobody's.
        await self._reply(self._client.execute("0", silent=True, store_history=False))

    async def run(self, code: str, outputs: Outputs) -> Reply:
        """Run code, its output going to `outputs` as it comes. Waits for ever if it dies."""
        self._idle.clear()
        self._outputs = outputs
        self._run = self._client.execute(code, allow_stdin=False, stop_on_error=False)
        try:
            reply = await self._reply(self._run)
            # Output comes over another socket and may be behind, or lost if it was too long.
            with suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_WAIT_SECONDS):
                    await self._idle.wait()
            return reply
        finally:
            self._run = self._outputs = None

    async def close(self) -> None:
        """Close the sockets."""
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        self._client.stop_channels()
        self._context.destroy(linger=0)

    async def _reply(self, run: str) -> Reply:
        while True:
            try:
                message = await self._client.get_shell_msg(timeout=None)
            except _MALFORMED as e:
                self._complain(e)
                continue
            if _parent(message) == run and isinstance(message.get("content"), dict):
                return _as_reply(message["content"])

    async def _listen(self) -> None:
        """Take output at all times, so that what comes between runs does not pile up."""
        while True:
            try:
                message = await self._client.get_iopub_msg(timeout=None)
            except _MALFORMED as e:
                self._complain(e)
                continue
            self._heard.set()
            of_this_run = self._run is not None and _parent(message) == self._run
            if of_this_run and isinstance(message.get("content"), dict):
                self._dispatch(str(message.get("msg_type")), message["content"])

    def _complain(self, error: Exception) -> None:
        if not self._complained:  # once: code may send any number of them
            _log.warning("kernel sent a malformed message", error=repr(error)[:200])
        self._complained = True

    def _dispatch(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "status" and content.get("execution_state") == "idle":
            self._idle.set()
        elif self._outputs is not None:
            self._outputs.take(kind, content)


def _parent(message: dict[str, Any]) -> object:
    header = message.get("parent_header")
    return header.get("msg_id") if isinstance(header, dict) else None


def _as_reply(content: dict[str, Any]) -> Reply:
    if content.get("status") == "ok":
        return Reply()
    name, value = str(content.get("ename", "Error")), plain(str(content.get("evalue", "")))
    entries = content.get("traceback")
    shown = own_frames(
        [plain(str(entry)) for entry in entries] if isinstance(entries, list) else []
    )
    return Reply(f"{name}: {value}" if value else name, "\n".join(shown))
