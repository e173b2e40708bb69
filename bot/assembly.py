"""The parts of the workspace, put together for the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.blobs import BlobStore
from bot.books import Books
from bot.budgets import Budgets, Clock
from bot.containers import Containers
from bot.durable import Workflows
from bot.erasing import Eraser
from bot.interpreter import Interpreter
from bot.ports import ChannelList
from bot.rebuilding import Rebuilder
from bot.settings import Settings
from bot.store.erasures import Erasures
from bot.store.files import Files
from bot.store.threads import Threads
from bot.store.turns import Turns
from bot.store.usage import Ledger
from bot.uploads import Uploads
from bot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Lab:
    """What looks after files and containers."""

    workspace: Workspace
    containers: Containers
    erasures: Erasures
    eraser: Eraser


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
        settings, interpreter=interpreter, threads=threads, channels=channels, eraser=eraser
    )
    uploads = Uploads(settings, interpreter, blobs, files)
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
    return Lab(workspace, containers, erasures, eraser)


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
