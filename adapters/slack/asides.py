"""Words for one person alone: by the address that came with what they did, else posted to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookResponse

from adapters.slack.blocks import ASIDE, Block, fallback, metadata
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import Team
from bot.domain import ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

Respond = Callable[..., Awaitable[WebhookResponse]]
_OK, _BUSY, _BROKEN = 200, 429, 500


class Aside:
    """Speaks to somebody who gave a command, pressed a button or chose from a menu.

    Args:
        settings: how often, and for how long, Slack is asked again.
        team: the workspace.
        key: where they did so; the thread may be empty, and the channel where there was none.
        user: who they are.
        respond: Bolt's, for the address that came along: good for half an hour and five uses. None
            where none did.
    """

    def __init__(
        self,
        settings: SlackSettings,
        team: Team,
        key: ThreadKey,
        user: str,
        respond: Respond | None,
    ) -> None:
        self.team = team
        self.key = key
        self.user = user
        self._respond = respond
        self._attempts = settings.slack_call_attempts
        self._wait_seconds = settings.slack_call_wait_ms / 1000
        self._longest_seconds = settings.slack_call_seconds

    async def say(
        self, text: str, blocks: list[Block] | None = None, *, replace: bool = False
    ) -> bool:
        """Say something, in place of a menu where asked so; whether it was said. What can't be
        said is logged."""
        taken = await self._answer(
            text=fallback(text) if blocks else text,
            blocks=blocks,
            response_type="ephemeral",
            replace_original=replace,
        )
        return taken or await self._post(text, blocks)

    async def remove(self) -> None:
        """Take the menu away."""
        await self._answer(delete_original=True)

    async def _answer(self, **message: Any) -> bool:
        """Whether Slack takes an answer, asked again where it is busy or fails."""
        if self._respond is None:
            return False
        for attempt in range(self._attempts):
            wait_seconds = self._wait_seconds * 2**attempt
            try:
                response = await self._respond(**message)
            except (aiohttp.ClientError, SlackClientError, OSError, TimeoutError) as error:
                why = type(error).__name__  # its words may show the address, which is a secret
            else:
                if response.status_code == _OK:
                    return True
                why = f"{response.status_code} {response.body[:100]}"
                if response.status_code != _BUSY and response.status_code < _BROKEN:
                    break
                wait_seconds = max(wait_seconds, _asked_seconds(response))
            if attempt + 1 < self._attempts:
                await asyncio.sleep(min(wait_seconds, self._longest_seconds))
        log.warning("no answer by response_url", thread=str(self.key), user=self.user, why=why)
        return False

    async def _post(self, text: str, blocks: list[Block] | None) -> bool:
        """The same as a message that only they see, where the bot is a member; or in their own
        conversation with it, where they were there, or nowhere."""
        shown: dict[str, Any] = {"text": fallback(text) if blocks else text, "blocks": blocks}
        try:
            if self.key.channel and not self.key.channel.startswith("D"):
                await self.team.api.call(
                    "chat.postEphemeral",
                    channel=self.key.channel,
                    user=self.user,
                    thread_ts=self.key.thread or None,
                    **shown,
                )
            else:
                await self.team.api.call(
                    "chat.postMessage",
                    channel=self.key.channel or self.user,
                    thread_ts=self.key.thread or None,
                    metadata=metadata(ASIDE),
                    unfurl_links=False,
                    unfurl_media=False,
                    **shown,
                )
        except PlatformError as error:
            log.warning("not said", thread=str(self.key), user=self.user, error=str(error))
            return False
        return True


def _asked_seconds(response: WebhookResponse) -> float:
    """How long Slack asks to wait."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    value = headers.get("retry-after", "0")
    try:
        return float(value[0] if isinstance(value, list) else value)
    except ValueError:
        return 0.0
