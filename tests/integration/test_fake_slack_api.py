"""The loopback Slack against the real slack_sdk client: strictness of the Web API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import SCOPES, FakeSlack, Message, Person

MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Ask"},
    "blocks": [],
}
QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        fake.channel("C1", "general")
        yield fake


@pytest.fixture
def client(slack: FakeSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    return slack.person("U1", "Ann")


@pytest.fixture
async def asked(ann: Person) -> Message:
    return await ann.say("C1", "hello", mention=True)


def for_ann(slack: FakeSlack, asked: Message) -> dict[str, Any]:
    """The arguments of a stream that answers Ann."""
    return {
        "channel": "C1",
        "thread_ts": asked.ts,
        "recipient_team_id": slack.team_id,
        "recipient_user_id": "U1",
    }


def refused_with(caught: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(caught.value.response["error"])


class TestMessages:
    async def test_post_update_delete(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message
    ) -> None:
        """A message can be posted with metadata, changed, looked up and deleted."""
        metadata = {"event_type": "outbox", "event_payload": {"id": "7"}}
        posted = await client.chat_postMessage(
            channel="C1", thread_ts=asked.ts, text="one", metadata=metadata, **QUIET
        )

        await client.chat_update(channel="C1", ts=posted["ts"], markdown_text="**two**")
        found = await client.conversations_replies(
            channel="C1", ts=asked.ts, include_all_metadata=True
        )
        [answer] = slack.answers("C1", asked.ts)
        await client.chat_delete(channel="C1", ts=posted["ts"])

        assert found["messages"][1]["metadata"] == metadata
        assert (answer.text, answer.edited, answer.history) == ("**two**", True, ["one"])
        assert slack.answers("C1", asked.ts) == []
        assert [effect.method for effect in slack.effects] == [
            "chat.postMessage",
            "chat.update",
            "chat.delete",
        ]
        assert slack.effects[0].metadata == metadata
        assert slack.violations == []

    async def test_a_person_stands_for_their_conversation(
        self, slack: FakeSlack, client: AsyncWebClient, ann: Person
    ) -> None:
        """A message to a person's id stands in their direct messages with the bot."""
        posted = await client.chat_postMessage(channel=ann.id, text="hello", **QUIET)

        assert posted["channel"] == slack.dm(ann.id).id
        assert [m.text for m in slack.dm(ann.id).messages.values()] == ["hello"]

    async def test_metadata_is_only_shown_on_demand(
        self, client: AsyncWebClient, asked: Message
    ) -> None:
        """conversations.replies leaves the metadata out unless all of it is asked for."""
        metadata = {"event_type": "outbox", "event_payload": {}}
        await client.chat_postMessage(
            channel="C1", thread_ts=asked.ts, text="one", metadata=metadata, **QUIET
        )

        found = await client.conversations_replies(channel="C1", ts=asked.ts)

        assert "metadata" not in found["messages"][1]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"channel": "C9"}, "channel_not_found"),
            ({"channel": "C2"}, "not_in_channel"),
            ({"thread_ts": "1.0"}, "thread_not_found"),
            ({"text": ""}, "no_text"),
            ({"text": "x" * 40_001}, "msg_too_long"),
            ({"markdown_text": "x"}, "markdown_text_conflict"),
            ({"text": "", "markdown_text": "x" * 12_001}, "msg_too_long"),
            ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
            ({"blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
            ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
            ({"blocks": [{"type": "markdown", "text": "x" * 12_001}]}, "invalid_blocks"),
            ({"blocks": [{"type": "markdown", "text": "x" * 6_001}] * 2}, "msg_blocks_too_long"),
        ],
    )
    async def test_refusals(
        self, slack: FakeSlack, client: AsyncWebClient, arguments: dict[str, Any], error: str
    ) -> None:
        """A post that Slack would refuse is refused with Slack's error."""
        slack.channel("C2", bot=False)

        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(**({"channel": "C1", "text": "x", **QUIET} | arguments))

        assert refused_with(caught) == error
        assert slack.effects == []

    async def test_only_own_messages(self, client: AsyncWebClient, asked: Message) -> None:
        """Other people's messages can be neither changed nor deleted."""
        with pytest.raises(SlackApiError, match="cant_update_message"):
            await client.chat_update(channel="C1", ts=asked.ts, text="x")
        with pytest.raises(SlackApiError, match="cant_delete_message"):
            await client.chat_delete(channel="C1", ts=asked.ts)

    async def test_ephemeral(self, slack: FakeSlack, client: AsyncWebClient, ann: Person) -> None:
        """An ephemeral message is seen by one member, and only by members."""
        slack.person("U2", "Bob")
        slack.channel("C1", members=[ann])

        await client.chat_postEphemeral(channel="C1", user="U1", text="psst")
        with pytest.raises(SlackApiError, match="user_not_in_channel"):
            await client.chat_postEphemeral(channel="C1", user="U2", text="psst")

        assert [message.text for message in slack.ephemerals("U1")] == ["psst"]
        assert slack.channels["C1"].messages == {}

    @pytest.mark.parametrize(
        ("arguments", "violation"),
        [
            ({"text": "<!channel> look"}, "a mass mention: <!channel>"),
            ({"text": "<!here|here>"}, "a mass mention: <!here|here>"),
            ({"blocks": [{"type": "markdown", "text": "a <!everyone>"}]}, "a mass mention"),
            ({"unfurl_links": True}, "posted without unfurl_links"),
            ({"text": "x" * 4001}, "Slack advises 4000"),
            ({"surprise": 1}, "unknown arguments ['surprise']"),
        ],
    )
    async def test_violations(
        self, slack: FakeSlack, client: AsyncWebClient, arguments: dict[str, Any], violation: str
    ) -> None:
        """What Slack lets pass but no app should do is noted."""
        await client.chat_postMessage(**({"channel": "C1", "text": "x", **QUIET} | arguments))

        assert violation in "\n".join(slack.violations)

    async def test_token_in_the_arguments(self, slack: FakeSlack) -> None:
        """A token in the address works, and is noted."""
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{slack.api_url}auth.test", params={"token": slack.bot_token})

        assert answer.json()["user_id"] == slack.bot_user_id
        assert slack.violations == ["auth.test: the token stood in the arguments"]


