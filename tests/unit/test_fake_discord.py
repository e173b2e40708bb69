"""The parts of the loopback Discord that need no socket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.discord import FakeDiscord, Message
from tests.fakes.discord.clock import DISCORD_EPOCH_MS, Clock, Snowflakes
from tests.fakes.discord.effects import Effects
from tests.fakes.discord.faults import Fault, Faults
from tests.fakes.discord.openapi import Description
from tests.fakes.discord.page_markdown import markdown
from tests.fakes.discord.rates import BUCKETS, Rates
from tests.fakes.discord.refusal import Refusal
from tests.fakes.discord.rest_commands import check_command
from tests.fakes.discord.rest_reading import pick
from tests.fakes.discord.rules import check_message

SILENT: dict[str, Any] = {"allowed_mentions": {"parse": []}}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": 2, "style": 2, "label": "x", "custom_id": "x"} | fields


def row(*inside: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(inside)}


class TestTime:
    @given(st.lists(st.floats(min_value=0, max_value=100_000), max_size=20))
    def test_ids_grow_with_time(self, steps: list[float]) -> None:
        """Ids only grow, whether time stands still or leaps, and tell their moment."""
        clock = Clock()
        clock.freeze()
        ids = Snowflakes(clock)

        made = []
        for step in steps:
            clock.advance(step)
            made += [ids.next(), ids.next()]

        assert made == sorted(set(made))
        for number in made[-1:]:
            assert abs((number >> 22) + DISCORD_EPOCH_MS - clock.now() * 1000) < 2

    def test_time_runs_on_after_a_stop(self) -> None:
        """A thawed clock goes on from where it stood."""
        clock = Clock()
        clock.freeze()
        stood = clock.now()
        clock.advance(10)

        clock.thaw()

        assert 0 <= clock.now() - stood - 10 < 5


class TestRates:
    @given(
        st.sampled_from(sorted(BUCKETS)),
        st.lists(st.floats(min_value=0, max_value=3), min_size=1, max_size=60),
    )
    def test_no_span_holds_more_than_its_share(self, bucket: str, gaps: list[float]) -> None:
        """Within each window no more requests pass than the bucket holds."""
        clock = Clock()
        clock.freeze()
        rates = Rates(clock)
        most, span = BUCKETS[bucket]

        passed: list[float] = []
        began: float | None = None
        for gap in gaps:
            clock.advance(gap)
            if began is None or clock.now() - began >= span:
                passed, began = [], clock.now()
            if rates.ask(bucket, "1", counts_globally=False).allowed:
                passed.append(clock.now())
            assert len(passed) <= most

    def test_waiting_as_told_is_enough(self) -> None:
        """After the time that a refusal names the next request passes."""
        clock = Clock()
        clock.freeze()
        rates = Rates(clock)
        verdicts = [rates.ask("edits", "1") for _ in range(6)]

        clock.advance(verdicts[-1].retry_after_seconds)

        assert not verdicts[-1].allowed
        assert rates.ask("edits", "1").allowed
        assert rates.ask("edits", "2").allowed

    def test_fifty_a_second_for_all_routes(self) -> None:
        """The fifty-first request of a second is refused for all channels together."""
        clock = Clock()
        clock.freeze()
        rates = Rates(clock)

        verdicts = [rates.ask("messages", str(n)) for n in range(51)]

        assert [v.allowed for v in verdicts] == [True] * 50 + [False]
        assert verdicts[-1].is_global


class TestRules:
    @pytest.mark.parametrize(
        "body",
        [
            {"content": "x" * 2001},
            {"components": [row(*[button(custom_id=str(n)) for n in range(6)])]},
            {"components": [row(button(custom_id=str(n))) for n in range(6)]},
            {"components": [row()]},
            {"components": [row(button(custom_id="x" * 101))]},
            {"components": [row(button(), button())]},
            {"components": [row(button(label=None))]},
            {"components": [row(button(style=5))]},
            {"components": [row(button(label="x" * 81))]},
            {"components": [button()]},
            {"components": [{"type": 10, "content": "v2 without its flag"}]},
            {"components": [{"type": 10, "content": "x"}], "content": "y", "flags": 1 << 15},
            {"components": [{"type": 10, "content": "x" * 4001}], "flags": 1 << 15},
            {"embeds": [{"title": "x" * 257}]},
            {"embeds": [{"fields": [{"name": "x", "value": ""}]}]},
            {"embeds": [{}] * 11},
            {"attachments": [{"id": "0", "filename": "a"}]},
        ],
    )
    def test_what_is_over_a_limit_is_refused(self, body: dict[str, Any]) -> None:
        """Each of Discord's limits on a message holds."""
        with pytest.raises(Refusal) as refused:
            check_message(body, 0, Effects())

        assert refused.value.code == 50035

    @pytest.mark.parametrize(
        ("content", "fine"),
        [
            ("no link", True),
            ("https://a.example", False),
            ("[a](https://a.example)", False),
            ("[a](<https://a.example>)", True),
            ("`https://a.example`", True),
            ("```\nhttps://a.example\n```", True),
        ],
    )
    def test_links_that_unfold_are_noted(self, content: str, fine: bool) -> None:
        """A link counts as unfolding unless it is in angle brackets or code."""
        effects = Effects()

        check_message({"content": content} | SILENT, 0, effects)

        assert (effects.violations == []) is fine

    @pytest.mark.parametrize(
        "command",
        [
            {"name": "Upper", "description": "x"},
            {"name": "x" * 33, "description": "x"},
            {"name": "two words", "description": "x"},
            {"name": "x", "description": ""},
            {"name": "x", "description": "x" * 101},
            {"name": "x", "description": "x", "options": [{"name": "", "description": "x"}]},
            {
                "name": "x",
                "description": "x",
                "options": [
                    {"name": "a", "description": "x"},
                    {"name": "b", "description": "x", "required": True},
                ],
            },
            {
                "name": "x",
                "description": "x",
                "options": [{"name": f"o{n}", "description": "x"} for n in range(26)],
            },
            {"name": "x", "type": 3, "description": "menus have none"},
        ],
    )
    def test_a_command_out_of_shape_is_refused(self, command: dict[str, Any]) -> None:
        """Names, descriptions and options of commands are held to their limits."""
        with pytest.raises(Refusal):
            check_command(command)


