"""The page's server, spoken to as the page does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from bot.domain import Action, Addressing, Answer, CodeRun, IncomingMessage, Progress, RunState
from tests.fakes.core import FakeCore
from tests.fakes.web import EventReader, WebSite, serve


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with serve(tmp_path) as running:
        yield running


class Gate:
    """A script that stands still after its progress until it is opened."""

    def __init__(self, *progress: Progress) -> None:
        self.progress = progress
        self.open = asyncio.Event()

    async def __call__(
        self, core: FakeCore, message: IncomingMessage
    ) -> AsyncIterator[Progress | Answer]:
        for picture in self.progress:
            yield picture
        await self.open.wait()
        yield Answer(f"turn-{message.id}", "done", actions=(Action("retry", "Retry"),))


class TestSaying:
    async def test_hands_the_message_to_the_core(self, site: WebSite) -> None:
        """What is written on the page reaches the inbox, addressed to the bot, with its files."""
        conversation = await site.create()
        upload = await site.upload(conversation, "sales.csv", b"a,b\n1,2\n")

        answer = await site.say(conversation, "sum of b?", (upload,), client_id="client-id-1")

        assert answer.status_code == 202
        (message,) = site.core.accepted
        assert (message.id, message.text) == ("client-id-1", "sum of b?")
        assert message.addressed is Addressing.DIRECT
        assert (message.key.platform, message.key.thread) == ("web", conversation)
        (file,) = message.attachments
        assert (file.name, file.media_type, file.size_bytes) == ("sales.csv", "text/csv", 8)

    async def test_takes_a_repeated_message_once(self, site: WebSite) -> None:
        """A request sent again, as browsers do on bad lines, does not double the message."""
        conversation = await site.create()

        for _ in range(3):
            answer = await site.say(conversation, "hello", client_id="same-client-id")
            assert answer.status_code == 202

        await site.answered(conversation)
        assert len(site.core.accepted) == 1
        assert [m["role"] for m in (await site.read(conversation))["messages"]] == ["person", "bot"]

    async def test_takes_files_without_a_word(self, site: WebSite) -> None:
        """A message may be files alone; the conversation is called by the first of them."""
        conversation = await site.create()
        upload = await site.upload(conversation, "photo.png", b"png")

        assert (await site.say(conversation, "", (upload,))).status_code == 202

        assert (await site.read(conversation))["conversation"]["title"] == "photo.png"

    @pytest.mark.parametrize(
        ("body", "status", "sentence"),
        [
            (b"{", 400, "not JSON"),
            (b"[" * 9000, 400, "nested too deeply"),
            (b"[]", 400, "not a JSON object"),
            (b'{"client_id": "x", "text": "hi"}', 400, "client_id"),
            (b'{"client_id": "12345678", "text": "  "}', 400, "Write something"),
            (b'{"client_id": "12345678", "text": 5}', 400, "not a text"),
            (b'{"client_id": "12345678", "text": "' + b"x" * 200 + b'"}', 413, "longer than 100"),
            (b'{"client_id": "12345678", "upload_ids": "x"}', 400, "not a list"),
            (b'{"client_id": "12345678", "upload_ids": ["nope"]}', 400, "not uploaded here"),
            (b'{"text": "' + b"x" * 20_000 + b'"}', 413, "too long"),
        ],
    )
    async def test_refuses_what_is_no_message_with_a_sentence(
        self, tmp_path: Path, body: bytes, status: int, sentence: str
    ) -> None:
        """Bad requests are refused, reach nobody, and say why."""
        async with serve(tmp_path, environ={"WEB_TEXT_LIMIT_CHARS": "100"}) as site:
            conversation = await site.create()

            answer = await site.client.post(
                f"/api/conversations/{conversation}/messages", content=body
            )

            assert answer.status_code == status
            assert sentence in answer.json()["error"]
            assert site.core.accepted == []

    async def test_survives_text_that_databases_do_not_take(self, site: WebSite) -> None:
        """Zero bytes and half characters are left out, not an error."""
        conversation = await site.create()

        answer = await site.client.post(
            f"/api/conversations/{conversation}/messages",
            content=b'{"client_id": "12345678", "text": "a\\u0000b\\ud800c"}',
        )

        assert answer.status_code == 202
        assert site.core.accepted[0].text == "ab?c"

    async def test_keeps_conversations_apart(self, site: WebSite) -> None:
        """A file or a message id of one conversation can't be used in another."""
        first, second = await site.create(), await site.create()
        upload = await site.upload(first, "secret.csv", b"x")
        await site.say(first, "mine", client_id="first-message")

        assert (await site.say(second, "yours", (upload,))).status_code == 400
        assert (await site.say(second, "x", client_id="first-message")).status_code == 409
        assert all(message.key.thread == first for message in site.core.accepted)


