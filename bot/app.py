"""The composition root: everything is made here, started in order, and ended in reverse."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from bot.access import Access, Gate
from bot.artifacts import ArtifactKeeper
from bot.asking import Asker
from bot.assembly import blobs_of, books_of, commands_of, lab_of, leases_of, limits_of
from bot.belonging import ensure_together
from bot.budgets import Clock
from bot.channels import Channels
from bot.dispatcher import Dispatcher
from bot.durable import Workflows
from bot.engines import ONE_WORKER, engine_of, ensure_only_worker
from bot.forgetting import Forgetter
from bot.health import Health, Metrics, serve
from bot.housekeeping import Housekeeping
from bot.inbox import DurableInbox
from bot.ingest import Ingester
from bot.interpreter import Interpreter, warm_up
from bot.leases import alone
from bot.open_turn import OpenTurns
from bot.orders import DurableOrders
from bot.pacing import Pacer, pace_of
from bot.ports import AdapterPlugin, ChatPlatform, Services
from bot.question import QuestionWriter
from bot.recovery import Recovery
from bot.settings import Settings
from bot.store.arrivals import Arrivals
from bot.store.channels import StoredSettings
from bot.store.database import ensure_folders, open_database, probe, upgrade_all
from bot.store.feedback import Feedback
from bot.store.fencing import certainly_ours
from bot.store.files import Files
from bot.store.folder import ANOTHER_FOLDER, claimed
from bot.store.marks import Marks
from bot.store.orders import OrderBook
from bot.store.outbox import Outbox
from bot.store.threads import Threads
from bot.store.turns import Turns
from bot.store.workers import Workers
from bot.supervision import TaskSet, keep_running
from bot.thread_list import RecentThreads
from bot.turn import TurnSteps
from bot.workers import SoleWorker, Worker

log = structlog.get_logger()

Background = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Application:
    """A started Threadlab."""

    services: Services
    platforms: Mapping[str, ChatPlatform]
    dispatcher: Dispatcher
    health: Health
    background: Sequence[Background] = ()

    async def serve(self) -> None:
        """Run the platforms and start turns until cancelled.

        Raises:
            SettingsError: a platform can't run with the settings it has.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self.dispatcher.run())
            for run in self.background:
                group.create_task(run())
            for name, platform in self.platforms.items():
                group.create_task(keep_running(name, platform.run, self.health.platform))


