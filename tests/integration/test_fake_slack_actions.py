"""The loopback Slack against the real slack-bolt: buttons, selects, modals, commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.serving import serve
from tests.fakes.slack import FakeSlack, Message, Person

QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def option(text: str, value: str) -> dict[str, Any]:
    return {"text": plain(text), "value": value}


BLOCKS: list[dict[str, Any]] = [
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            {"type": "button", "action_id": "retry", "text": plain("Retry"), "value": "7"},
            {
                "type": "static_select",
                "action_id": "thread",
                "placeholder": plain("Which thread?"),
                "options": [option("Sales", "t1"), option("Costs", "t2")],
            },
            {"type": "external_select", "action_id": "search", "placeholder": plain("Search")},
            {"type": "overflow", "action_id": "more", "options": [option("Reset", "reset")]},
        ],
    },
    {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "feedback",
                "positive_button": {"text": plain("Good"), "value": "up"},
                "negative_button": {"text": plain("Bad"), "value": "down"},
            }
        ],
    },
]
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "ask",
    "private_metadata": "C1",
    "title": plain("Ask"),
    "submit": plain("Ask"),
    "blocks": [
        {
            "type": "input",
            "block_id": "question",
            "label": plain("Question"),
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {
            "type": "input",
            "block_id": "depth",
            "optional": True,
            "label": plain("Depth"),
            "element": {
                "type": "static_select",
                "action_id": "depth",
                "options": [option("Deep", "2"), option("Shallow", "1")],
                "initial_option": option("Shallow", "1"),
            },
        },
    ],
}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        fake.channel("C1", "general")
        yield fake


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    return slack.person("U1", "Ann")


@pytest.fixture
async def app(slack: FakeSlack) -> AsyncIterator[AsyncApp]:
    """A connected app that the test may still add listeners to."""
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
    bolt = AsyncApp(client=client, process_before_response=True)
    bolt.event("message")(_ignore)
    handler = AsyncSocketModeHandler(bolt, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.connected()
    yield bolt
    await handler.close_async()  # type: ignore[no-untyped-call]


async def _acknowledge(ack: Any) -> None:
    await ack()


async def _ignore(event: dict[str, Any]) -> None:
    """Nothing."""


@pytest.fixture
async def posted(slack: FakeSlack, app: AsyncApp, ann: Person) -> Message:
    """A message of the bot's with everything that can be pressed."""
    asked = await ann.say("C1", "hello")
    answer = await app.client.chat_postMessage(
        channel="C1", thread_ts=asked.ts, text="Buttons", blocks=BLOCKS, **QUIET
    )
    return slack.channels["C1"].messages[answer["ts"]]


