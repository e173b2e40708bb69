"""The Discord adapter: mentions, threads, commands and buttons, over discord.py."""

from adapters.discord.check import check
from adapters.discord.plugin import DiscordPlugin

plugin = DiscordPlugin()

__all__ = ["check", "plugin"]
