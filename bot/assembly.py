"""Parts that belong together, put together for the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.access import Access
from bot.blobs import BlobStore
from bot.books import Books
from bot.budgets import Budgets, Clock
from bot.channels import Channels
from bot.commands.asking import AskingCommands
from bot.commands.channel import ChannelCommands
from bot.commands.erasure import ErasureCommands
from bot.commands.export import ExportCommands
from bot.commands.files import FilesCommands
from bot.commands.money import MoneyCommands
from bot.commands.ownership import Ownership
from bot.commands.registry import CommandRegistry
from bot.commands.workspace import WorkspaceCommands
from bot.containers import Containers
from bot.durable import Workflows
from bot.erasing import Eraser
from bot.forgetting import Forgetter
from bot.inbox import DurableInbox
from bot.interpreter import Interpreter
from bot.leases import SharedLeases, SoleLeases
from bot.notebook import NotebookExporter
from bot.open_turn import OpenTurns
from bot.orphan_uploads import OrphanUploads
from bot.ports import ChannelList, Leases
from bot.rebuilding import Rebuilder
from bot.settings import Settings
from bot.store.database import Limits
from bot.store.erasures import Erasures
from bot.store.feedback import Feedback
from bot.store.files import Files
from bot.store.threads import Threads
from bot.store.turns import Turns
from bot.store.uploads import BegunUploads
from bot.store.usage import Ledger
from bot.uploads import Uploads
from bot.workers import Worker
from bot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Lab:
    """What looks after files and containers."""

    workspace: Workspace
    containers: Containers
    erasures: Erasures
    eraser: Eraser
    orphans: OrphanUploads


def lab_of(
    settings: Settings,
    *,
    database: AsyncEngine,
    interpreter: Interpreter,
    blobs: BlobStore,
    workflows: Workflows,
    threads: Threads,
    files: Files,
    channels: ChannelList,
    books: Books,
) -> Lab:
    """All of it, over one database and one engine."""
    erasures = Erasures(database)
    eraser = Eraser(
        settings,
        interpreter=interpreter,
        blobs=blobs,
        workflows=workflows,
        files=files,
        erasures=erasures,
    )
    containers = Containers(
        settings,
        interpreter=interpreter,
        threads=threads,
        channels=channels,
        eraser=eraser,
        books=books,
    )
    begun = BegunUploads(database)
    uploads = Uploads(settings, interpreter=interpreter, blobs=blobs, files=files, begun=begun)
    rebuilder = Rebuilder(
        settings,
        interpreter=interpreter,
        threads=threads,
        files=files,
        uploads=uploads,
        containers=containers,
    )
    workspace = Workspace(
        settings,
        threads=threads,
        files=files,
        uploads=uploads,
        containers=containers,
        rebuilder=rebuilder,
        eraser=eraser,
    )
    orphans = OrphanUploads(settings, interpreter, begun, eraser)
    return Lab(workspace, containers, erasures, eraser, orphans)


def books_of(
    settings: Settings,
    *,
    database: AsyncEngine,
    turns: Turns,
    channels: ChannelList,
    clock: Clock,
) -> Books:
    """What answers cost, and what they may."""
    ledger = Ledger(database)
    budgets = Budgets(settings, channels, ledger, clock=clock)
    return Books(ledger, budgets, turns, settings.prices, clock=clock)


def commands_of(
    settings: Settings,
    *,
    rights: Access,
    books: Books,
    channels: Channels,
    lab: Lab,
    forgetter: Forgetter,
    inbox: DurableInbox,
    open_turns: OpenTurns,
    turns: Turns,
    threads: Threads,
    files: Files,
    feedback: Feedback,
    blobs: BlobStore,
    clock: Clock,
) -> CommandRegistry:
    """All commands, in the order in which help lists them."""
    asking = AskingCommands(
        turns=turns,
        threads=threads,
        open_turns=open_turns,
        inbox=inbox,
        workspace=lab.workspace,
        specs=lambda: registry.specs,
    )
    ownership = Ownership(rights, threads)
    on_workspace = WorkspaceCommands(
        settings,
        workspace=lab.workspace,
        containers=lab.containers,
        threads=threads,
        turns=turns,
        files=files,
        ledger=books.ledger,
        prices=settings.prices,
        stop=asking.stop,
        ownership=ownership,
    )
    exporter = NotebookExporter(settings, turns=turns, threads=threads, files=files, blobs=blobs)
    groups = (
        asking,
        on_workspace,
        FilesCommands(settings, files=files, blobs=blobs, workspace=lab.workspace),
        ErasureCommands(forgetter, ownership=ownership, threads=threads),
        ExportCommands(settings, turns=turns, blobs=blobs, exporter=exporter),
        ChannelCommands(settings, channels=channels, threads=threads),
        MoneyCommands(rights=rights, books=books, feedback=feedback, turns=turns, clock=clock),
    )
    registry = CommandRegistry(rights, [each for group in groups for each in group.commands])
    return registry


def leases_of(settings: Settings, worker: Worker | None) -> Leases:
    """Leases among the workers; where there is but one, it has them all."""
    if worker is None:
        return SoleLeases()
    return SharedLeases(
        worker,
        retry_seconds=settings.worker_heartbeat_seconds,
        rebalance_seconds=settings.worker_rebalance_seconds,
    )


def limits_of(settings: Settings) -> Limits:
    """The limits of connections to PostgreSQL."""
    return Limits(
        settings.database_connections,
        settings.database_connect_seconds,
        settings.database_idle_transaction_seconds,
        settings.database_silence_seconds,
    )


def blobs_of(settings: Settings) -> BlobStore:
    """The blob store that the settings name. Raises SettingsError."""
    if settings.blobs_url:
        return BlobStore.at(settings.blobs_url, settings.data_dir / "scratch")
    return BlobStore.in_folder(settings.blobs_path, shared=settings.shared)