class TestTheList:
    async def test_puts_the_most_recent_first(self, site: WebSite) -> None:
        """A conversation moves to the top with its newest message."""
        first, second = await site.create(), await site.create()
        for conversation in (first, second, first):
            await site.say(conversation, f"in {conversation}")
            await site.answered(conversation)

        listed = (await site.client.get("/api/conversations")).json()["conversations"]

        assert [item["id"] for item in listed] == [first, second]

    async def test_is_titled_by_what_the_first_message_says(self, site: WebSite) -> None:
        """Code is titled by its first line, not by the marks around it."""
        conversation = await site.create()
        await site.say(conversation, "```python\nimport this\n```")

        assert (await site.read(conversation))["conversation"]["title"] == "import this"

    async def test_keeps_a_title_that_was_given(self, site: WebSite) -> None:
        """Renaming holds against later messages, and other tabs learn of it."""
        conversation = await site.create()
        async with site.events() as tab:
            await tab.until("snapshot")
            answer = await site.client.patch(
                f"/api/conversations/{conversation}", json={"title": "  Q3   numbers "}
            )
            await tab.until("conversation", title="Q3 numbers")

        assert answer.status_code == 200
        await site.say(conversation, "hello")
        assert (await site.read(conversation))["conversation"]["title"] == "Q3 numbers"

    async def test_answers_404_where_there_is_none(self, site: WebSite) -> None:
        """An unknown conversation is a sentence, not a stack trace."""
        answer = await site.client.get("/api/conversations/nope")

        assert answer.status_code == 404
        assert answer.json() == {"error": "There is no such conversation."}


class TestEvents:
    async def test_tell_a_turn_from_the_first_sign_to_the_answer(self, site: WebSite) -> None:
        """A tab sees the message, the sign, the answer beginning, and the answer."""
        conversation = await site.create()
        async with site.events(conversation) as tab:
            assert (await tab.next()).data["messages"] == []

            await site.say(conversation, "hello")

            assert (await tab.until("message", role="person")).data["text"] == "hello"
            await tab.until("typing")
            await tab.until("message", role="bot", state="running")
            done = await tab.until("message", role="bot", state="done")
            assert done.data["html"] == "<p>You said: hello</p>\n"

    async def test_go_on_where_a_tab_left_off(self, site: WebSite) -> None:
        """A tab that comes back with Last-Event-ID gets what it missed, and no snapshot."""
        conversation = await site.create()
        async with site.events(conversation) as tab:
            seen = await tab.next()
        await site.say(conversation, "meanwhile")
        await site.answered(conversation)

        async with site.events(conversation, last_event_id=seen.id) as tab:
            first = await tab.next()

        assert (first.kind, first.data["text"]) == ("message", "meanwhile")

    async def test_begin_anew_for_a_tab_of_an_earlier_process(self, site: WebSite) -> None:
        """An id of before the restart brings a snapshot."""
        async with site.events(last_event_id="deadbeef-17") as tab:
            assert (await tab.next()).kind == "snapshot"

    async def test_stay_within_their_conversation(self, site: WebSite) -> None:
        """A tab hears of other conversations only that they are listed."""
        mine, other = await site.create(), await site.create()
        async with site.events(mine) as tab:
            await tab.next()
            await site.say(other, "not for you")
            await site.answered(other)
            await site.say(mine, "for you")

            kinds = [await tab.next() for _ in range(3)]

        assert all(e.kind == "conversation" or e.data.get("text") == "for you" for e in kinds)

    async def test_bring_a_slow_tab_up_to_date_with_a_snapshot(self, tmp_path: Path) -> None:
        """Events that no longer fit into the buffer are made up for."""
        async with serve(tmp_path, environ={"WEB_EVENT_BUFFER_BYTES": "200"}) as site:
            conversation = await site.create()
            async with site.events(conversation) as tab:
                seen = await tab.next()
            await site.say(conversation, "hello")
            await site.answered(conversation)

            async with site.events(conversation, last_event_id=seen.id) as tab:
                event = await tab.next()

        assert event.kind == "snapshot"
        assert len(event.data["messages"]) == 2

    async def test_are_limited_in_number(self, tmp_path: Path) -> None:
        """More tabs than allowed are refused, and a closed one makes room."""
        async with serve(tmp_path, environ={"WEB_STREAMS": "1"}) as site:
            async with site.events() as tab:
                await tab.next()
                assert (await site.client.get("/api/events")).status_code == 503

            async with asyncio.timeout(5):
                while (await _status_of_stream(site)) != 200:
                    await asyncio.sleep(0.01)


