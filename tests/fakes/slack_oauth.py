"""Many workspaces by OAuth on the loopback Slack: the settings, and somebody's browser."""

from __future__ import annotations

import httpx
from cryptography.fernet import Fernet

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_driver import over_http

KEY = Fernet.generate_key().decode()
_BROWSER_SECONDS = 30


def for_many(slack: FakeSlack) -> dict[str, str]:
    """The settings with which people install the app themselves."""
    return {
        **over_http(slack),
        "SLACK_BOT_TOKEN": "",
        "SLACK_CLIENT_ID": slack.client_id,
        "SLACK_CLIENT_SECRET": slack.client_secret,
        "SLACK_ENCRYPTION_KEY": KEY,
    }


async def install(url: str) -> httpx.Response:
    """Somebody clicks “Add to Slack”, agrees, and comes back."""
    async with httpx.AsyncClient(trust_env=False, timeout=_BROWSER_SECONDS) as browser:
        page = await browser.get(f"{url}/slack/install")
        cookie = page.headers["set-cookie"].partition(";")[0]
        (agree,) = [part for part in page.text.split('"') if "/oauth/v2/authorize" in part]
        agreed = await browser.get(agree.replace("&amp;", "&"))
        return await browser.get(agreed.headers["location"], headers={"Cookie": cookie})
