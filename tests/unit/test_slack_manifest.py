"""manifest.yml has what the code listens to and calls, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_bolt.app.async_app import AsyncApp

from adapters.slack import listeners
from adapters.slack.app import build_app
from adapters.slack.context import SlackContext
from adapters.slack.methods import METHODS
from adapters.slack.modals import SETTINGS
from adapters.slack.scopes import BOT_SCOPES
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import OneToken, Teams
from adapters.slack.welcome import PROMPTS
from tests.fakes.core import FakeCore
from tests.fakes.web import echo

ROOT = Path(__file__).parents[2]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
SCOPES = set(MANIFEST["oauth_config"]["scopes"]["bot"])
EVENTS = set(MANIFEST["settings"]["event_subscriptions"]["bot_events"])
SOURCES = sorted((ROOT / "adapters" / "slack").rglob("*.py"))
# The scope that each event takes [facts: slack].
EVENT_SCOPES = {
    "agent_session_stopped": "chat:write",
    "app_context_changed": "assistant:write",
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "app_uninstalled": None,
    "member_joined_channel": "channels:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "tokens_revoked": None,
}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[AsyncApp]:
    settings = SlackSettings.read({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})
    core = FakeCore(tmp_path, echo, {})
    yield build_app(SlackContext(core.services, settings, Teams(settings, OneToken("x"))), None)
    await core.close()


def test_scopes_are_those_of_methods_and_events() -> None:
    """Every scope is needed by a method that is called, an event, or the commands; and the
    installation by OAuth asks for the same."""
    needed = {scope for scopes in METHODS.values() for scope in scopes}
    needed |= {EVENT_SCOPES[event] for event in EVENTS} - {None}  # type: ignore[arg-type]

    assert needed | {"commands"} == SCOPES
    assert set(BOT_SCOPES) == SCOPES


def test_methods_are_those_that_the_code_names() -> None:
    """Each method in the register is called somewhere, and no other is."""
    called = set()
    for source in SOURCES:
        text = source.read_text().partition("METHODS: Mapping")[0]
        called |= set(re.findall(r'"((?:[a-z]+\.)+[a-z]\w+)"', text))
    names = {name for name in called if name.split(".")[0] in {m.split(".")[0] for m in METHODS}}

    assert names == set(METHODS)


async def test_every_event_has_a_listener(app: AsyncApp) -> None:
    """What the app is subscribed to, something listens to: else Slack would send it again."""
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_bolt.response import BoltResponse

    for name in EVENTS:
        event = {"type": name.partition(".")[0], "subtype": "whatever"}
        if not name.startswith("message"):
            del event["subtype"]
        body = {"type": "event_callback", "team_id": "T1", "event": event}
        request = AsyncBoltRequest(mode="socket_mode", body=body)
        matches = [
            await listener.async_matches(req=request, resp=BoltResponse(status=200))
            for listener in app._async_listeners
        ]
        assert any(matches), name


def test_commands_and_shortcuts_have_their_listeners() -> None:
    """What people find in Slack's menus is what the code waits for."""
    features = MANIFEST["features"]

    assert [c["command"] for c in features["slash_commands"]] == [listeners.commands.COMMAND]
    shortcuts = {s["callback_id"]: s["type"] for s in features["shortcuts"]}
    assert shortcuts == {listeners.shortcuts.ANALYSE: "message", SETTINGS: "global"}


def test_prompts_are_the_same() -> None:
    """The prompts of the manifest are those that the app sets."""
    assert MANIFEST["features"]["agent_view"]["suggested_prompts"] == list(PROMPTS)


def test_it_keeps_slacks_limits() -> None:
    """Lengths that Slack refuses would make the first step of the installation fail."""
    about, features = MANIFEST["display_information"], MANIFEST["features"]

    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert 174 <= len(about["long_description"]) <= 4_000
    assert len(features["agent_view"]["agent_description"]) <= 300
    assert all(len(s["name"]) <= 24 for s in features["shortcuts"])
    assert all(len(s["description"]) <= 150 for s in features["shortcuts"])
    assert not features["app_home"]["messages_tab_read_only_enabled"]
    assert MANIFEST["settings"]["interactivity"]["is_enabled"]
    assert MANIFEST["settings"]["socket_mode_enabled"]
