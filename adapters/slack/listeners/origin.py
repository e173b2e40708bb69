"""Where a payload comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.slack.context import SlackContext
from adapters.slack.teams import Team


async def team_of(context: SlackContext, body: Mapping[str, Any]) -> Team:
    """The workspace in which the app got a payload. Raises PlatformError."""
    team = body.get("team_id") or (body.get("team") or {}).get("id") or ""
    enterprise = body.get("enterprise_id") or (body.get("enterprise") or {}).get("id")
    return await context.teams.get(str(team or enterprise or ""), enterprise)
