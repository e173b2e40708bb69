"""Files that people send in Slack: streamed with the token, from Slack alone; else said why not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.slack.downloads import Downloads, resolved
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import Team
from bot.domain import Attachment, IncomingMessage
from bot.errors import AttachmentInterrupted, AttachmentUnavailable
from tests.fakes.slack import SCOPES, FakeSlack
from tests.fakes.slack_driver import SlackSite, loopback, serve

CONTENT = bytes(range(256)) * 500


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        yield fake


@pytest.fixture
async def site(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[SlackSite]:
    async with serve(slack, tmp_path) as running:
        running.core.answers = False
        yield running


async def sent(site: SlackSite, name: str = "sales.xlsx", mode: str = "hosted") -> IncomingMessage:
    """A message with a file, as it reached the inbox."""
    before = len(site.core.accepted)
    await site.ann.say("C1", "sum it", mention=True, files={name: CONTENT}, file_modes={name: mode})
    await site.slack.until(lambda: len(site.core.accepted) > before)
    return site.core.accepted[-1]


async def read(site: SlackSite, message: IncomingMessage) -> bytes:
    (attachment,) = message.attachments
    return b"".join([c async for c in site.platform.read(message.key, attachment)])


async def refusal(site: SlackSite, message: IncomingMessage) -> str:
    with pytest.raises(AttachmentUnavailable) as caught:
        await read(site, message)
    return str(caught.value)


async def test_a_file_is_read_with_the_token(site: SlackSite) -> None:
    """Name, kind and size come with the event; the bytes when they are wanted."""
    message = await sent(site)

    (attachment,) = message.attachments
    assert (attachment.name, attachment.size_bytes) == ("sales.xlsx", len(CONTENT))
    assert await read(site, message) == CONTENT


async def test_a_stub_of_another_organisation_is_resolved(site: SlackSite) -> None:
    """Slack Connect sends only an id: name and address are asked for."""
    message = await sent(site, mode="check_file_info")

    assert message.attachments[0].name == "sales.xlsx"
    assert await read(site, message) == CONTENT


async def test_a_stub_that_can_not_be_resolved_in_time_is_read_later(site: SlackSite) -> None:
    """The event is acknowledged without waiting for what Slack is slow to tell."""
    site.slack.fail("files.info", slow_seconds=3, times=2)

    message = await sent(site, mode="check_file_info")

    assert await read(site, message) == CONTENT


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("tombstone", "was deleted"),
        ("hidden_by_limit", "hidden by the limits"),
        ("external", "lies outside Slack"),
        ("quip", "is a canvas"),
        ("list", "is a Slack list"),
    ],
)
async def test_what_can_not_be_had_is_explained(site: SlackSite, mode: str, said: str) -> None:
    """Deleted, hidden and external files, canvases and lists are named with their reason."""
    assert said in await refusal(site, await sent(site, mode=mode))


async def test_a_login_page_is_no_file(tmp_path: Path) -> None:
    """Without files:read Slack sends a page: it is not taken for the file, and the missing scope
    is named."""
    scopes = [scope for scope in SCOPES if scope != "files:read"]
    async with loopback(scopes=scopes) as slack, serve(slack, tmp_path) as site:
        site.core.answers = False

        said = await refusal(site, await sent(site))

    assert said.startswith("In place of “sales.xlsx” came Slack's login page")
    assert "files:read" in said


async def test_a_login_page_is_no_page_that_was_sent(tmp_path: Path) -> None:
    """Even where a page of HTML was sent, Slack's login is told from it."""
    scopes = [scope for scope in SCOPES if scope != "files:read"]
    async with loopback(scopes=scopes) as slack, serve(slack, tmp_path) as site:
        site.core.answers = False
        page = b"<!DOCTYPE html><html><body>report</body></html>" * 10
        await site.ann.say("C1", "look", mention=True, files={"report.html": page})
        await slack.until(lambda: site.core.accepted)

        said = await refusal(site, site.core.accepted[0])

    assert "files:read" in said


