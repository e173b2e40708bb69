"""Where a payload comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_bolt.request.internals import extract_enterprise_id, extract_team_id

from adapters.slack.context import SlackContext
from adapters.slack.teams import Team


async def team_of(context: SlackContext, body: Mapping[str, Any]) -> Team:
    """The workspace in which the app got a payload. Raises PlatformError.

    Of channels that are shared with other organisations, a payload may name one of theirs first:
    Bolt knows where ours stands.
    """
    payload = dict(body)
    enterprise = extract_enterprise_id(payload)
    return await context.teams.get(extract_team_id(payload) or enterprise or "", enterprise)
