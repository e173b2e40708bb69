"""The command line: `threadlab run`, `doctor` and `db`, and what packages add to it."""

from __future__ import annotations

import asyncio
import signal
from importlib.metadata import version
from typing import Annotated

import structlog
import typer
from pydantic import ValidationError

from bot import doctor, plugins
from bot.app import application
from bot.cli_db import db
from bot.ending import REST_SECONDS, THREADS_SECONDS, end_within
from bot.errors import ThreadlabError
from bot.logs import configure_logs
from bot.settings import Settings, env_file_values, environment
from bot.variables import strangers

log = structlog.get_logger()

cli = typer.Typer(
    help="Gives every chat thread its own Python lab: questions in, numbers and charts out.",
    no_args_is_help=True,
    add_completion=False,
    # Typer's own are boxes that show what local variables hold.
    pretty_exceptions_enable=False,
)
cli.add_typer(db, name="db")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"threadlab {version('threadlab')}")
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Gives every chat thread its own Python lab: questions in, numbers and charts out."""


@cli.command()
def run() -> None:
    """Run the bot: the chats whose tokens are set, or a local web page where none are."""
    try:
        settings = Settings()
    except ValidationError as invalid:
        for finding in doctor.invalid(invalid):
            typer.echo(finding.sentence, err=True)
        raise typer.Exit(2) from None
    configure_logs(settings.log_level)
    try:
        asyncio.run(_run(settings))
    except* ThreadlabError as refused:
        for error in _leaves(refused):
            typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except* asyncio.CancelledError:
        raise typer.Exit(1) from None


@cli.command("doctor")
def examine() -> None:
    """Say what is wrong or fine with the settings and the machine."""
    configure_logs("ERROR")
    try:
        settings = Settings()
    except ValidationError as error:
        findings = doctor.invalid(error)
    else:
        names = frozenset(env_file_values())
        findings = asyncio.run(doctor.examine(settings, environment(), names))
    for finding in findings:
        typer.echo(f"{finding.verdict:<6}{finding.subject:<13}{finding.sentence}")
    if any(finding.verdict is doctor.Verdict.WRONG for finding in findings):
        raise typer.Exit(1)


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    main_task = asyncio.current_task()
    assert main_task is not None

    def end() -> None:
        if stop.is_set():  # asked twice: running answers are not waited for
            main_task.cancel()
        else:
            end_within(settings.shutdown_seconds + REST_SECONDS)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    environ = environment()
    for stranger in strangers(environ, ours=frozenset(env_file_values())):
        log.warning("no such setting", name=stranger.name, meant=stranger.meant)
    adapters = plugins.wanted_adapters(settings, environ)
    async with application(settings, environ, adapters) as app:
        serving = asyncio.create_task(app.serve())
        stopping = asyncio.create_task(stop.wait())
        asking = asyncio.create_task(ask_engine(settings))
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        asking.cancel()
        if app.dispatcher.active:
            log.info(
                "finishing running answers; once more ends at once",
                answers=len(app.dispatcher.active),
                at_most_seconds=settings.shutdown_seconds,
            )
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=not serving.done())


async def ask_engine(settings: Settings) -> None:
    """Say at the start what every question would fail at: a wrong key, or address."""
    for finding in await doctor.engine(settings):
        if finding.verdict is doctor.Verdict.WRONG:
            log.error("engine does not answer", why=finding.sentence)


def _leaves(group: BaseExceptionGroup[ThreadlabError]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


def main() -> None:
    """The program. Packages add commands under the entry-point group `threadlab.commands`."""
    for name, command in plugins.load(plugins.COMMANDS).items():
        cli.command(name)(command)
    code = 1
    try:
        cli()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        raise
    finally:
        end_within(THREADS_SECONDS, code)