class TestAccess:
    @pytest.mark.parametrize(
        ("scope", "call"),
        [
            ("chat:write", ("chat_postMessage", {"channel": "C1", "text": "x"})),
            ("files:write", ("files_getUploadURLExternal", {"filename": "a", "length": 1})),
            ("users:read", ("users_info", {"user": "U1"})),
            ("channels:read", ("conversations_info", {"channel": "C1"})),
            ("channels:history", ("conversations_history", {"channel": "C1"})),
            ("im:write", ("conversations_open", {"users": "U1"})),
        ],
    )
    async def test_missing_scope(self, scope: str, call: tuple[str, dict[str, Any]]) -> None:
        """Without its scope a method says which it needs; the attempt is noted."""
        async with FakeSlack(scopes=SCOPES - {scope}) as slack:
            slack.channel("C1")
            client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)

            with pytest.raises(SlackApiError) as caught:
                await getattr(client, call[0])(**call[1])

        assert caught.value.response["needed"] == scope
        assert scope not in caught.value.response["provided"].split(",")
        assert f"called without the scope {scope}" in slack.violations[0]

    async def test_tokens(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """Unknown, missing, revoked and app tokens are told apart."""
        errors = []
        for token in ("xoxb-wrong", "", slack.app_token):
            with pytest.raises(SlackApiError) as caught:
                await AsyncWebClient(token, base_url=slack.api_url).auth_test()
            errors.append(refused_with(caught))
        scopes = (await client.auth_test()).headers["X-OAuth-Scopes"]
        await client.auth_revoke()
        with pytest.raises(SlackApiError) as caught:
            await client.auth_test()

        assert errors == ["invalid_auth", "not_authed", "not_allowed_token_type"]
        assert refused_with(caught) == "token_revoked"
        assert set(scopes.split(",")) == SCOPES

    async def test_reading_takes_no_json(
        self, slack: FakeSlack, client: AsyncWebClient, ann: Person
    ) -> None:
        """A method that only reads does not see arguments in a JSON body."""
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            await client.api_call("users.info", json={"user": ann.id})

        assert slack.violations == ["users.info: takes no JSON"]

    async def test_unknown_method(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """A method that the fake does not know is an error, and is noted."""
        with pytest.raises(SlackApiError, match="unknown_method"):
            await client.api_call("chat.shout")

        assert slack.violations == ["chat.shout: unknown method"]

    async def test_oauth_install(self, slack: FakeSlack) -> None:
        """A second workspace gets its token by a code that works once."""
        team = slack.add_team("Globex", installed=False)
        client = AsyncWebClient(base_url=slack.api_url)
        arguments = {"client_id": slack.client_id, "client_secret": slack.client_secret}
        code = slack.code(team.id)

        answer = await client.oauth_v2_access(**arguments, code=code)
        with pytest.raises(SlackApiError, match="invalid_code"):
            await client.oauth_v2_access(**arguments, code=code)
        there = await AsyncWebClient(answer["access_token"], base_url=slack.api_url).auth_test()

        assert answer["team"] == {"id": team.id, "name": "Globex"}
        assert there["team_id"] == team.id

    async def test_the_page_that_asks(self, slack: FakeSlack) -> None:
        """The page to which an installation is sent gives the state back, and a code."""
        slack.add_team("Globex", installed=False)
        query = {
            "client_id": slack.client_id,
            "scope": "chat:write,files:read",
            "state": "s1",
            "redirect_uri": "http://127.0.0.1:9/back",
        }

        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{slack.url}/oauth/v2/authorize", params=query)

        back = httpx.URL(answer.headers["location"])
        assert (back.path, back.params["state"]) == ("/back", "s1")
        assert back.params["code"] in slack.codes
        assert slack.asked_scopes == {"chat:write", "files:read"}

    async def test_workspaces_are_apart(self, slack: FakeSlack) -> None:
        """A workspace's token sees neither channels nor people of another."""
        team = slack.add_team("Globex")
        client = AsyncWebClient(team.token, base_url=slack.api_url)
        slack.person("U1", "Ann")

        with pytest.raises(SlackApiError, match="channel_not_found"):
            await client.chat_postMessage(channel="C1", text="x", **QUIET)
        with pytest.raises(SlackApiError, match="user_not_found"):
            await client.users_info(user="U1")


class TestLimits:
    async def test_tier_two(self, slack: FakeSlack, client: AsyncWebClient, asked: Message) -> None:
        """The 21st stream within a minute is refused with 429 and Retry-After; later ones go."""
        for _ in range(20):
            await client.chat_startStream(**for_ann(slack, asked))

        with pytest.raises(SlackApiError) as caught:
            await client.chat_startStream(**for_ann(slack, asked))
        await slack.clock.advance(60)
        await client.chat_startStream(**for_ann(slack, asked))

        assert caught.value.response.status_code == 429
        assert 50 < int(caught.value.response.headers["Retry-After"]) <= 60

    async def test_one_post_a_second(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """A channel takes a burst of four posts, then one a second; another channel its own."""
        slack.channel("C2")
        for _ in range(4):
            await client.chat_postMessage(channel="C1", text="x", **QUIET)

        with pytest.raises(SlackApiError, match="ratelimited"):
            await client.chat_postMessage(channel="C1", text="x", **QUIET)
        await client.chat_postMessage(channel="C2", text="x", **QUIET)
        await slack.clock.advance(1)
        await client.chat_postMessage(channel="C1", text="x", **QUIET)

    async def test_switched_off(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """Limits can be switched off."""
        slack.limits.enabled = False

        for _ in range(10):
            await client.chat_postMessage(channel="C1", text="x", **QUIET)

        assert slack.calls["chat.postMessage"] == 10

    async def test_the_sdk_waits(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """The SDK's rate-limit handler understands the answer and tries again."""
        client.retry_handlers = [AsyncRateLimitErrorRetryHandler(max_retry_count=1)]
        slack.fail("chat.postMessage", status=429)

        await client.chat_postMessage(channel="C1", text="x", **QUIET)

        outcomes = [request.outcome for request in slack.requests]
        assert outcomes == ["http 429", "ok"]
        assert len(slack.effects) == 1


class TestFaults:
    async def test_accepted_then_dropped(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """A call can take effect and lose its answer."""
        slack.fail("chat.postMessage", drop="after")

        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="C1", text="x", **QUIET)

        assert len(slack.channels["C1"].messages) == 1

    async def test_dropped_before(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """A call can be cut off before it does anything, and the next one goes through."""
        slack.fail("chat.postMessage", drop="before", after=1)

        await client.chat_postMessage(channel="C1", text="first", **QUIET)
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="C1", text="second", **QUIET)

        assert [m.text for m in slack.channels["C1"].messages.values()] == ["first"]

    async def test_errors(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """A call can fail with an error of Slack's or of HTTP."""
        slack.fail("auth.test", error="fatal_error")
        slack.fail("auth.test", status=503)

        with pytest.raises(SlackApiError, match="fatal_error"):
            await client.auth_test()
        with pytest.raises(SlackApiError) as caught:
            await client.auth_test()

        assert caught.value.response.status_code == 503

    async def test_files_fail_as_well(
        self, slack: FakeSlack, client: AsyncWebClient, ann: Person
    ) -> None:
        """The raw upload and the download can be made to fail."""
        message = await ann.dm("look", files={"a.csv": b"1,2"})
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        slack.fail("upload", status=500)
        slack.fail("download", status=429, retry_after_seconds=7)

        with pytest.raises(SlackRequestError, match="status: 500"):
            await client.files_upload_v2(channel="C1", content=b"1", filename="a.csv")
        async with httpx.AsyncClient() as http:
            refused = await http.get(message.files[0].url, headers=headers)
            good = await http.get(message.files[0].url, headers=headers)

        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
        assert good.content == b"1,2"

    async def test_slow(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """A slow call outlasts its caller's patience."""
        slack.fail("auth.test", slow_seconds=5)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.auth_test()


class TestStreams:
    async def test_growing(self, slack: FakeSlack, client: AsyncWebClient, asked: Message) -> None:
        """The SDK's stream grows by text and task updates and ends with blocks and metadata."""
        stream = await client.chat_stream(buffer_size=1, **for_ann(slack, asked))
        await stream.append(markdown_text="Let me ")
        [message] = slack.answers("C1", asked.ts)
        growing = message.streaming
        await stream.append(
            markdown_text="see.",
            chunks=[{"type": "task_update", "id": "1", "title": "Run", "status": "in_progress"}],
        )
        await stream.append(
            chunks=[{"type": "task_update", "id": "1", "title": "Ran", "status": "complete"}]
        )
        metadata = {"event_type": "outbox", "event_payload": {"id": "7"}}

        await stream.stop(blocks=[{"type": "markdown", "text": "Done."}], metadata=metadata)

        assert growing
        assert not message.streaming
        assert message.text == "Let me see.\nDone."
        assert message.tasks == {"1": {"id": "1", "title": "Ran", "status": "complete"}}
        assert message.metadata == metadata
        assert slack.violations == []

    async def test_death(self, slack: FakeSlack, client: AsyncWebClient, asked: Message) -> None:
        """After five minutes append and stop are refused, and chat.update saves the text."""
        started = await client.chat_startStream(markdown_text="one", **for_ann(slack, asked))
        ts = started["ts"]
        await slack.clock.advance(299)
        await client.chat_appendStream(channel="C1", ts=ts, markdown_text=" two")
        with pytest.raises(SlackApiError, match="streaming_state_conflict"):
            await client.chat_update(channel="C1", ts=ts, markdown_text="too early")

        await slack.clock.advance(2)
        for call in (client.chat_appendStream, client.chat_stopStream):
            with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
                await call(channel="C1", ts=ts, markdown_text=" three")
        [message] = slack.answers("C1", asked.ts)
        kept = message.text
        await client.chat_update(channel="C1", ts=ts, markdown_text="one two three")

        assert kept == "one two"
        assert message.text == "one two three"

    async def test_no_piece_is_taken_twice(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message
    ) -> None:
        """A refused append or stop leaves the stream as it was."""
        started = await client.chat_startStream(markdown_text="x" * 11_990, **for_ann(slack, asked))
        where = {"channel": "C1", "ts": started["ts"]}

        with pytest.raises(SlackApiError, match="msg_too_long"):
            await client.chat_appendStream(**where, markdown_text="y" * 11)
        with pytest.raises(SlackApiError, match="msg_too_long"):
            await client.chat_stopStream(
                **where, markdown_text="y", blocks=[{"type": "markdown", "text": "z" * 10}]
            )
        [message] = slack.answers("C1", asked.ts)

        assert message.streaming
        assert message.text == "x" * 11_990

    @pytest.mark.parametrize(
        ("code", "text", "fits"),
        [(4_000, 2_500, True), (4_000, 2_600, False), (0, 10_500, True), (0, 10_600, False)],
    )
    async def test_tasks_weigh_double(
        self,
        slack: FakeSlack,
        client: AsyncWebClient,
        asked: Message,
        code: int,
        text: int,
        fits: bool,
    ) -> None:
        """Beside tasks a stream takes some 10,600 bytes, in which their details count twice."""
        run = {"type": "task_update", "id": "1", "title": "Run", "status": "complete"}
        started = await client.chat_startStream(
            chunks=[run | {"details": "x" * code}], **for_ann(slack, asked)
        )

        outcome = "ok"
        try:
            await client.chat_appendStream(channel="C1", ts=started["ts"], markdown_text="x" * text)
        except SlackApiError as error:
            outcome = error.response["error"]

        assert outcome == ("ok" if fits else "msg_too_long")

    async def test_broken(self, slack: FakeSlack, client: AsyncWebClient, asked: Message) -> None:
        """A stream that died is broken until it is replaced."""
        started = await client.chat_startStream(markdown_text="one", **for_ann(slack, asked))
        before = slack.broken()

        await slack.clock.advance(301)
        after = [message.ts for message in slack.broken()]
        await client.chat_update(channel="C1", ts=started["ts"], markdown_text="one two")

        assert before == []
        assert after == [started["ts"]]
        assert slack.broken() == []

    async def test_streamed_blocks(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message
    ) -> None:
        """Blocks within a stream stand between its texts, and a message takes one table."""
        table: dict[str, Any] = {
            "type": "data_table",
            "caption": "Sums",
            "rows": [[{"type": "raw_text", "text": word}] for word in ("total", "7")],
        }
        chunks: list[dict[str, Any]] = [
            {"type": "markdown_text", "text": "Before"},
            {"type": "blocks", "blocks": [table]},
            {"type": "markdown_text", "text": "After"},
        ]
        started = await client.chat_startStream(chunks=chunks, **for_ann(slack, asked))

        with pytest.raises(SlackApiError, match="only_one_table_allowed"):
            await client.chat_stopStream(channel="C1", ts=started["ts"], chunks=chunks[1:2])
        await client.chat_stopStream(channel="C1", ts=started["ts"])

        [message] = slack.answers("C1", asked.ts)
        assert message.text == "Before\ntotal\n7\nAfter"

    async def test_recipients_have_a_home(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message
    ) -> None:
        """A recipient's workspace is their own, which in shared channels is not the app's."""
        zed = slack.person("U9", "Zed", team=slack.add_team("Globex", installed=False).id)

        await client.chat_startStream(**for_ann(slack, asked) | {"recipient_user_id": zed.id})

        assert slack.violations == [
            "chat.startStream: recipient_team_id is not the recipient's own team"
        ]

    @pytest.mark.parametrize("missing", ["recipient_team_id", "recipient_user_id"])
    async def test_recipients(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message, missing: str
    ) -> None:
        """In channels a stream needs its recipient."""
        arguments = for_ann(slack, asked) | {missing: None}

        with pytest.raises(SlackApiError, match=f"missing_{missing}"):
            await client.chat_startStream(**arguments)

    async def test_the_native_stop_ends_streams(
        self, slack: FakeSlack, client: AsyncWebClient, ann: Person, asked: Message
    ) -> None:
        """Slack's Stop is there only while the session is processing, and ends its streams."""
        started = await client.chat_startStream(markdown_text="one", **for_ann(slack, asked))
        with pytest.raises(AssertionError, match="no Stop button"):
            await ann.stop("C1", asked.ts)
        await client.agents_sessions_setStatus(
            channel_id="C1", thread_ts=asked.ts, status="processing", title="Sums"
        )

        await ann.stop("C1", asked.ts)

        event = slack.delivery.sent[-1].payload["event"]
        assert event["streaming_message_ts"] == [started["ts"]]
        assert slack.sessions_of("C1", asked.ts).title == "Sums"
        with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
            await client.chat_appendStream(channel="C1", ts=started["ts"], markdown_text="x")

    async def test_status_lapses(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message
    ) -> None:
        """A status is gone after two minutes, or with the bot's next message."""
        arguments: dict[str, Any] = {
            "channel_id": "C1",
            "thread_ts": asked.ts,
            "status": "is thinking…",
        }
        await client.assistant_threads_setStatus(**arguments)
        shown = slack.status("C1", asked.ts)
        await slack.clock.advance(121)
        lapsed = slack.status("C1", asked.ts)
        await client.assistant_threads_setStatus(**arguments)

        await client.chat_postMessage(channel="C1", thread_ts=asked.ts, text="hi", **QUIET)

        assert (shown, lapsed, slack.status("C1", asked.ts)) == ("is thinking…", "", "")


class TestFiles:
    async def test_upload(self, slack: FakeSlack, client: AsyncWebClient, asked: Message) -> None:
        """Several files of one upload land together, in order, in one message of the thread."""
        await client.files_upload_v2(
            channel="C1",
            thread_ts=asked.ts,
            file_uploads=[
                {"content": b"1,2", "filename": "a.csv"},
                {"content": b"\x89PNG", "filename": "b.png", "title": "Chart"},
            ],
        )
        await slack.until(lambda: slack.answers("C1", asked.ts))

        [message] = slack.answers("C1", asked.ts)
        assert [(f.name, f.title, f.read()) for f in message.files] == [
            ("a.csv", "a.csv", b"1,2"),
            ("b.png", "Chart", b"\x89PNG"),
        ]
        assert slack.violations == []

    async def test_large_files(
        self, slack: FakeSlack, client: AsyncWebClient, ann: Person, tmp_path: Path
    ) -> None:
        """Large files go in and out through the disk."""
        content = bytes(9 * 2**20)
        (tmp_path / "big.bin").write_bytes(content)
        message = await ann.dm("look", files={"big.bin": tmp_path / "big.bin"})
        headers = {"Authorization": f"Bearer {slack.bot_token}"}

        await client.files_upload_v2(channel=message.channel, content=content, filename="out.bin")
        async with httpx.AsyncClient() as http:
            answer = await http.get(message.files[0].url, headers=headers)
        await slack.until(lambda: len(slack.channels[message.channel].messages) == 2)

        shared = list(slack.channels[message.channel].messages.values())[-1].files[0]
        assert answer.content == content
        assert isinstance(shared.content, Path)
        assert shared.read() == content

    async def test_empty_file(self, client: AsyncWebClient) -> None:
        """A file of no bytes is refused."""
        with pytest.raises(SlackApiError, match="missing_argument"):
            await client.files_upload_v2(channel="C1", content=b"", filename="a.csv")

    async def test_alt_text_loses_the_share(
        self, slack: FakeSlack, client: AsyncWebClient, asked: Message
    ) -> None:
        """A file with an alt_txt is accepted and never appears."""
        await client.files_upload_v2(
            channel="C1", thread_ts=asked.ts, content=b"1", filename="a.csv", alt_txt="numbers"
        )
        await client.files_upload_v2(
            channel="C1", thread_ts=asked.ts, content=b"1", filename="b.csv"
        )
        await slack.until(lambda: slack.answers("C1", asked.ts))

        shown = [file.name for m in slack.answers("C1", asked.ts) for file in m.files]
        assert shown == ["b.csv"]

    async def test_not_uploaded(self, slack: FakeSlack, client: AsyncWebClient) -> None:
        """An upload cannot be completed before its bytes have come."""
        ticket = await client.files_getUploadURLExternal(filename="a.csv", length=3)

        with pytest.raises(SlackApiError, match="file_not_found"):
            await client.files_completeUploadExternal(
                files=[{"id": ticket["file_id"], "title": "a"}], channel_id="C1"
            )
        async with httpx.AsyncClient() as http:
            short = await http.post(ticket["upload_url"], content=b"1")

        assert short.status_code == 400

    async def test_download(self, slack: FakeSlack, client: AsyncWebClient, ann: Person) -> None:
        """A download needs the bot's token; without it comes a login page with status 200."""
        message = await ann.dm("look", files={"a.csv": b"1,2"})
        info = await client.files_info(file=message.files[0].id)
        url = info["file"]["url_private_download"]

        async with httpx.AsyncClient() as http:
            good = await http.get(url, headers={"Authorization": f"Bearer {slack.bot_token}"})
            bad = await http.get(url)

        assert (good.content, good.headers["content-type"]) == (b"1,2", "text/csv")
        assert bad.status_code == 200
        assert bad.headers["content-type"].startswith("text/html")

    async def test_download_without_scope(self) -> None:
        """A token without files:read gets the login page as well."""
        async with FakeSlack(scopes=SCOPES - {"files:read"}) as slack, httpx.AsyncClient() as http:
            ann = slack.person("U1", "Ann")
            message = await ann.dm("look", files={"a.csv": b"1,2"})
            headers = {"Authorization": f"Bearer {slack.bot_token}"}

            answer = await http.get(message.files[0].url, headers=headers)

        assert b"Sign in" in answer.content


class TestViews:
    async def test_trigger(self, slack: FakeSlack, client: AsyncWebClient, ann: Person) -> None:
        """A trigger opens one modal, within three seconds."""
        first, late = slack.trigger("U1"), slack.trigger("U1")
        opened = await client.views_open(trigger_id=first, view=MODAL)

        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await client.views_open(trigger_id=first, view=MODAL)
        await slack.clock.advance(4)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await client.views_open(trigger_id=late, view=MODAL)
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            await client.views_open(trigger_id="1.x", view=MODAL)

        assert ann.modal().id == opened["view"]["id"]

    async def test_update(self, slack: FakeSlack, client: AsyncWebClient, ann: Person) -> None:
        """A view is changed by its id, unless its hash says that it changed meanwhile."""
        opened = await client.views_open(trigger_id=slack.trigger("U1"), view=MODAL)
        view = opened["view"]
        other = MODAL | {"title": {"type": "plain_text", "text": "Other"}}

        await client.views_update(view_id=view["id"], hash=view["hash"], view=other)
        with pytest.raises(SlackApiError, match="hash_conflict"):
            await client.views_update(view_id=view["id"], hash=view["hash"], view=other)

        assert ann.modal().body["title"]["text"] == "Other"

    async def test_home(self, slack: FakeSlack, client: AsyncWebClient, ann: Person) -> None:
        """A home tab is published to one person."""
        await client.views_publish(user_id="U1", view={"type": "home", "blocks": []})

        assert ann.home().body["type"] == "home"

    @pytest.mark.parametrize(
        "change",
        [
            {"title": {"type": "plain_text", "text": "x" * 25}},
            {"title": {"type": "mrkdwn", "text": "x"}},
            {"private_metadata": "x" * 3001},
            {"blocks": [{"type": "divider"}] * 101},
            {"blocks": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}]},
        ],
    )
    async def test_refusals(
        self, slack: FakeSlack, client: AsyncWebClient, ann: Person, change: dict[str, Any]
    ) -> None:
        """A view beyond Slack's limits is refused."""
        with pytest.raises(SlackApiError, match="invalid_"):
            await client.views_open(trigger_id=slack.trigger(ann.id), view=MODAL | change)
