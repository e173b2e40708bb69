"""Stop, being added and removed, and events that need no answer but an acknowledgement."""

from __future__ import annotations

from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp

from adapters.slack.asides import Aside
from adapters.slack.blocks import ASIDE, fallback, metadata
from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.events import PLATFORM
from adapters.slack.installations import Installations
from adapters.slack.listeners.origin import team_of
from adapters.slack.teams import Team
from adapters.slack.welcome import GREETING
from bot.domain import ThreadKey

log = structlog.get_logger(__name__)

Body = dict[str, Any]


def register(
    app: AsyncApp, context: SlackContext, courier: Courier, installations: Installations | None
) -> None:
    """Listen to what happens around threads."""
    listener = Lifecycle(context, courier, installations)
    app.event("agent_session_stopped")(listener.on_stop)
    app.event("member_joined_channel")(listener.on_joined)
    app.event("app_uninstalled")(listener.on_removed)
    app.event("tokens_revoked")(listener.on_revoked)
    # Without a listener Bolt does not acknowledge, and Slack sends again [facts: slack].
    app.event("app_context_changed")(listener.on_nothing)


class Lifecycle:
    """Short reactions."""

    def __init__(
        self, context: SlackContext, courier: Courier, installations: Installations | None
    ) -> None:
        self._context = context
        self._courier = courier
        self._installations = installations

    async def on_stop(self, body: Body, event: Body) -> None:
        """Slack's own Stop was pressed: the app has to end the work."""
        team = await team_of(self._context, body)
        key = ThreadKey(PLATFORM, team.id, str(event["channel"]), str(event["thread_ts"]))
        self._context.tasks.spawn(self._stop(team, key, str(event["user"])), "stop")

    async def on_joined(self, body: Body, event: Body) -> None:
        """Somebody joined a channel; if it was the bot, it says what it is for."""
        team = await team_of(self._context, body)
        channel = str(event["channel"])
        if event.get("user") == team.bot_user and self._context.first_time(
            "joined", team.id, channel, str(event.get("event_ts"))
        ):
            self._context.tasks.spawn(self._greet(team, channel), "greeting")

    async def on_removed(self, body: Body) -> None:
        """The app was removed from a workspace: its token is of no more use."""
        workspace = str(body.get("team_id") or "")
        if self._installations is not None:
            await self._installations.async_delete_all(
                enterprise_id=body.get("enterprise_id"), team_id=workspace
            )
        self._context.teams.forget(workspace)
        log.info("slack app removed", workspace=workspace)

    async def on_revoked(self, body: Body, event: Body) -> None:
        """Tokens were revoked; if the bot's is among them, it is as if the app was removed."""
        if (event.get("tokens") or {}).get("bot"):
            await self.on_removed(body)

    async def on_nothing(self) -> None:
        """Acknowledge."""

    async def _stop(self, team: Team, key: ThreadKey, user: str) -> None:
        caller = await self._courier.caller(team, user)
        refused = await self._context.services.commands.refusal(key, caller.author)
        if refused is not None:
            await self._go_on(team, key)
            await Aside(self._context.settings, team, key, user, None).say(refused)
            return
        result = await self._courier.run(team, key, user, "stop", "")
        if not result.ok:  # nothing runs: let no Stop stay on the screen
            await self._context.sessions.set_active(team, key)

    async def _go_on(self, team: Team, key: ThreadKey) -> None:
        """The answer goes on, though Slack shows it as stopped: also another process's."""
        sessions = self._context.sessions
        if sessions.works(key) or await self._is_busy(key):
            await sessions.renew(team, key)
            if not (sessions.works(key) or await self._is_busy(key)):
                await sessions.set_active(team, key)

    async def _is_busy(self, key: ThreadKey) -> bool:
        """Whether the core says that an answer is being worked on."""
        newest = await self._context.services.threads.recent(
            PLATFORM,
            key.workspace,
            channel=key.channel,
            limit=self._context.settings.slack_threads_listed,
        )
        return any(thread.busy for thread in newest if thread.key == key)

    async def _greet(self, team: Team, channel: str) -> None:
        await team.api.attempt(
            "chat.postMessage",
            channel=channel,
            text=fallback(GREETING),
            blocks=[{"type": "markdown", "text": GREETING}],
            metadata=metadata(ASIDE),
            unfurl_links=False,
            unfurl_media=False,
        )
