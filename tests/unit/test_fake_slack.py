"""The parts of the loopback Slack that need no network."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes.slack.blocks import check_message
from tests.fakes.slack.clock import Clock
from tests.fakes.slack.limits import Limits
from tests.fakes.slack.methods import METHODS, ApiError, checked
from tests.fakes.slack.mrkdwn import markdown, mrkdwn
from tests.fakes.slack.typed import escaped, rich_text

RUNS = st.text(st.sampled_from("<>&@#!|*_~`U1C h:x/\n"), max_size=60)


class StandingClock(Clock):
    """A clock that moves only when told."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1000.0

    def now(self) -> float:
        return self.at


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def button(**given: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": plain("A")} | given


def actions(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "actions", "elements": list(elements)}]


def table(rows: int, columns: int, kind: str = "data_table") -> list[dict[str, Any]]:
    cells = [[{"type": "raw_text", "text": "x"}] * columns for _ in range(rows)]
    return [{"type": kind, "caption": "Numbers", "rows": cells}]


class TestClock:
    async def test_moving_wakes_sleepers(self) -> None:
        """Whoever sleeps by the clock wakes when it is moved far enough, and not before."""
        clock = Clock()
        sleeper = asyncio.create_task(clock.sleep(300))
        await asyncio.sleep(0)

        await clock.advance(200)
        early = sleeper.done()
        await clock.advance(101)

        async with asyncio.timeout(5):
            await sleeper
        assert not early

    def test_timestamps_grow(self) -> None:
        """No two messages have the same timestamp, and later ones have later."""
        clock = StandingClock()

        stamps = [clock.ts() for _ in range(50)]

        assert len(set(stamps)) == 50
        assert stamps == sorted(stamps)


class TestLimits:
    @given(st.lists(st.floats(0, 30), min_size=1, max_size=120))
    def test_no_window_holds_more_than_the_tier(self, pauses: list[float]) -> None:
        """Whatever the pauses, no minute sees more than 20 calls of a tier 2 method."""
        clock = StandingClock()
        limits = Limits(clock)
        passed: list[float] = []

        for pause in pauses:
            clock.at += pause
            if limits.retry_after_seconds("chat.stopStream", 2, "T1", None) is None:
                passed.append(clock.at)

        assert all(sum(start <= at < start + 60 for at in passed) <= 20 for start in passed)

    def test_scaled_and_overridden(self) -> None:
        """An allowance can be multiplied for all methods, and set for one."""
        limits = Limits(StandingClock())
        limits.scale = 2
        limits.per_minute["conversations.replies"] = 1

        def allowed(method: str) -> int:
            waits = [limits.retry_after_seconds(method, 3, "T1", None) for _ in range(200)]
            return waits.count(None)

        assert allowed("chat.update") == 100
        assert allowed("conversations.replies") == 2

    @given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
    def test_waiting_as_told_suffices(self, pauses: list[float]) -> None:
        """Who waits as long as Retry-After says is let through."""
        clock = StandingClock()
        limits = Limits(clock)

        for pause in pauses:
            clock.at += pause
            wait = limits.retry_after_seconds("chat.postMessage", None, "T1", "C1")
            if wait is not None:
                clock.at += wait
                assert limits.retry_after_seconds("chat.postMessage", None, "T1", "C1") is None


