"""The loopback Slack against the real slack-bolt: events, acknowledgements, sockets, HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.serving import serve
from tests.fakes.slack import EVENTS, SCOPES, FakeSlack, Person, signature


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        fake.channel("C1", "general")
        yield fake


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    return slack.person("U1", "Ann")


class Recorder:
    """An app that notes what it hears; it refuses the first `refusals` events."""

    def __init__(self, slack: FakeSlack) -> None:
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        secret = slack.signing_secret
        self.app = AsyncApp(client=client, signing_secret=secret, process_before_response=True)
        self.heard: list[dict[str, Any]] = []
        self.retries: list[str | None] = []
        self.refusals = 0
        self.delay_seconds = 0.0

        async def hear(event: dict[str, Any], request: Any) -> None:
            self.retries.append((request.headers.get("x-slack-retry-num") or [None])[0])
            await asyncio.sleep(self.delay_seconds)
            if self.refusals > 0:
                self.refusals -= 1
                raise RuntimeError("not committed")
            self.heard.append(event)

        for name in {event.partition(".")[0] for event in EVENTS}:
            self.app.event(name)(hear)

    def has_tried(self, times: int) -> bool:
        return len(self.retries) == times

    @property
    def kinds(self) -> list[str]:
        return [event.get("subtype") or event["type"] for event in self.heard]


@asynccontextmanager
async def connected(slack: FakeSlack, recorder: Recorder, count: int = 1) -> AsyncIterator[None]:
    handlers = [AsyncSocketModeHandler(recorder.app, slack.app_token) for _ in range(count)]
    for handler in handlers:
        handler.client.ping_interval = 0.2
        await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.connected(count)
    try:
        yield
    finally:
        for handler in handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]


class TestAnnouncing:
    async def test_a_mention_fires_both_events(self, slack: FakeSlack, ann: Person) -> None:
        """A mention in a channel arrives as app_mention and as message, in the set order."""
        slack.mention_order = ("message", "app_mention")
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            asked = await ann.say("C1", "add these", mention=True)
            await slack.until(lambda: len(recorder.heard) == 2)

        assert recorder.kinds == ["message", "app_mention"]
        assert {event["ts"] for event in recorder.heard} == {asked.ts}
        assert recorder.heard[0]["text"] == f"<@{slack.bot_user_id}> add these"

    async def test_an_upload_may_lose_its_mention(self, slack: FakeSlack, ann: Person) -> None:
        """With mentions on uploads off, a mention with a file arrives only as file_share."""
        slack.app_mention_on_uploads = False
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            await ann.say("C1", "sum", mention=True, files={"a.csv": b"1,2"})
            await slack.until(lambda: recorder.heard)
            await slack.settled()

        assert recorder.kinds == ["file_share"]
        assert recorder.heard[0]["files"][0]["size"] == 3

    @pytest.mark.parametrize(
        ("mode", "shown"),
        [
            ("tombstone", {"mode": "tombstone"}),
            ("hidden_by_limit", {"mode": "hidden_by_limit"}),
            ("external", {"mode": "external", "is_external": True}),
            ("check_file_info", {"file_access": "check_file_info"}),
        ],
    )
    async def test_unusable_files(
        self, slack: FakeSlack, ann: Person, mode: str, shown: dict[str, Any]
    ) -> None:
        """Files of other modes come as the stubs that Slack sends, without a download address."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            await ann.dm("look", files={"a.csv": b"1"}, file_modes={"a.csv": mode})
            await slack.until(lambda: recorder.heard)

        file = recorder.heard[0]["files"][0]
        assert shown.items() <= file.items()
        assert "url_private_download" not in file

    async def test_every_kind_of_conversation(self, slack: FakeSlack, ann: Person) -> None:
        """Channels, private groups, group DMs and DMs announce messages with their own type."""
        bob = slack.person("U2", "Bob")
        slack.channel("G1", "secret", kind="group", members=[ann])
        several = slack.dm(ann.id, bob.id)
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            for channel in ("C1", "G1", several.id, slack.dm(ann.id).id):
                await ann.say(channel, "hello")
            await slack.until(lambda: len(recorder.heard) == 4)

        assert [e["channel_type"] for e in recorder.heard] == ["channel", "group", "mpim", "im"]

    async def test_only_where_the_bot_is(self, slack: FakeSlack, ann: Person) -> None:
        """What is said in a channel that the bot has not joined never reaches the app."""
        slack.channel("C2", "elsewhere", bot=False)
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            await ann.say("C2", "hello", mention=True)
            await ann.invite("C2")
            await ann.say("C2", "now")
            await slack.until(lambda: len(recorder.heard) == 2)

        joined, said = recorder.heard
        assert (joined["type"], said["text"]) == ("member_joined_channel", "now")

    async def test_only_what_is_subscribed_and_allowed(self) -> None:
        """Events without subscription, or without their scope, are never sent."""
        events = EVENTS - {"message.channels"}
        async with FakeSlack(events=events, scopes=SCOPES - {"im:history"}) as slack:
            slack.channel("C1")
            ann = slack.person("U1", "Ann")

            await ann.say("C1", "hello")
            await ann.dm("hello")

            assert slack.delivery.sent == []

    async def test_as_typed(self, slack: FakeSlack, ann: Person) -> None:
        """Text arrives escaped, with its links and mentions, and as rich text besides."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            await ann.dm("is <@U1> & 1 < 2? <https://example.com|see>")
            await slack.until(lambda: recorder.heard)

        [event] = recorder.heard
        assert event["text"] == "is <@U1> &amp; 1 &lt; 2? <https://example.com|see>"
        assert event["blocks"][0]["elements"][0]["elements"] == [
            {"type": "text", "text": "is "},
            {"type": "user", "user_id": "U1"},
            {"type": "text", "text": " & 1 < 2? "},
            {"type": "link", "url": "https://example.com", "text": "see"},
        ]

    async def test_other_bots_and_ourselves(self, slack: FakeSlack, ann: Person) -> None:
        """Other bots' messages come as bot_message; the app's own are sent, and Bolt drops them."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            asked = await ann.say("C1", "hello", announce=())
            slack.other_bot_says("C1", "beep", asked.ts)
            await recorder.app.client.chat_postMessage(
                channel="C1", text="mine", unfurl_links=False, unfurl_media=False
            )
            await slack.until(lambda: len(slack.delivery.sent) == 2 and recorder.heard)
            await slack.settled()

        assert recorder.kinds == ["bot_message"]
        assert all(envelope.acknowledged for envelope in slack.delivery.sent)
        assert slack.answers("C1", asked.ts) == []

    async def test_edits_and_deletions(self, slack: FakeSlack, ann: Person) -> None:
        """Editing and deleting announce message_changed and message_deleted with the message."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            asked = await ann.dm("one")
            await ann.edit(asked, "two")
            await ann.delete(asked)
            await slack.until(lambda: len(recorder.heard) == 3)

        _, changed, deleted = recorder.heard
        assert changed["message"]["text"] == "two"
        assert changed["previous_message"]["text"] == "one"
        assert deleted["deleted_ts"] == asked.ts

    async def test_deleting_what_was_answered(self, slack: FakeSlack, ann: Person) -> None:
        """A deleted message that has answers becomes a tombstone, by message_changed."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            asked = await ann.say("C1", "one")
            await ann.say("C1", "two", thread_ts=asked.ts)
            await ann.delete(asked)
            await slack.until(lambda: len(recorder.heard) == 3)

        changed = recorder.heard[-1]
        assert changed["subtype"] == "message_changed"
        assert changed["message"]["subtype"] == "tombstone"
        before = changed["previous_message"]
        assert (before["text"], before["user"]) == ("one", ann.id)
        assert [message.text for message in slack.thread("C1", asked.ts)] == [
            "This message was deleted.",
            "two",
        ]

    async def test_the_rest_of_the_manifest(self, slack: FakeSlack, ann: Person) -> None:
        """Home, context, Stop, uninstalling and revoked tokens reach their listeners."""
        recorder = Recorder(slack)
        asked = await ann.dm("go", announce=())
        slack.sessions_of(asked.channel, asked.ts).set_status("processing")

        async with connected(slack, recorder):
            await ann.open_home("messages")
            await ann.look_at("C1")
            await ann.stop(asked.channel, asked.ts)
            await slack.until(lambda: len(recorder.heard) == 3)
            slack.uninstall()
            await slack.until(lambda: len(recorder.heard) == 5)

        assert sorted(recorder.kinds) == [
            "agent_session_stopped",
            "app_context_changed",
            "app_home_opened",
            "app_uninstalled",
            "tokens_revoked",
        ]