class TestPressing:
    @pytest.mark.parametrize(
        ("wanted", "value", "action_id", "got"),
        [
            ("Retry", None, "retry", {"value": "7"}),
            ("retry", None, "retry", {"value": "7"}),
            ("Good", None, "feedback", {"value": "up"}),
            ("feedback", "down", "feedback", {"value": "down"}),
            ("thread", "Costs", "thread", {"selected_option": option("Costs", "t2")}),
            ("more", "reset", "more", {"selected_option": option("Reset", "reset")}),
        ],
    )
    async def test_elements(
        self,
        app: AsyncApp,
        ann: Person,
        posted: Message,
        wanted: str,
        value: str | None,
        action_id: str,
        got: dict[str, Any],
    ) -> None:
        """Every element can be pressed by its label or action_id, and sends its value."""
        heard: list[dict[str, Any]] = []

        @app.action(action_id)
        async def listener(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            heard.append(body)

        envelope = await ann.click(posted, wanted, value)

        [body] = heard
        [action] = body["actions"]
        assert envelope.acknowledged
        assert got.items() <= action.items()
        assert set(body["state"]["values"]["row"]) == {"thread", "search"}
        assert body["container"]["message_ts"] == posted.ts
        assert body["container"]["thread_ts"] == posted.thread_ts

    async def test_what_is_not_shown(self, ann: Person, posted: Message) -> None:
        """What is not in the message as posted cannot be pressed."""
        with pytest.raises(AssertionError, match="nothing called 'Stop' is shown"):
            await ann.click(posted, "Stop")
        with pytest.raises(AssertionError, match="no option 'Other'"):
            await ann.click(posted, "thread", "Other")

    async def test_external_select(self, app: AsyncApp, ann: Person, posted: Message) -> None:
        """An external select offers what the app suggests, and one of it can be chosen."""
        heard: list[dict[str, Any]] = []

        @app.options("search")
        async def options(ack: Any, payload: dict[str, Any]) -> None:
            await ack(options=[option(payload["value"].upper(), "x")])

        @app.action("search")
        async def listener(ack: Any, action: dict[str, Any]) -> None:
            await ack()
            heard.append(action)

        offered = await ann.suggest(posted, "search", "sal")
        await ann.click(posted, "search", offered[0])

        assert offered == [option("SAL", "x")]
        assert heard[0]["selected_option"] == offered[0]

    async def test_responding(
        self, slack: FakeSlack, app: AsyncApp, ann: Person, posted: Message
    ) -> None:
        """A response_url answers the person alone, five times, or replaces the message."""
        codes: list[int] = []

        @app.action("retry")
        async def listener(ack: Any, respond: Any) -> None:
            await ack()
            for number in range(5):
                answer = await respond(f"only you {number}", replace_original=False)
                codes.append(answer.status_code)
            codes.append((await respond("once too often", replace_original=False)).status_code)

        await ann.click(posted, "Retry")

        assert codes == [200] * 5 + [404]
        assert [m.text for m in slack.ephemerals("U1")] == [f"only you {n}" for n in range(5)]

    async def test_replacing(
        self, slack: FakeSlack, app: AsyncApp, ann: Person, posted: Message
    ) -> None:
        """A response_url can replace the message that was acted on."""

        @app.action("retry")
        async def listener(ack: Any, respond: Any) -> None:
            await ack()
            await respond("again", replace_original=True)

        await ann.click(posted, "Retry")

        assert posted.text == "again"
        assert posted.buttons == []

    async def test_nobody_listens(self, slack: FakeSlack, ann: Person, posted: Message) -> None:
        """An action that no listener takes is not acknowledged, not sent again, and noted."""
        slack.delivery.ack_timeout_seconds = 0.2

        envelope = await ann.click(posted, "Retry")

        assert not envelope.acknowledged
        assert envelope.attempts == 1
        assert slack.violations == ["interactive: not acknowledged: timeout"]


class TestModals:
    async def test_from_shortcut_to_submission(
        self, slack: FakeSlack, app: AsyncApp, ann: Person
    ) -> None:
        """A message shortcut opens a modal; what is filled in arrives as its state."""
        heard: list[dict[str, Any]] = []

        @app.shortcut("analyse")
        async def opens(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            heard.append(body)
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @app.view("ask")
        async def submitted(ack: Any, view: dict[str, Any]) -> None:
            await ack()
            heard.append(view)

        message = await ann.say("C1", "look", files={"a.csv": b"1"})
        await ann.shortcut("analyse", message)
        modal = ann.modal()
        await ann.submit(modal, {"Question": "How much?"})

        assert heard[0]["message"]["files"][0]["name"] == "a.csv"
        assert heard[1]["private_metadata"] == "C1"
        values = heard[1]["state"]["values"]
        assert values["question"]["text"]["value"] == "How much?"
        assert values["depth"]["depth"]["selected_option"]["value"] == "1"
        assert not modal.open

    async def test_errors_and_updates(self, slack: FakeSlack, app: AsyncApp, ann: Person) -> None:
        """A submission answered with errors leaves the modal open; an update changes it."""
        answers = [
            {"response_action": "errors", "errors": {"question": "Too short."}},
            {"response_action": "update", "view": MODAL | {"title": plain("Thanks")}},
        ]

        @app.view("ask")
        async def submitted(ack: Any) -> None:
            await ack(answers.pop(0))

        await app.client.views_open(trigger_id=slack.trigger("U1"), view=MODAL)
        modal = ann.modal()
        envelope = await ann.submit(modal, {"question": "?"})
        await ann.submit(modal, {"question": "Well then?", "depth": "Deep"})

        assert envelope.response == {
            "response_action": "errors",
            "errors": {"question": "Too short."},
        }
        assert modal.open
        assert modal.body["title"] == plain("Thanks")

    async def test_what_cannot_be_filled_in(
        self, slack: FakeSlack, app: AsyncApp, ann: Person
    ) -> None:
        """A required field must be filled in, and a field that is not there cannot be."""
        await app.client.views_open(trigger_id=slack.trigger("U1"), view=MODAL)

        with pytest.raises(AssertionError, match="Question is required"):
            await ann.submit(ann.modal())
        with pytest.raises(AssertionError, match="no fields"):
            await ann.submit(ann.modal(), {"question": "x", "colour": "red"})


class TestCommands:
    async def test_acknowledged_with_a_text(
        self, slack: FakeSlack, app: AsyncApp, ann: Person
    ) -> None:
        """The text of a command's acknowledgement is shown to the caller only."""

        @app.command("/threadlab")
        async def listener(ack: Any, command: dict[str, Any]) -> None:
            await ack(f"you said {command['text']}")

        envelope = await ann.command("/threadlab", "help", "C1")

        assert envelope.acknowledged
        assert [message.text for message in slack.ephemerals("U1")] == ["you said help"]
        assert slack.channels["C1"].messages == {}

    async def test_over_http(self, slack: FakeSlack, ann: Person, posted: Message) -> None:
        """In HTTP mode commands and clicks come as signed forms."""
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        app = AsyncApp(client=client, signing_secret=slack.signing_secret)
        app.command("/threadlab")(_acknowledge)
        app.action("retry")(_acknowledge)

        async with serve(AsyncSlackRequestHandler(app, path="/slack/events")) as url:
            slack.delivery.http_url = f"{url}/slack/events"
            command = await ann.command("/threadlab", "help", "C1")
            click = await ann.click(posted, "Retry")

        assert command.acknowledged
        assert click.acknowledged

    async def test_global_shortcut(self, app: AsyncApp, ann: Person) -> None:
        """A global shortcut opens a modal without any message."""

        @app.shortcut("settings")
        async def opens(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        await ann.shortcut("settings")

        assert ann.modal().body["title"] == plain("Ask")


class TestPictures:
    async def test_a_thread(self, slack: FakeSlack, ann: Person, posted: Message) -> None:
        """A thread's page shows its people, texts and buttons, and escapes what people wrote."""
        assert posted.thread_ts is not None
        await ann.say("C1", "1 < 2 <script>", thread_ts=posted.thread_ts)

        page = slack.render("C1", posted.thread_ts)

        assert "Ann" in page
        assert "Retry" in page
        assert "1 &lt; 2" in page
        assert "<script>" not in page

    async def test_a_modal(self, slack: FakeSlack, app: AsyncApp, ann: Person) -> None:
        """A modal's page shows its title, its fields and its buttons."""
        await app.client.views_open(trigger_id=slack.trigger("U1"), view=MODAL)

        page = slack.render_view(ann.modal())

        assert "Question" in page
        assert "Shallow" in page
        assert "Cancel" in page