async def test_a_lost_line_is_said(site: SlackSite) -> None:
    """A download that breaks off asks for the file again."""
    message = await sent(site)
    site.slack.fail("download", drop="before")

    assert "send it again" in await refusal(site, message)


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 503}, {"drop": "before"}])
async def test_what_may_succeed_later_is_told_apart(site: SlackSite, fault: dict[str, Any]) -> None:
    """A busy or failing Slack, or a lost line, is no reason to give a file up."""
    message = await sent(site)
    site.slack.fail("download", **fault)

    with pytest.raises(AttachmentInterrupted):
        await read(site, message)

    assert await read(site, message) == CONTENT


async def test_a_vanished_file_is_said(site: SlackSite) -> None:
    """A file that Slack no longer has is named."""
    message = await sent(site)
    site.slack.files.all.clear()

    assert "can't be had" in await refusal(site, message)


def _team(slack: FakeSlack) -> Team:
    from adapters.slack.api import WebApi

    settings = SlackSettings.read({"SLACK_API_URL": slack.api_url})
    api = WebApi(settings, slack.bot_token)
    return Team(settings, team_id=slack.team_id, bot_user="UBOT", url=slack.url, api=api)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/files-pri/T1-F1/download/a.csv",
        "https://files.slack.com.evil.example/a.csv",
        "https://evilslack.com/a.csv",
        "http://files.slack.com/a.csv",
        "https://files.slack.com@evil.example/a.csv",
        "file:///etc/passwd",
        "http://[",
        "",
    ],
)
async def test_the_token_goes_to_slack_alone(slack: FakeSlack, url: str) -> None:
    """An address elsewhere is not asked at all."""
    file = Attachment("F1", "a.csv", "text/csv", 3, {"file": "F1", "url": url, "mode": "hosted"})
    downloads = Downloads(SlackSettings.read({"SLACK_API_URL": slack.api_url}))

    with pytest.raises(AttachmentUnavailable):
        [chunk async for chunk in downloads.read(_team(slack), file)]


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://evil.example/a.csv", "can't be had"),
        ("http://slack.com/files-pri/a.csv", "can't be had"),
        ("/?redir=%2Ffiles-pri%2Fa.csv", "files:read"),
        ("/files-pri/again", "can't be had"),
    ],
)
async def test_redirects_stay_with_slack(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, location: str, said: str
) -> None:
    """The token is not carried elsewhere, to a login page, or round in circles."""
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": location})

    client = httpx.AsyncClient

    def mocked(**how: object) -> httpx.AsyncClient:
        return client(transport=httpx.MockTransport(answer))

    monkeypatch.setattr("adapters.slack.downloads.httpx.AsyncClient", mocked)
    url = "https://files.slack.com/files-pri/T1-F1/download/a.csv"
    file = Attachment("F1", "a.csv", "text/csv", 3, {"file": "F1", "url": url, "mode": "hosted"})
    downloads = Downloads(SlackSettings.read({}))

    with pytest.raises(AttachmentUnavailable) as caught:
        [chunk async for chunk in downloads.read(_team(slack), file)]

    assert said in str(caught.value)
    assert set(asked) == {"files.slack.com"}
    assert len(asked) <= 4


@pytest.mark.parametrize("name", ["report.html", "report.xlsx"])
async def test_html_that_was_sent_is_a_file(site: SlackSite, name: str) -> None:
    """A page that somebody sent is no login page, whatever they have named it."""
    page = b"<!DOCTYPE html><html><body>report</body></html>" * 10
    await site.ann.say("C1", "look", mention=True, files={name: page})
    await site.slack.until(lambda: site.core.accepted)

    assert await read(site, site.core.accepted[0]) == page


async def test_a_stub_without_the_scope_names_it(tmp_path: Path) -> None:
    """Resolving a stub needs files:read as well."""
    scopes = [scope for scope in SCOPES if scope != "files:read"]
    async with loopback(scopes=scopes) as slack:
        stub = Attachment("F1", "file", "text/csv", None, {"file": "F1", "mode": "connect"})

        with pytest.raises(AttachmentUnavailable) as caught:
            await resolved(_team(slack), stub)

    assert "files:read" in str(caught.value)
