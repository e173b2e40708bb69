"""What the app listens to. Each module registers its own."""

from __future__ import annotations

from slack_bolt.app.async_app import AsyncApp

from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.installations import Installations
from adapters.slack.intake import Intake
from adapters.slack.listeners import actions, commands, home, lifecycle, messages, shortcuts


def register(app: AsyncApp, context: SlackContext, installations: Installations | None) -> None:
    """Register every listener."""
    intake, courier = Intake(context), Courier(context)
    messages.register(app, context, intake)
    commands.register(app, context, courier)
    actions.register(app, context, courier)
    shortcuts.register(app, context, intake, courier)
    home.register(app, context, courier)
    lifecycle.register(app, context, courier, installations)