async def _status_of_stream(site: WebSite) -> int:
    async with site.client.stream("GET", "/api/events") as response:
        return response.status_code


class TestARunningAnswer:
    async def test_is_there_after_a_reload(self, tmp_path: Path) -> None:
        """A page opened in the middle of a turn shows how it stands."""
        run = CodeRun("r1", "print(1)", RunState.RUNNING)
        gate = Gate(Progress("running Python…", (run,), "The total is"))
        async with serve(tmp_path, gate) as site:
            conversation = await site.create()
            async with site.events(conversation) as tab:
                await site.say(conversation, "hello")
                await tab.until("progress", status="running Python…")

            answer = (await site.read(conversation))["messages"][-1]
            gate.open.set()

        assert answer["state"] == "running"
        assert answer["status"] == "running Python…"
        assert answer["html"] == "<p>The total is</p>\n"
        assert [item["id"] for item in answer["runs"]] == ["r1"]

    async def test_is_pushed_only_as_it_changes_and_never_waits_for_slow_tabs(
        self, tmp_path: Path
    ) -> None:
        """A thousand pictures in a row become a few pushes, of which the last one holds."""
        pictures = [Progress("writing…", text="x" * size) for size in range(1000)]
        gate = Gate(*pictures)
        async with serve(tmp_path, gate) as site:
            conversation = await site.create()
            async with site.events(conversation) as tab:
                await site.say(conversation, "go")
                pushes = 1
                while "x" * 999 not in (await tab.until("progress")).data.get("html", ""):
                    pushes += 1
            gate.open.set()

        assert pushes < 100

    async def test_goes_on_in_the_same_message_after_a_restart(self, tmp_path: Path) -> None:
        """A turn cut off by a stop is marked, then finished where it began."""
        gate = Gate(Progress("thinking…"))
        async with serve(tmp_path, gate) as site:
            conversation = await site.create()
            async with site.events(conversation) as tab:
                await site.say(conversation, "hello", client_id="message-1")
                await tab.until("progress")
        async with serve(tmp_path, gate) as again:
            cut_off = (await again.read(conversation))["messages"][-1]
            gate.open.set()
            reply = await again.platform.open_reply(
                site.core.accepted[0].key,
                turn_id="turn-message-1",
                message_id="message-1",
                ref=cut_off["id"],
            )
            running = (await again.read(conversation))["messages"][-1]
            (post,) = reply.plan(Answer("turn-message-1", "finished"))
            await reply.send(post)
            await reply.close()
            finished = (await again.read(conversation))["messages"]

        assert (cut_off["state"], running["state"]) == ("paused", "running")
        assert len(finished) == 2
        assert (finished[-1]["id"], finished[-1]["state"]) == (cut_off["id"], "done")

    async def test_starts_for_a_message_that_a_crash_kept_from_the_inbox(
        self, tmp_path: Path
    ) -> None:
        """A message stored but never handed in is handed in at the next start."""
        async with serve(tmp_path) as site:
            conversation = await site.create()
            await site.platform._context.store.add_person_message(
                conversation, "lost-message", "anybody?", "You", (), title_if_new="anybody?"
            )
            assert (await site.read(conversation))["typing"]

        async with serve(tmp_path) as again:
            answer = await again.answered(conversation)

        assert answer["html"] == "<p>You said: anybody?</p>\n"


async def test_stopping_the_server_ends_open_streams(tmp_path: Path) -> None:
    """An open tab does not keep the process from stopping."""
    async with serve(tmp_path, environ={"WEB_SHUTDOWN_SECONDS": "60"}) as site:
        response = await site.client.send(
            site.client.build_request("GET", "/api/events"), stream=True
        )
        tab = EventReader(response)
        assert (await tab.next()).kind == "snapshot"
        ended = asyncio.create_task(_read_to_the_end(tab))
        await asyncio.sleep(0)

    assert site.platform.url is None
    async with asyncio.timeout(5):
        await ended


async def _read_to_the_end(tab: EventReader) -> None:
    with suppress(StopAsyncIteration, httpx.HTTPError, httpx.StreamError):
        while True:
            await tab.next()