class TestAcknowledging:
    async def test_redelivery(self, slack: FakeSlack, ann: Person) -> None:
        """An event that is not acknowledged comes again at once, after 1 and after 5 minutes."""
        recorder = Recorder(slack)
        recorder.refusals = 3
        slack.delivery.ack_timeout_seconds = 0.2

        async with connected(slack, recorder):
            await ann.dm("hello")
            await slack.until(lambda: len(recorder.retries) == 2)
            await slack.settled()
            await slack.clock.advance(60)
            await slack.until(lambda: len(recorder.retries) == 3)
            await slack.settled()
            slack.delivery.ack_timeout_seconds = 3
            await slack.clock.advance(300)
            await slack.until(lambda: recorder.heard)
            await slack.settled()

        [envelope] = slack.delivery.sent
        assert recorder.retries == ["0", "1", "2", "3"]
        assert envelope.acknowledged
        assert envelope.failures == ["timeout"] * 3

    async def test_late_acknowledgement(self, slack: FakeSlack, ann: Person) -> None:
        """An acknowledgement that comes too late does not stop the redelivery, nor is it wrong."""
        recorder = Recorder(slack)
        recorder.delay_seconds = 0.4
        slack.delivery.ack_timeout_seconds = 0.2

        async with connected(slack, recorder):
            await ann.dm("hello")
            await slack.until(lambda: slack.sockets.late == 2)

        assert recorder.retries == ["0", "1"]
        assert slack.violations == []
        assert not slack.delivery.sent[0].acknowledged

    async def test_giving_up(self, slack: FakeSlack, ann: Person) -> None:
        """After three redeliveries nobody hears of the event any more."""
        recorder = Recorder(slack)
        recorder.refusals = 9
        slack.delivery.ack_timeout_seconds = 0.2

        async with connected(slack, recorder):
            await ann.dm("hello")
            for tried, minutes in ((2, 1), (3, 5)):
                await slack.until(partial(recorder.has_tried, tried))
                await slack.settled()
                await slack.clock.advance(60 * minutes)
            await slack.until(lambda: slack.delivery.sent[0].state == "done")

        assert slack.delivery.sent[0].attempts == 4
        assert not slack.delivery.sent[0].acknowledged

    async def test_nobody_connected(self, slack: FakeSlack, ann: Person) -> None:
        """An event for which no socket is open is delivered a minute later to the one that is."""
        recorder = Recorder(slack)
        await ann.dm("hello")
        await slack.settled()

        async with connected(slack, recorder):
            await slack.clock.advance(60)
            await slack.until(lambda: recorder.heard)

        assert slack.delivery.sent[0].failures == ["connection_failed"] * 2


