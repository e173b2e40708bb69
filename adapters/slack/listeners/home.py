"""The app's home and messages tab."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp

from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.events import PLATFORM
from adapters.slack.home_view import home_view
from adapters.slack.listeners.origin import team_of
from adapters.slack.teams import Team
from adapters.slack.welcome import PROMPTS
from bot.domain import ThreadKey

_WORKSPACE = "workspace"


def register(app: AsyncApp, context: SlackContext, courier: Courier) -> None:
    """Listen to people who open the app."""
    listener = Home(context, courier)
    app.event("app_home_opened")(listener.on_opened)


class Home:
    """Drawn anew each time somebody looks."""

    def __init__(self, context: SlackContext, courier: Courier) -> None:
        self._context = context
        self._courier = courier

    async def on_opened(self, body: dict[str, Any], event: dict[str, Any]) -> None:
        """Acknowledge, then draw."""
        team = await team_of(self._context, body)
        user, channel = str(event["user"]), str(event.get("channel") or "")
        if event.get("tab") == "messages":
            if self._context.first_time("prompts", team.id, user):
                self._context.tasks.spawn(self._prompt(team, user, channel), "prompts")
        else:
            self._context.tasks.spawn(self._draw(team, user, channel), "home")

    async def _draw(self, team: Team, user: str, channel: str) -> None:
        services = self._context.services
        threads = await services.threads.recent(
            PLATFORM, team.id, author_id=user, limit=self._context.settings.slack_threads_listed
        )
        caller = await self._courier.caller(team, user)
        key = ThreadKey(PLATFORM, team.id, channel, "")
        usage = await services.commands.run("usage", key, caller, _WORKSPACE)
        # The operator may have made somebody an admin whom Slack does not know as one.
        admin = caller.admin or (await services.commands.run("settings", key, caller)).ok
        view = home_view(
            team,
            threads,
            usage.text if usage.ok else "",
            admin=admin,
            note=services.engine_note,
        )
        await team.api.attempt("views.publish", user_id=user, view=view)

    async def _prompt(self, team: Team, user: str, channel: str) -> None:
        """Offer prompts; where that fails, whoever looks again is offered them then."""
        done = await team.api.attempt(
            "assistant.threads.setSuggestedPrompts",
            channel_id=channel,
            prompts=list(PROMPTS),
        )
        if done is None:
            self._context.undone("prompts", team.id, user)
