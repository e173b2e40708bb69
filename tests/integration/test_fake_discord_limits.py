"""The loopback Discord's refusals: limits, permissions, faults and improper requests."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord as dpy
import pytest

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.listener import Listener, running
from tests.fakes.discord.openapi import description

SEND = "/channels/{channel_id}/messages"


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(rate_scale=0.02) as fake:
        fake.server.checks_itself = True
        with fake.in_discord_py():
            yield fake
        assert fake.server.flaws == []


@pytest.fixture
async def client(server: FakeDiscord) -> AsyncIterator[Listener]:
    async with running(server, Listener()) as ready:
        yield ready


@pytest.fixture
def general(server: FakeDiscord, client: Listener) -> dpy.TextChannel:
    return client.place(server.channel("general"))


class TestRates:
    async def test_a_client_that_minds_the_headers_meets_no_429(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """Twelve messages one by one all arrive, without a refusal."""
        for number in range(12):
            await general.send(str(number))

        assert len(server.bot_messages("general")) == 12
        assert server.rates.hits == 0

    async def test_a_429_is_waited_out(self, server: FakeDiscord, general: dpy.TextChannel) -> None:
        """A refused message is sent again after the time that Discord names, once."""
        server.fault("POST", "/channels/*/messages", status=429, times=2)

        await general.send("patient")

        assert server.effects.statuses()[429] == 2
        assert [m.content for m in server.bot_messages("general")] == ["patient"]

    async def test_a_burst_is_refused(self, server: FakeDiscord) -> None:
        """Whoever ignores the headers gets 429 for the sixth message, with all that belongs."""
        server.rates.scale = 1.0
        url = f"{server.api_url}/channels/{server.channel('general').id}/messages"
        headers = {"Authorization": f"Bot {server.token}"}

        async with aiohttp.ClientSession(headers=headers) as session:
            answers = [await session.post(url, json={"content": str(n)}) for n in range(6)]

        assert [a.status for a in answers] == [200] * 5 + [429]
        assert {"Retry-After", "Via", "X-RateLimit-Bucket"} <= set(answers[-1].headers)
        assert (await answers[-1].json())["retry_after"] > 0

    async def test_limits_can_be_switched_off(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """With the limits off a hundred messages pass at once."""
        server.rates.on = False

        await asyncio.gather(*(general.send(str(n)) for n in range(100)))

        assert len(server.bot_messages("general")) == 100


class TestFaults:
    async def test_a_503_is_the_callers_to_repeat(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """discord.py gives up at a 503; nothing was posted."""
        server.fault("POST", "/channels/*/messages", status=503)

        with pytest.raises(dpy.DiscordServerError):
            await general.send("once")

        assert server.bot_messages("general") == []

    async def test_a_reset_after_acceptance_needs_the_nonce(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """The answer is lost, the message is not: sent again with its nonce it is the same one."""
        server.fault("POST", "/channels/*/messages", reset=True, accepted=True)

        with pytest.raises((OSError, aiohttp.ClientError)):
            await general.send("once", nonce="n1")
        again = await general.send("once", nonce="n1")

        assert [m.id for m in server.bot_messages("general")] == [again.id]

    async def test_a_reset_before_acceptance_posts_nothing(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """The connection is cut off before anything was done."""
        fault = server.fault("POST", "/channels/*/messages", reset=True, skip=1)

        await general.send("one")
        with pytest.raises((OSError, aiohttp.ClientError)):
            await general.send("two")

        assert fault.met == 1
        assert [m.content for m in server.bot_messages("general")] == ["one"]

    async def test_a_ban_is_no_rate_limit(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """Cloudflare's 429 is not waited out."""
        server.fault("POST", "/channels/*/messages", banned=True)

        with pytest.raises(dpy.HTTPException) as refused:
            await general.send("once")

        assert refused.value.status == 429
        assert server.effects.per_route()[f"POST {SEND}"] == 1

    async def test_a_slow_answer_is_of_a_message_that_is_there(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """Accepted and slow: the message can be seen before its sender knows of it."""
        server.fault("POST", "/channels/*/messages", slow_seconds=0.3, accepted=True)

        sending = asyncio.create_task(general.send("once"))
        await server.until(lambda: server.bot_messages("general"))

        assert not sending.done()
        await sending

    async def test_a_download_may_fail(
        self, server: FakeDiscord, client: Listener, general: dpy.TextChannel
    ) -> None:
        """The CDN can be told to fail as the API can."""
        said = await server.person("Ann").say(server.channel("general"), files={"a": b"1"})
        heard = await general.fetch_message(said.id)
        server.fault("GET", "/cdn/*", status=502)

        with pytest.raises(dpy.HTTPException):
            await heard.attachments[0].read()

        assert await heard.attachments[0].read() == b"1"


class TestRules:
    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"content": "x" * 2001}, 400),
            ({"content": ""}, 400),
            ({"content": "x", "nonce": "n" * 26}, 400),
            ({"embeds": [dpy.Embed(description="x" * 4097)]}, 400),
            ({"embeds": [dpy.Embed(description="x" * 4000)] * 2}, 400),
            ({"file": dpy.File(io.BytesIO(b"x" * (10 << 20) + b"y"), "big.bin")}, 413),
        ],
    )
    async def test_too_much_is_refused(
        self,
        server: FakeDiscord,
        general: dpy.TextChannel,
        fields: dict[str, Any],
        status: int,
    ) -> None:
        """What is over Discord's limits is refused and leaves nothing behind."""
        with pytest.raises(dpy.HTTPException) as refused:
            await general.send(**fields)

        assert refused.value.status == status
        assert server.messages("general") == []

    async def test_an_old_message_is_not_edited(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """An hour later an edit is refused with 30046."""
        sent = await general.send("one")
        server.clock.advance(3601)

        with pytest.raises(dpy.HTTPException) as refused:
            await sent.edit(content="two")

        assert refused.value.code == 30046
        assert server.bot_messages("general")[0].content == "one"

    @pytest.mark.parametrize(
        ("permission", "code"), [("send_messages", 50013), ("view_channel", 50001)]
    )
    async def test_what_is_not_permitted_is_refused(
        self, server: FakeDiscord, general: dpy.TextChannel, permission: str, code: int
    ) -> None:
        """A missing permission is 50013, a channel that cannot be seen 50001."""
        server.deny("general", permission)

        with pytest.raises(dpy.Forbidden) as refused:
            await general.send("one")

        assert refused.value.code == code

    async def test_threads_need_a_permission(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """Without Create Public Threads no thread starts; the client can tell beforehand."""
        server.deny("general", "create_public_threads")
        sent = await general.send("one")

        with pytest.raises(dpy.Forbidden):
            await sent.create_thread(name="x")

        assert not general.permissions_for(general.guild.me).create_public_threads

    async def test_who_takes_no_dms_gets_none(self, server: FakeDiscord, client: Listener) -> None:
        """A DM to a person who refuses them is 50007."""
        ann = server.person("Ann")
        await ann.whisper("hi")
        heard = (await server.until(lambda: client.heard))[0]
        server.refuse_dms(ann)

        with pytest.raises(dpy.Forbidden) as refused:
            await heard.channel.send("hello")

        assert refused.value.code == 50007

    async def test_bad_manners_are_noted(
        self, server: FakeDiscord, general: dpy.TextChannel
    ) -> None:
        """Mentions that could ping all, and links that unfold, are let pass but noted."""
        await general.send("@everyone", allowed_mentions=dpy.AllowedMentions.all())
        await general.send("https://example.org")

        assert [v.split(":")[0] for v in server.violations] == [
            "mentions are possible",
            "links unfold",
        ]


class TestDescription:
    async def test_a_body_of_the_wrong_shape_is_refused(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A request that the published description does not allow is refused and noted."""
        if description() is None:
            pytest.skip("the API description is not here")
        url = f"{server.api_url}/channels/{server.channel('general').id}/messages"
        headers = {"Authorization": f"Bot {server.token}"}

        async with aiohttp.ClientSession(headers=headers) as session:
            answer = await session.post(url, json={"content": ["not", "text"]})
            await session.post(url, json={"content": "x", "colour": "red"})

        assert answer.status == 400
        assert any("content" in violation for violation in server.violations)
        assert any("unknown field 'colour'" in violation for violation in server.violations)