class TestHistory:
    @given(
        st.lists(st.integers(1, 200), unique=True, max_size=60),
        st.integers(1, 100),
        st.integers(0, 201),
        st.sampled_from(["after", "before", "around", "none"]),
    )
    def test_a_page_is_a_run_of_the_history(
        self, numbers: list[int], limit: int, at: int, how: str
    ) -> None:
        """Each page is an unbroken run of the history, on its side of the id, next to it."""
        discord = FakeDiscord()
        channel, ann = discord.channel("general"), discord.owner.user
        said = [Message(n, channel, ann, 0.0) for n in sorted(numbers)]

        page = [m.id for m in pick(said, {} if how == "none" else {how: str(at)}, limit)]

        whole = [m.id for m in said]
        assert len(page) <= limit
        if page:
            start = whole.index(page[0])
            assert whole[start : start + len(page)] == page
        if how == "after":
            assert page == [n for n in whole if n > at][:limit]
        if how == "before":
            assert page == [n for n in whole if n < at][-limit:]


class TestFaults:
    def test_a_fault_waits_for_its_turn(self) -> None:
        """A fault lets go what it skips, meets what it counts, and then is over."""
        faults = Faults()
        fault = faults.add(Fault("POST", "/channels/*/messages", status=503, skip=1, times=2))

        paths = ["/channels/1/messages", "/users/@me", *["/channels/2/messages"] * 3]
        met = [faults.take("POST", path) is fault for path in paths]

        assert met == [False, False, True, True, False]


class TestDescription:
    def test_fields_that_are_not_named_are_told(self) -> None:
        """Of a body it says what has the wrong shape and what it does not know."""
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        body = {"content": {"application/json": {"schema": schema}}}
        spec = {
            "paths": {"/a/{b}": {"post": {"requestBody": body}}},
            "components": {"schemas": {}},
        }
        known = Description(spec)

        assert known.complaints("POST", "/a/{c}", {"name": 1}) == [
            "name: 1 is not of type 'string'"
        ]
        assert known.unknown_fields("POST", "/a/{c}", {"name": "x", "more": 1}) == ["more"]
        assert known.complaints("GET", "/a/{c}", {"name": 1}) == []


class TestPage:
    @given(st.text(alphabet="<>&\"'`*_~#-[]()! \nabscript@1:/", max_size=60))
    def test_markup_of_people_stays_text(self, text: str) -> None:
        """Whatever is typed, no tag of its own gets into the page."""
        shown = markdown(f"<script>x</script> <img src=x> {text}", lambda sign, of: "<b>")

        assert "<script" not in shown
        assert "<img" not in shown
        assert "<b>" not in shown

    async def test_a_page_shows_what_there_is(self) -> None:
        """Names, mentions, files, replies, threads and signs of typing are on the page."""
        discord = FakeDiscord()
        ann, general = discord.person("Ann"), discord.channel("general")
        asked = await ann.say(general, "**why**", files={"a.csv": b"1" * 2048}, mention=True)
        await ann.say(general, "and?", reply_to=asked)
        await ann.open_thread(general, "The why", starter=asked)
        await ann.types(general)

        page = discord.render("general")

        for part in ("<strong>why</strong>", "@Threadlab", "a.csv", "2.00 KB", "The why", "typing"):
            assert part in page

    async def test_an_image_is_on_the_page_itself(self) -> None:
        """A picture is shown from within the page, without the network."""
        discord = FakeDiscord()
        await discord.owner.say(discord.channel("general"), files={"a.png": b"png"})

        assert 'src="data:image/png;base64,cG5n"' in discord.render("general")