class TestSockets:
    async def test_one_of_several(self, slack: FakeSlack, ann: Person) -> None:
        """With several sockets, each envelope goes to exactly one."""
        recorder = Recorder(slack)

        async with connected(slack, recorder, count=3):
            for number in range(6):
                await ann.dm(f"message {number}")
            await slack.until(lambda: len(recorder.heard) >= 6)
            await slack.settled()

        assert sorted(e["text"] for e in recorder.heard) == [f"message {n}" for n in range(6)]

    async def test_disconnect_envelope(self, slack: FakeSlack, ann: Person) -> None:
        """On a disconnect envelope the app connects anew and goes on listening."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            await slack.sockets.disconnect()
            await slack.until(lambda: slack.sockets.connects >= 2 and slack.sockets.open)
            await ann.dm("still there?")
            await slack.until(lambda: recorder.heard)

        assert slack.violations == []

    async def test_dropped_socket(self, slack: FakeSlack, ann: Person) -> None:
        """A cut connection is replaced by the client."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            slack.sockets.drop()
            await slack.until(lambda: slack.sockets.connects >= 2 and slack.sockets.open)
            await ann.dm("still there?")
            await slack.until(lambda: recorder.heard)

        assert recorder.kinds == ["message"]

    async def test_pings(self, slack: FakeSlack, ann: Person) -> None:
        """A ping disturbs nothing."""
        recorder = Recorder(slack)

        async with connected(slack, recorder):
            await slack.sockets.ping()
            await ann.dm("still there?")
            await slack.until(lambda: recorder.heard)

        assert slack.sockets.connects == 1

    async def test_eleventh_socket(self, slack: FakeSlack) -> None:
        """The eleventh connection is turned away."""
        client = AsyncWebClient(slack.app_token, base_url=slack.api_url)
        urls = [(await client.apps_connections_open(app_token=slack.app_token))["url"]] * 2

        async with aiohttp.ClientSession() as session:
            first = await session.ws_connect(urls[0])
            hello = await first.receive_json()
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(urls[1])
            others = []
            for _ in range(10):
                url = slack.sockets.ticket()
                others.append(await session.ws_connect(url))
            last = await others[-1].receive_json()
            await first.close()
            for other in others:
                await other.close()

        assert hello["type"] == "hello"
        assert last == {
            "type": "disconnect",
            "reason": "too_many_websockets",
            "debug_info": {"host": "applink-1"},
        }


class TestHttp:
    async def test_signed_requests(self, slack: FakeSlack, ann: Person) -> None:
        """In HTTP mode events come as requests whose signature Bolt accepts."""
        recorder = Recorder(slack)

        async with serve(AsyncSlackRequestHandler(recorder.app, path="/slack/events")) as url:
            slack.delivery.http_url = f"{url}/slack/events"
            await ann.dm("hello")
            await slack.until(lambda: recorder.heard)
            await slack.settled()

        [envelope] = slack.delivery.sent
        assert envelope.acknowledged
        assert envelope.acknowledged_at > envelope.sent_at > 0

    async def test_wrong_signature(self, slack: FakeSlack, ann: Person) -> None:
        """A request signed with another secret is refused and counts as not delivered."""
        recorder = Recorder(slack)
        slack.signing_secret = "another secret"

        async with serve(AsyncSlackRequestHandler(recorder.app, path="/slack/events")) as url:
            slack.delivery.http_url = f"{url}/slack/events"
            await ann.dm("hello")
            await slack.settled()

        assert recorder.heard == []
        assert slack.delivery.sent[0].failures == ["http_error"] * 2

    def test_the_published_example(self) -> None:
        """The signature is the one of Slack's own worked example."""
        body = (
            "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
            "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
            "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
            "commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
            "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
        )

        signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)

        assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
