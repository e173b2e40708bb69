"""views.*: modals behind a trigger that expires, and home tabs."""

from __future__ import annotations

import secrets

from tests.fakes.slack.blocks import check_view
from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Json, View

# [facts: slack] a trigger works once, within 3 seconds
TRIGGER_SECONDS = 3.0
_MOST_STACKED = 3


@method(
    "views.open",
    required={"view": dict},
    optional={"trigger_id": str},
)
async def open_view(call: Call) -> Json:
    user = _triggered(call)
    view = new_view(call.slack.new_id("V"), user, call.team.id, call.get("view"))
    call.slack.views[view.id] = view
    return {"view": view_json(call, view)}


@method(
    "views.push",
    required={"view": dict},
    optional={"trigger_id": str},
)
async def push(call: Call) -> Json:
    user = _triggered(call)
    stack = [v for v in call.slack.views.values() if v.user == user and v.open]
    if len(stack) >= _MOST_STACKED:
        raise ApiError("push_limit_reached")
    view = new_view(call.slack.new_id("V"), user, call.team.id, call.get("view"))
    if stack:
        view.root_id = stack[0].root_id
    call.slack.views[view.id] = view
    return {"view": view_json(call, view)}


@method(
    "views.update",
    required={"view": dict},
    optional={"view_id": str, "external_id": str, "hash": str},
)
async def update(call: Call) -> Json:
    named = (call.get("view_id"), call.get("external_id"))
    found = [v for v in call.slack.views.values() if v.id == named[0] or v.external_id == named[1]]
    view = next((v for v in found if v.open and v.team == call.team.id), None)
    if view is None or named == (None, None):
        raise ApiError("not_found")
    if call.get("hash") not in (None, view.hash):
        raise ApiError("hash_conflict")
    view.body, view.hash = check_view(call.get("view")), secrets.token_hex(8)
    return {"view": view_json(call, view)}


@method("views.publish", required={"user_id": str, "view": dict}, optional={"hash": str})
async def publish(call: Call) -> Json:
    user = call.get("user_id")
    if user not in call.slack.users:
        raise ApiError("user_not_found")
    if call.get("view").get("type") != "home":
        raise ApiError("invalid_arguments", "view must be of type home")
    old = call.slack.homes.get(user)
    if old is not None and call.get("hash") not in (None, old.hash):
        raise ApiError("hash_conflict")
    view = new_view(old.id if old else call.slack.new_id("V"), user, call.team.id, call.get("view"))
    call.slack.homes[user] = view
    return {"view": view_json(call, view)}


def new_view(view_id: str, user: str, team: str, body: Json) -> View:
    """A checked view in front of somebody."""
    checked = check_view(body)
    external = body.get("external_id")
    return View(view_id, user, team, checked, secrets.token_hex(8), view_id, external_id=external)


def view_json(call: Call, view: View) -> Json:
    """The view object of answers and interaction payloads."""
    return as_json(view, call.slack.app_id, call.team.bot_id)


def as_json(view: View, app_id: str, bot_id: str, values: Json | None = None) -> Json:
    """The view object with the state of its inputs."""
    return {
        "callback_id": "",
        "private_metadata": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        "external_id": "",
        **view.body,
        "id": view.id,
        "team_id": view.team,
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": None,
        "app_id": app_id,
        "app_installed_team_id": view.team,
        "bot_id": bot_id,
        "state": {"values": values or {}},
    }


def _triggered(call: Call) -> str:
    trigger = call.get("trigger_id")
    if trigger is None or trigger not in call.slack.triggers:
        raise ApiError("invalid_trigger_id")
    user, until = call.slack.triggers[trigger]
    if until == 0.0:
        raise ApiError("exchanged_trigger_id")
    if call.slack.clock.now() > until:
        call.slack.violate(call.method, "the trigger had expired")
        raise ApiError("expired_trigger_id")
    check_view(call.get("view"))
    call.slack.triggers[trigger] = (user, 0.0)
    return user
