"""auth.*, oauth.v2.access, apps.connections.open: who the app is, and where."""

from __future__ import annotations

import base64

from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Json


@method("api.test", tier=None, changes=False, open=True, optional={"error": str})
async def api_test(call: Call) -> Json:
    if call.get("error"):
        raise ApiError(call.get("error"))
    return {"args": call.arguments}


@method("auth.test", tier=5, changes=False)
async def auth_test(call: Call) -> Json:
    team = call.team
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": "threadlab",
        "team_id": team.id,
        "user_id": team.bot_user_id,
        "bot_id": team.bot_id,
        "is_enterprise_install": False,
    }


@method("auth.revoke", tier=3, optional={"test": bool})
async def revoke(call: Call) -> Json:
    assert call.token is not None
    if not call.get("test"):
        call.token.revoked = True
    return {"revoked": not call.get("test")}


@method("apps.connections.open", tier=None, changes=False, app_token=True)
async def open_connection(call: Call) -> Json:
    assert call.token is not None
    if "connections:write" not in call.token.scopes:
        raise ApiError("missing_scope", needed="connections:write", provided="")
    return {"url": call.slack.sockets.ticket()}


@method(
    "oauth.v2.access",
    changes=False,
    open=True,
    optional={
        "code": str,
        "client_id": str,
        "client_secret": str,
        "redirect_uri": str,
        "grant_type": str,
        "refresh_token": str,
    },
)
async def oauth_access(call: Call) -> Json:
    slack = call.slack
    if _credentials(call) != (slack.client_id, slack.client_secret):
        raise ApiError("invalid_client_id")
    code = slack.codes.pop(call.get("code") or "", None)
    if code is None:
        raise ApiError("invalid_code")
    team, installer, redirect = code
    if call.get("redirect_uri") not in (None, redirect) and redirect is not None:
        raise ApiError("bad_redirect_uri")
    slack.install(team)
    token = slack.tokens[team.token]
    return {
        "access_token": token.value,
        "token_type": "bot",
        "scope": ",".join(sorted(token.scopes)),
        "bot_user_id": team.bot_user_id,
        "app_id": slack.app_id,
        "team": {"id": team.id, "name": team.name},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": installer},
    }


def _credentials(call: Call) -> tuple[str, str]:
    basic = call.get("_authorization", "")
    if basic.startswith("Basic "):
        name, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        return name, secret
    return call.get("client_id", ""), call.get("client_secret", "")
