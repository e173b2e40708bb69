"""`threadlab doctor`: what is wrong or fine with the settings and the machine, in plain words."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot import plugins
from bot.engines import ONE_WORKER
from bot.errors import EngineError, SettingsError
from bot.events import Usage
from bot.interpreter import Interpreter
from bot.ports import AdapterPlugin
from bot.settings import Settings
from bot.store.database import open_database, refuse_newer
from bot.store.refusals import OWNER, shown
from bot.variables import Stranger, strangers

EMBEDDED = "embedded"
GIGABYTE = 1_000_000_000
NAMES_SHOWN_MAX = 5
# Whether a database that opens will do: where its tables are missing, they must be made.
LOOKS = {
    "sqlite": "SELECT count(*) >= 0 FROM sqlite_master",
    "postgresql": (
        "SELECT to_regclass('alembic_version_core') IS NOT NULL"
        " OR has_schema_privilege(current_schema(), 'CREATE')"
        " AND has_database_privilege(current_database(), 'CREATE')"
    ),
}


class Verdict(StrEnum):
    """How a thing stands."""

    FINE = "fine"
    NOTE = "note"  # works, but may not be what was meant
    WRONG = "wrong"


_VERDICTS = {True: Verdict.FINE, None: Verdict.NOTE, False: Verdict.WRONG}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it stands, in a sentence."""

    verdict: Verdict
    subject: str
    sentence: str


async def examine(
    settings: Settings, environ: Mapping[str, str], env_names: frozenset[str]
) -> list[Finding]:
    """Look at everything; changes nothing and starts no turn.

    Args:
        settings: the settings of the core.
        environ: all variables, those of `.env` included.
        env_names: the variables that stand in `.env`.
    """
    adapters, findings = _adapters(settings, environ)
    findings += [_folder(settings.data_dir)]
    tables = [(each.name, each.migrations) for each in adapters if each.migrations is not None]
    findings += [await _database(path, settings, tables) for path in _databases(settings)]
    if adapters or settings.has_engine:  # else it was said above that none is chosen
        findings += await engine(settings)
    names = [adapter.name for adapter in adapters]
    findings += await _checks([EMBEDDED, *names] if settings.embedded else names, environ)
    return findings + [_stranger(each, environ) for each in strangers(environ, ours=env_names)]


def invalid(error: ValidationError) -> list[Finding]:
    """What is wrong with values of the core's settings."""
    return [
        Finding(Verdict.WRONG, "settings", f"{_place(problem['loc'])}: {_reason(problem['msg'])}.")
        for problem in error.errors()
    ]


def _reason(message: str) -> str:
    """Pydantic's message without its own word for a reason of ours."""
    return message.removeprefix("Value error, ")


def _place(location: Sequence[int | str]) -> str:
    return "_".join(str(part) for part in location).upper()


def _adapters(
    settings: Settings, environ: Mapping[str, str]
) -> tuple[list[AdapterPlugin], list[Finding]]:
    try:
        adapters = plugins.wanted_adapters(settings, environ)
    except SettingsError as error:
        return [], [Finding(Verdict.WRONG, "chats", str(error))]
    names = ", ".join(adapter.name for adapter in adapters)
    asked = any(adapter.wanted(environ) for adapter in adapters)
    why = "as the settings ask" if asked else "as no chat's token is set"
    return adapters, [Finding(Verdict.FINE, "chats", f"{names}, {why}.")]


def _folder(folder: Path) -> Finding:
    """The data folder, or where it would be made."""
    place = folder.absolute()
    exists = place.is_dir()
    while not place.is_dir():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):  # os.access tells root that it may do anything
            pass
        free = shutil.disk_usage(place).free / GIGABYTE
    except OSError as error:
        sentence = (
            f"{folder} can't be used ({error.strerror}). Set DATA_DIR to a folder of your own."
        )
        return Finding(Verdict.WRONG, "data folder", sentence)
    state = "can be written to" if exists else "will be made at the first start"
    return Finding(Verdict.FINE, "data folder", f"{folder} {state}; {free:,.1f} GB are free.")


def _databases(settings: Settings) -> list[Path | str]:
    if settings.shared:
        return [settings.database]
    return [settings.database_path, settings.workflows_path]


