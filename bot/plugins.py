"""What is found by entry point: adapters, engines, commands of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from bot.errors import SettingsError
from bot.ports import AdapterPlugin
from bot.settings import Settings

ADAPTERS = "threadlab.adapters"
ENGINES = "threadlab.engines"
COMMANDS = "threadlab.commands"
CHECKS = "threadlab.checks"
SETTINGS = "threadlab.settings"

ENGINE_MISSING = (
    "{names}: tokens are set, but no engine is. Set OPENAI_API_KEY (and OPENAI_BASE_URL for "
    "another server with the same API), or set ENGINE=embedded to answer with Threadlab's own "
    "engine on this machine, whose offline planner is no language model."
)


def load(group: str) -> dict[str, Any]:
    """All that is installed under a group, by name."""
    return {point.name: point.load() for point in entry_points(group=group)}


def wanted_adapters(settings: Settings, environ: Mapping[str, str]) -> list[AdapterPlugin]:
    """The adapters whose settings are there; the local page where none are.

    Raises:
        SettingsError: a chat workspace would get the offline planner without being asked.
    """
    plugins: list[AdapterPlugin] = list(load(ADAPTERS).values())
    wanted = [plugin for plugin in plugins if plugin.wanted(environ)]
    chats = sorted(plugin.name for plugin in wanted if not plugin.local)
    if chats and not settings.has_engine:
        raise SettingsError(ENGINE_MISSING.format(names=" and ".join(chats)))
    return wanted or [plugin for plugin in plugins if plugin.local]