class TestBlocks:
    @pytest.mark.parametrize(
        "blocks",
        [
            actions(button(text=plain("x" * 76))),
            actions(button(value="x" * 2001)),
            actions(button(action_id="x" * 256)),
            actions(button(style="blue")),
            actions(button(text={"type": "mrkdwn", "text": "A"})),
            actions(button(), button()),
            actions(*[button(action_id=str(n)) for n in range(26)]),
            actions({"type": "static_select", "action_id": "a", "options": []}),
            [{"type": "section"}],
            [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
            [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
            [{"type": "header", "text": plain("x" * 151)}],
            [{"type": "markdown", "text": ""}],
            [{"type": "markdown", "text": "x" * 12_001}],
            [{"type": "image", "image_url": "https://x.y/z.png"}],
            [{"type": "input", "label": plain("A"), "element": button()}],
            [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
            [{"type": "context", "elements": []}],
            [{"type": "context_actions", "elements": [button()]}],
            [{"type": "data_visualization", "title": "x" * 51, "chart": {"type": "bar"}}],
            [{"type": "data_visualization", "title": "x", "chart": {"type": "radar"}}],
            table(1, 3),
            table(202, 3),
            table(3, 21),
            table(101, 3, "table"),
            ["text"],
        ],
    )
    def test_refused(self, blocks: list[Any]) -> None:
        """Blocks beyond Slack's limits are invalid_blocks."""
        with pytest.raises(ApiError) as caught:
            check_message(blocks)

        assert caught.value.error == "invalid_blocks"

    def test_one_table(self) -> None:
        """A message takes one table."""
        with pytest.raises(ApiError) as caught:
            check_message(table(3, 3) + table(3, 3, "table"))

        assert caught.value.error == "only_one_table_allowed"

    def test_in_all_too_long(self) -> None:
        """Blocks of legal length can be too long together."""
        section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}

        with pytest.raises(ApiError) as caught:
            check_message([dict(section) for _ in range(5)])

        assert caught.value.error == "msg_blocks_too_long"

    def test_at_the_limits(self) -> None:
        """Blocks exactly at the limits pass, and get ids."""
        blocks = [
            *actions(button(text=plain("x" * 75), value="x" * 2000)),
            {"type": "header", "text": plain("x" * 150)},
            *table(201, 20),
        ]

        passed = check_message(blocks)

        assert len({block["block_id"] for block in passed}) == 3


class TestArguments:
    @pytest.mark.parametrize("given", [{"unfurl_links": "0"}, {"unfurl_links": False}])
    def test_forms_and_json(self, given: dict[str, Any]) -> None:
        """A boolean is the same from a form and from JSON."""
        arguments, _ = checked(METHODS["chat.postMessage"], {"channel": "C1"} | given)

        assert arguments["unfurl_links"] is False

    @pytest.mark.parametrize(
        "given",
        [{}, {"channel": 7}, {"channel": "C1", "blocks": "["}, {"channel": "C1", "blocks": {}}],
    )
    def test_refused(self, given: dict[str, Any]) -> None:
        """Missing arguments, wrong types and broken JSON are invalid_arguments."""
        with pytest.raises(ApiError) as caught:
            checked(METHODS["chat.postMessage"], given)

        assert caught.value.error == "invalid_arguments"


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.add(tag)


class TestText:
    @given(RUNS)
    def test_typing(self, typed: str) -> None:
        """What is typed survives escaping: the rich text says the same as was typed."""
        elements = rich_text(escaped(typed))["elements"][0]["elements"]
        texts = "".join(one["text"] for one in elements if one["type"] == "text")

        if all(one["type"] == "text" for one in elements):
            assert texts == typed

    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("*bold* _it_ ~no~", "<b>bold</b> <i>it</i> <s>no</s>"),
            ("a*b*c 2 * 3 * 4", "a*b*c 2 * 3 * 4"),
            ("`*code*` &lt;b&gt;", "<code>*code*</code> &lt;b&gt;"),
            ("<https://x.y|see>", '<a href="https://x.y">see</a>'),
            ("hi <@U1>", 'hi <span class="mention">@Ann</span>'),
        ],
    )
    def test_mrkdwn(self, text: str, html: str) -> None:
        """Slack's own markup becomes HTML."""
        assert mrkdwn(text, {"U1": "Ann"}) == html

    @given(st.text(max_size=80) | RUNS)
    @example("<|>")
    def test_no_foreign_tags(self, text: str) -> None:
        """Whatever a text says, no other tags than those of the markup come out."""
        known = {"a", "b", "br", "code", "i", "pre", "s", "span"}
        markdown_tags = {"blockquote", "em", "h1", "h2", "hr", "li", "ol", "p", "strong", "ul"}

        assert Tags(mrkdwn(text, {})).found <= known
        assert Tags(markdown(text, {})).found <= known | markdown_tags