async def _database(
    where: Path | str, settings: Settings, tables: Sequence[tuple[str, Path]]
) -> Finding:
    if isinstance(where, Path) and not await asyncio.to_thread(where.exists):
        return Finding(Verdict.FINE, "database", f"{where} will be made at the first start.")
    database = open_database(where, timeout_seconds=settings.database_timeout_seconds)
    name = shown(database.url)
    advice = (
        "Put a backup in its place, or move it away."
        if isinstance(where, Path)
        else "Check DATABASE_URL, and that the server runs and lets this machine in."
    )
    try:
        async with database.connect() as connection:
            allowed = await connection.scalar(text(LOOKS[database.dialect.name]))
        await refuse_newer(database, tables)
    except SettingsError as error:
        return Finding(Verdict.WRONG, "database", str(error))
    except SQLAlchemyError as error:
        why = " ".join(str(error.__cause__ or error).split())
        return Finding(
            Verdict.WRONG, "database", f"{name} does not open ({why.rstrip('.')}). {advice}"
        )
    finally:
        await database.dispose()
    if not allowed:
        why = f"its role may not make tables and schemas. {OWNER}"
        return Finding(Verdict.WRONG, "database", f"{name} opens, but {why}")
    return Finding(Verdict.FINE, "database", f"{name} opens.")


async def engine(settings: Settings) -> list[Finding]:
    """What there is to say of the engine that the settings name."""
    if settings.embedded:
        asked = "as ENGINE asks" if settings.engine else "as neither a key nor a server is named"
        sentence = f"Threadlab's own, on this machine, {asked}. Its planner is no language model."
        own = Finding(Verdict.FINE, "engine", sentence)
        if settings.shared:
            return [own, Finding(Verdict.NOTE, "engine", ONE_WORKER)]
        return [own]
    where = settings.openai_base_url or "OpenAI's API"
    interpreter = Interpreter(
        settings, base_url=settings.openai_base_url, api_key=settings.engine_key
    )
    try:
        async with asyncio.timeout(settings.engine_connect_seconds):
            models = await interpreter.models()
    except (EngineError, TimeoutError) as error:
        why = str(error) or f"no answer within {settings.engine_connect_seconds:g} s"
        sentence = f"{where} does not answer as it should: {why}{_without_path(settings)}"
        return [Finding(Verdict.WRONG, "engine", sentence)]
    finally:
        await interpreter.close()
    answers = Finding(Verdict.FINE, "engine", f"{where} answers and takes the key.")
    known = [finding for model in settings.models for finding in _model(model, models)]
    return [answers, *known, *_prices(settings)]


def _without_path(settings: Settings) -> str:
    """What helps where an address is only that of a server."""
    url = settings.openai_base_url
    if not url or urlsplit(url).path.strip("/"):
        return ""
    return f" OPENAI_BASE_URL has no path: most servers answer at {url.rstrip('/')}/v1."


def _prices(settings: Settings) -> list[Finding]:
    """Models without a price: what they cost is not known, and no budget counts it."""
    some_tokens = Usage(input_tokens=1)
    unknown = [m for m in settings.models if settings.prices.of_tokens(m, some_tokens) is None]
    if not unknown:
        return []
    sentence = f"There is no price for {', '.join(unknown)}: set PRICES_TOKENS to count it."
    return [Finding(Verdict.NOTE, "prices", sentence)]


def _model(model: str, offered: Sequence[str]) -> list[Finding]:
    if model in offered:
        return []
    some = ", ".join(offered[:NAMES_SHOWN_MAX]) or "none"
    more = f" and {len(offered) - NAMES_SHOWN_MAX} more" if len(offered) > NAMES_SHOWN_MAX else ""
    sentence = f"{model} is asked for, which the engine does not list. It lists {some}{more}."
    return [Finding(Verdict.NOTE, "model", sentence)]


async def _checks(names: Sequence[str], environ: Mapping[str, str]) -> list[Finding]:
    """The checks that the used adapters and engines bring along, under their own names; they say
    None of what works, but may not be what was meant."""
    offered = plugins.load(plugins.CHECKS)
    findings = []
    for name in names:
        if name in offered:
            fine, sentence = await offered[name](environ)
            findings.append(Finding(_VERDICTS[fine], name, sentence))
    return findings


def _stranger(stranger: Stranger, environ: Mapping[str, str]) -> Finding:
    sentence = f"{stranger.name} is no setting of Threadlab."
    if stranger.meant is None:
        return Finding(Verdict.NOTE, "settings", sentence)
    # Where the setting itself is there, the other one may be somebody else's.
    verdict = Verdict.NOTE if stranger.meant in environ else Verdict.WRONG
    return Finding(verdict, "settings", f"{sentence} Is {stranger.meant} meant?")
