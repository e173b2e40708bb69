"""Containers (`/v1/containers`): made, used, expired when idle. Their files: container_files.py.

A container costs a row until something is put into it or run in it; only then is a kernel taken
from the pool. When it had to sleep, or the server was restarted, its files are there and its
variables are gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from engine.container import Container
from engine.disk import remove_tree
from engine.errors import ApiError, ContainerExpired, NotFound, RateLimited, container_not_found
from engine.errors_kernel import EngineBusy, KernelError
from engine.ids import new_id
from engine.kernel_port import Execution, Kernel, KernelHost
from engine.live_kernels import LiveKernels
from engine.schema import MAX_IDLE_MINUTES
from engine.settings import EngineSettings
from engine.storage import Database, Page, PageQuery, read_page

BUSY_RETRY_SECONDS = 10
SWEEP_MAX = 1000


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Access:
    """Who uses a container now: `guard` orders use and expiry, `start` starts of its kernel,
    `turn` runs of code, `listing` looks at the folder and changes of it."""

    guard: asyncio.Lock = field(default_factory=asyncio.Lock)
    start: asyncio.Lock = field(default_factory=asyncio.Lock)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    listing: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Containers:
    """All containers of the engine."""

    def __init__(self, database: Database, hosts: KernelHost, settings: EngineSettings) -> None:
        self._database = database
        self._hosts = hosts
        self._settings = settings
        self._live = LiveKernels(
            hosts,
            lambda container_id: self._users(container_id) > 0,
            kernels_max=settings.kernels_max,
            wait_seconds=settings.kernel_wait_seconds,
        )
        self._accesses: WeakValueDictionary[str, _Access] = WeakValueDictionary()

    async def start(self) -> None:
        """Remove the folders that a server before this one left to no container."""
        sql = "SELECT data_dir FROM containers WHERE data_dir IS NOT NULL"
        folder = self._database.folder
        known = [folder / row["data_dir"] for row in await self._database.rows(sql)]
        await self._hosts.remove_others(known)

    async def close(self) -> None:
        """Wait for the kernels that are ending; the host ends the others."""
        await self._live.close()

    async def create(
        self, name: str, memory_limit: str = "1g", idle_minutes: int = MAX_IDLE_MINUTES
    ) -> Container:
        """A new, empty container."""
        now = time.time()
        container = Container(
            new_id("cntr"), name, memory_limit, idle_minutes, now, now, False, None
        )
        await self._database.execute(
            "INSERT INTO containers (id, name, memory_limit, idle_minutes, created_at,"
            " last_active_at) VALUES (?, ?, ?, ?, ?, ?)",
            (container.id, name, memory_limit, idle_minutes, now, now),
        )
        return container

    async def retrieve(self, container_id: str) -> Container:
        """A container, expired or not; looking at a running one counts as use.

        Raises:
            NotFound: it never was, or was deleted.
        """
        async with self._held(container_id) as container:
            return container

    @asynccontextmanager
    async def use(self, container_id: str) -> AsyncIterator[Container]:
        """Hold a running container; it can't expire before the block ends.

        Raises:
            ContainerExpired: it was idle for too long.
            NotFound: it never was, or was deleted.
        """
        async with self._held(container_id) as container:
            if container.expired:
                raise ContainerExpired
            yield container

    async def is_running(self, container_id: str) -> bool:
        """Whether it could be used now; asking is no use."""
        row = await self._database.row("SELECT * FROM containers WHERE id = ?", (container_id,))
        if row is None or row["expired"]:
            return False
        return self._users(container_id) > 0 or not self._is_idle(Container.from_row(row))

    async def page(self, query: PageQuery) -> Page:
        """One page of the containers."""
        await self.sweep()
        return await read_page(self._database, "containers", query)

    def listing_lock(self, container: Container) -> asyncio.Lock:
        """Held while the folder is compared with the rows, or a file put in."""
        return self._access(container.id).listing

    async def data_dir(self, container: Container) -> Path:
        """The folder that the code sees as `/mnt/data`; comes with a kernel if there is none yet.

        Raises:
            RateLimited: all kernels were busy for the whole waiting time.
        """
        return self.known_folder(container) or (await self._kernel(container)).data_dir

    def known_folder(self, container: Container) -> Path | None:
        """The folder, where the container has one."""
        return None if container.place is None else self._database.folder / container.place

    async def execute(
        self, container: Container, code: str, cut: Callable[[Execution], None] = lambda _: None
    ) -> Execution:
        """Run code, one piece at a time per container; cancelling interrupts it, and `cut` is told
        what it had brought until then.

        Raises:
            RateLimited: all kernels were busy for the whole waiting time.
        """
        async with self._access(container.id).turn:
            kernel = await self._kernel(container)
            run = asyncio.ensure_future(kernel.execute(code))
            try:
                return await asyncio.shield(run)
            except asyncio.CancelledError:
                await kernel.interrupt()
                await asyncio.wait([run], timeout=2 * self._settings.interrupt_grace_seconds)
                if run.done() and not run.cancelled() and run.exception() is None:
                    cut(run.result())
                run.cancel()
                raise

    async def delete(self, container_id: str) -> None:
        """End a container and remove all its files. Raises NotFound."""
        access = self._access(container_id)
        async with access.guard, access.start:
            container = await self.read(container_id)
            await self._remove_contents(container)
            sql = "DELETE FROM containers WHERE id = ?"
            await self._database.execute(sql, (container_id,))

    async def sweep(self) -> None:
        """Expire what is idle, and forget what expired long ago."""
        sql = "SELECT * FROM containers WHERE NOT expired ORDER BY last_active_at LIMIT ?"
        for row in await self._database.rows(sql, (SWEEP_MAX,)):
            container = Container.from_row(row)
            if self._is_idle(container) and not self._users(container.id):
                async with self._access(container.id).guard:
                    with suppress(NotFound):  # deleted meanwhile
                        await self._fresh(container.id)
        forgotten = time.time() - self._settings.retention_days * 86_400
        sql = "DELETE FROM containers WHERE expired AND last_active_at < ?"
        await self._database.execute(sql, (forgotten,))

    def _access(self, container_id: str) -> _Access:
        access = self._accesses.get(container_id)
        if access is None:
            access = self._accesses[container_id] = _Access()
        return access

    def _users(self, container_id: str) -> int:
        access = self._accesses.get(container_id)
        return access.users if access else 0

    @asynccontextmanager
    async def _held(self, container_id: str) -> AsyncIterator[Container]:
        access = self._access(container_id)
        async with access.guard:
            container = await self._fresh(container_id)
            access.users += 1
        try:
            yield container
        finally:
            access.users -= 1
            if not access.users:
                self._live.rest(container_id)
            sql = "UPDATE containers SET last_active_at = ? WHERE id = ? AND NOT expired"
            await self._database.execute(sql, (time.time(), container_id))

    async def _fresh(self, container_id: str) -> Container:
        """The container, expired now if it is due; under its guard."""
        container = await self.read(container_id)
        if container.expired:
            return container
        if self._is_idle(container) and not self._users(container_id):
            sql = "UPDATE containers SET expired = 1, data_dir = NULL WHERE id = ?"
            await self._database.execute(sql, (container_id,))
            await self._remove_contents(container)
            return replace(container, expired=True, place=None)
        return replace(container, last_active_at=time.time())

    async def read(self, container_id: str) -> Container:
        """The container as it is stored; reading is no use. Raises NotFound."""
        row = await self._database.row("SELECT * FROM containers WHERE id = ?", (container_id,))
        if row is None:
            raise container_not_found(container_id)
        return Container.from_row(row)

    def _is_idle(self, container: Container) -> bool:
        allowed = min(self._settings.container_idle_seconds, container.idle_minutes * 60)
        return time.time() - container.last_active_at >= allowed

    async def _remove_contents(self, container: Container) -> None:
        await self._live.end(container.id)
        sql = "DELETE FROM container_files WHERE container_id = ?"
        await self._database.execute(sql, (container.id,))
        if (folder := self.known_folder(container)) is not None:
            await asyncio.to_thread(remove_tree, folder)

    async def _kernel(self, container: Container) -> Kernel:
        async with self._access(container.id).start:
            try:
                return self._live.get(container.id) or await self._start_kernel(container)
            except EngineBusy as error:
                text = f"{error} Please try again in {BUSY_RETRY_SECONDS} s."
                raise RateLimited(text, BUSY_RETRY_SECONDS) from error
            except KernelError as error:
                raise ApiError(str(error)) from error

    async def _start_kernel(self, container: Container) -> Kernel:
        known = self.known_folder(await self.read(container.id))
        kernel = await self._live.start(container.id, container.memory_limit, known)
        if known is None:
            sql = "UPDATE containers SET data_dir = ? WHERE id = ?"
            place = kernel.data_dir.resolve().relative_to(self._database.folder)
            saving = self._database.execute(sql, (str(place), container.id))
            # The kernel is the container's by now, also where the caller goes away meanwhile.
            await asyncio.shield(asyncio.ensure_future(saving))
        return kernel
