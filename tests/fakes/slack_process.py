"""Another process of the bot, on the same core and Slack as the one that a test has started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.slack import plugin
from adapters.slack.platform import SlackPlatform
from tests.fakes.slack_driver import SlackSite, running


@asynccontextmanager
async def other_process(site: SlackSite) -> AsyncIterator[None]:
    """It remembers nothing, and hears all that comes until the block ends."""
    sockets = site.slack.sockets
    first = set(sockets.open)
    other = plugin.build(site.core.services)
    assert isinstance(other, SlackPlatform)
    async with running(other):
        await site.slack.connected(len(first) + 1)
        sockets.passed_over |= first
        yield
    sockets.passed_over.clear()