@asynccontextmanager
async def application(
    settings: Settings,
    environ: Mapping[str, str],
    adapters: Sequence[AdapterPlugin],
    *,
    clock: Clock = time.time,
) -> AsyncIterator[Application]:
    """Build and start everything but the platforms' own loops (`Application.serve`).

    On leaving, running turns get `shutdown_seconds` to finish; what is cut off then is taken up
    at the next start. `clock` (seconds since 1970) says what day it is for budgets.

    Raises:
        SettingsError: the data folder, the engine or a platform can't be used as it is set.
    """
    async with AsyncExitStack() as stack:
        if settings.embedded or not settings.shared:
            advice = ONE_WORKER if settings.shared else ANOTHER_FOLDER
            await stack.enter_async_context(claimed(settings.data_dir, advice))
        await ensure_folders(settings.blobs_path)
        database = open_database(
            settings.database,
            timeout_seconds=settings.database_timeout_seconds,
            limits=limits_of(settings),
        )
        stack.push_async_callback(database.dispose)
        own_tables = [(a.name, a.migrations) for a in adapters if a.migrations is not None]
        await upgrade_all(database, own_tables)
        if settings.embedded and settings.shared:
            await ensure_only_worker(Workers(database, ()), settings.worker_dead_seconds)

        engine = await stack.enter_async_context(engine_of(settings, environ))
        interpreter = Interpreter(settings, base_url=engine.base_url, api_key=engine.api_key)
        stack.push_async_callback(interpreter.close)

        blobs = blobs_of(settings)
        await ensure_together(settings, Marks(database), blobs)
        turns = Turns(database, patience_seconds=settings.database_timeout_seconds)
        threads, files = Threads(database), Files(database)
        workflows = Workflows(
            settings.workflows_database,
            timeout_seconds=settings.database_timeout_seconds,
            limits=limits_of(settings),
            poll_seconds=settings.workflows_poll_seconds,
        )
        channels = Channels(settings, StoredSettings(database))
        books = books_of(settings, database=database, turns=turns, channels=channels, clock=clock)
        lab = lab_of(
            settings,
            database=database,
            interpreter=interpreter,
            blobs=blobs,
            workflows=workflows,
            threads=threads,
            files=files,
            channels=channels,
            books=books,
        )
        workspace = lab.workspace
        platforms: dict[str, ChatPlatform] = {}
        crew = Workers(database, platforms)
        worker = Worker(settings, crew, workflows) if settings.shared else None
        leases = leases_of(settings, worker)
        myself = worker or SoleWorker(turns)
        dispatcher = Dispatcher(
            turns,
            workflows,
            myself,
            at_once=settings.turns_at_once,
            sweep_seconds=settings.sweep_seconds,
            stray_seconds=settings.worker_stray_seconds,
        )
        pacer = Pacer(settings, pace_of(settings, database), dispatcher, clock)
        recovery = Recovery(settings, threads, workspace, pacer)
        asker = Asker(settings, interpreter, threads, pacer, recovery)
        open_turns = OpenTurns(turns, platforms, limit_seconds=settings.turn_seconds)
        tasks = TaskSet()
        stack.push_async_callback(tasks.close, settings.shutdown_seconds)
        tasks.spawn(warm_up(), "warm up")
        forgetter = Forgetter(
            settings,
            turns=turns,
            threads=threads,
            open_turns=open_turns,
            erasures=lab.erasures,
            eraser=lab.eraser,
            leases=leases,
        )
        book = OrderBook(database, platforms)
        housekeeping = Housekeeping(
            settings,
            turns=turns,
            threads=threads,
            files=files,
            orders=book,
            blobs=blobs,
            workflows=workflows,
            forgetter=forgetter,
            orphans=lab.orphans,
        )
        access = Access(settings, channels)
        inbox = DurableInbox(
            Arrivals(database),
            channels,
            access,
            dispatcher,
            platforms,
            tasks,
            forgetter,
            stop=open_turns.stop,
            patience_seconds=settings.database_timeout_seconds,
        )
        commands = commands_of(
            settings,
            rights=access,
            books=books,
            channels=channels,
            lab=lab,
            forgetter=forgetter,
            inbox=inbox,
            open_turns=open_turns,
            turns=turns,
            threads=threads,
            files=files,
            feedback=Feedback(database),
            blobs=blobs,
            clock=clock,
        )
        orders = DurableOrders(
            settings,
            book=book,
            commands=commands,
            platforms=platforms,
            tasks=tasks,
            worker_id=lambda: myself.id,
            is_certain=worker.is_certain if worker else lambda: True,
        )
        services = Services(
            inbox=inbox,
            orders=orders,
            commands=commands,
            blobs=blobs,
            workspaces=workspace,
            threads=RecentThreads(threads, workspace),
            channels=channels,
            leases=leases,
            fence=certainly_ours,
            database=database,
            environ=environ,
            attachment_limit_bytes=settings.attachment_max_mb * 1_000_000,
            engine_note=engine.note,
        )
        platforms |= {adapter.name: adapter.build(services) for adapter in adapters}
        metrics = Metrics()
        steps = TurnSteps(
            settings,
            turns=turns,
            open_turns=open_turns,
            files=files,
            ingester=Ingester(settings, open_turns, blobs, workspace),
            gate=Gate(access, books.budgets),
            workspace=workspace,
            questions=QuestionWriter(turns, threads, files, blobs, workspace, channels),
            asker=asker,
            recovery=recovery,
            artifacts=ArtifactKeeper(settings, interpreter, blobs, files),
            outbox=Outbox(database),
            books=books,
            dispatcher=dispatcher,
            metrics=metrics,
        )
        run = worker.fenced(steps.run, dispatcher, open_turns) if worker else steps.run
        if worker is not None:
            await worker.join(open_turns.stop)
            stack.push_async_callback(worker.leave)
        stack.push_async_callback(workflows.close)
        workflows.launch(run)
        stack.push_async_callback(_drain, dispatcher, settings)
        await dispatcher.sweep()
        tidying = partial(alone, leases, "housekeeping", housekeeping.run)
        renewing = partial(alone, leases, "renewal", lab.containers.run)
        background: list[Background] = [tidying, renewing, orders.run]
        health = Health(
            {"database": partial(probe, database), "files": blobs.probe},
            running=lambda: len(dispatcher.active),
            metrics=metrics,
            timeout_seconds=settings.health_seconds,
        )
        if settings.health_port is not None:
            where = (settings.health_host, settings.health_port)
            seconds = math.ceil(settings.health_seconds)
            background.append(partial(serve, health.app(), *where, shutdown_seconds=seconds))
        yield Application(services, platforms, dispatcher, health, background)


async def _drain(dispatcher: Dispatcher, settings: Settings) -> None:
    """Let running turns finish, as long as there is time."""
    try:
        async with asyncio.timeout(settings.shutdown_seconds):
            await dispatcher.idle()
    except TimeoutError:
        when = "by other workers or at the next start" if settings.shared else "at the next start"
        log.warning(f"turns cut off, resumed {when}", turns=sorted(dispatcher.active))
