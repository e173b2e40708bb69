"""What people write in Slack reaches the inbox: once, in order, with names; nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.hello import CAPABILITIES
from bot.domain import Addressing, Answer, IncomingMessage, Progress
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.slack import Envelope, FakeSlack
from tests.fakes.slack_driver import SlackSite, loopback, serve
from tests.fakes.slack_process import other_process


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback(ack_timeout_seconds=1.0) as fake:
        yield fake
        assert not fake.violations, fake.violations


@pytest.fixture
async def site(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[SlackSite]:
    async with serve(slack, tmp_path) as running:
        yield running


async def arrived(site: SlackSite, count: int = 1) -> None:
    """Wait until so many messages are in the inbox, and nothing is on its way."""
    await site.slack.until(lambda: len(site.core.accepted) >= count)
    await site.slack.settled()


class TestMentions:
    @pytest.mark.parametrize("order", [("app_mention", "message"), ("message", "app_mention")])
    async def test_announced_twice_are_one_message(
        self, site: SlackSite, order: tuple[str, ...]
    ) -> None:
        """A mention in a channel comes as two events and is answered once."""
        site.slack.mention_order = order

        asked = await site.ann.say("C1", "total by region?", mention=True)
        await site.answer(asked)
        await site.slack.settled()

        (message,) = site.core.accepted
        assert (message.text, message.id) == ("total by region?", asked.ts)
        assert (message.author.id, message.author.name) == ("U1", "Ann")
        assert message.addressed is Addressing.MENTION
        assert len(site.slack.answers("C1", asked.ts)) == 1

    async def test_of_uploads_may_miss_their_own_event(self, site: SlackSite) -> None:
        """An upload whose app_mention never comes is a mention all the same."""
        site.slack.app_mention_on_uploads = False

        await site.ann.say("C1", "sum it", mention=True, files={"a.csv": b"1,2"})
        await arrived(site)

        (message,) = site.core.accepted
        assert message.addressed is Addressing.MENTION
        assert [file.name for file in message.attachments] == ["a.csv"]

    async def test_carry_names_in_place_of_ids(self, site: SlackSite) -> None:
        """Mentioned people and channels are called what they are called."""
        site.slack.person("U2", "Bo")
        site.slack.channel("C2", "sales")

        await site.ann.say("C1", "what did <@U2> post in <#C2>?", mention=True)
        await arrived(site)

        assert site.core.accepted[0].text == "what did @Bo post in #sales?"

    async def test_in_mid_sentence_name_the_bot(self, site: SlackSite) -> None:
        """Spoken to, the bot is not named; spoken of, it is."""
        bot = f"<@{site.slack.bot_user_id}>"

        await site.ann.say("C1", f"{bot}, what can {bot} do?")
        await arrived(site)

        assert site.core.accepted[0].text == "what can @threadlab do?"

    async def test_of_somebody_of_another_organisation_are_streamed_to_them(
        self, slack: FakeSlack, tmp_path: Path
    ) -> None:
        """In a shared channel an answer names the workspace that the person is at home in."""
        other = slack.add_team("Globex", installed=False)
        zed = slack.person("U9", "Zed", team=other.id)

        async def script(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            del core, message
            yield Progress("writing…", (), "North ")
            await slack.until(lambda: slack.calls["chat.startStream"])
            yield Answer("turn-1", "North leads.")

        async with serve(slack, tmp_path, script) as site:
            asked = await zed.say("C1", "total?", mention=True)
            await site.answer(asked)

        (started,) = [e for e in slack.effects if e.method == "chat.startStream"]
        assert started.arguments["recipient_user_id"] == "U9"
        assert started.arguments["recipient_team_id"] == other.id

    async def test_do_not_wait_for_names(self, site: SlackSite) -> None:
        """A name that Slack is slow to tell stays an id: the message is acknowledged in time."""
        site.slack.fail("users.info", slow_seconds=5)

        await site.ann.say("C1", "hello", mention=True)
        await arrived(site)

        assert site.core.accepted[0].author.name == "U1"

    async def test_ask_for_a_few_names(self, slack: FakeSlack, tmp_path: Path) -> None:
        """However many people a message names, few are asked for."""
        async with serve(slack, tmp_path, SLACK_NAMES_ASKED="2") as site:
            site.core.answers = False

            await site.ann.say(
                "C1", "<@U91> <@U92> <@U93>", mention=True, announce=("app_mention",)
            )
            await arrived(site)

            assert slack.calls["users.info"] == 1 + 2  # Ann's name, and two of theirs

    async def test_ask_once_for_a_name_that_slack_refuses(self, site: SlackSite) -> None:
        """Of somebody from elsewhere, or without the scope, the id stands for the name."""
        site.core.answers = False
        site.slack.fail("users.info", error="missing_scope", times=5)

        asked = await site.ann.say("C1", "hello", mention=True)
        await arrived(site)
        await site.ann.say("C1", "and?", mention=True, thread_ts=asked.ts)
        await arrived(site, 2)

        assert [message.author.name for message in site.core.accepted] == ["U1", "U1"]
        assert site.slack.calls["users.info"] == 1

    async def test_of_nothing_are_answered_shortly(self, site: SlackSite) -> None:
        """An empty mention gets a short word on what the bot can do, once; no turn begins."""
        asked = await site.ann.say("C1", "", mention=True)

        await site.slack.until(lambda: site.slack.answers("C1", asked.ts))
        await site.slack.settled()

        (answer,) = site.slack.answers("C1", asked.ts)
        assert answer.text == CAPABILITIES
        assert site.core.accepted == []


class TestThreads:
    async def test_go_on_without_a_mention(self, site: SlackSite) -> None:
        """What is said in a thread is handed in, with who began it; the core decides."""
        bo = site.slack.person("U2", "Bo")
        asked = await site.ann.say("C1", "total?", mention=True)
        await arrived(site)

        await site.ann.say("C1", "and by month?", thread_ts=asked.ts)
        await bo.say("C1", "by week!", thread_ts=asked.ts)
        await arrived(site, 3)

        first, second, third = site.core.accepted
        assert first.key == second.key == third.key
        assert second.addressed is third.addressed is Addressing.AMBIENT
        assert (second.others, third.others) == ((), ("U1",))

    async def test_of_the_bots_own_messages_are_replies_to_it(self, site: SlackSite) -> None:
        """Who answers the bot's greeting speaks to the bot."""
        await site.ann.invite("C1")
        await site.slack.until(lambda: site.slack.channels["C1"].messages)
        await site.slack.until(
            lambda: [m for m in site.slack.channels["C1"].messages.values() if m.bot_id]
        )
        (greeting,) = [m for m in site.slack.channels["C1"].messages.values() if m.bot_id]

        await site.ann.say("C1", "what is 2+2?", thread_ts=greeting.ts)
        await arrived(site)

        assert site.core.accepted[0].addressed is Addressing.REPLY

    async def test_of_others_are_about_their_first_files(self, site: SlackSite) -> None:
        """Somebody posts a file, and somebody calls the bot under it: the file comes along, once,
        and Slack is asked for it once."""
        bo = site.slack.person("U2", "Bo")
        posted = await bo.say("C1", "our sales", files={"sales.csv": b"a,b\n1,2\n"})

        await site.ann.say("C1", "total?", mention=True, thread_ts=posted.ts)
        await arrived(site)
        await site.slack.until(lambda: not site.core._turns)
        await site.ann.say("C1", "and by month?", mention=True, thread_ts=posted.ts)
        await arrived(site, 2)

        first, second = site.core.accepted
        assert first.text == "total?\n\n> Bo: our sales"
        assert second.text == "and by month?"
        assert [file.name for file in first.attachments] == ["sales.csv"]
        chunks = [c async for c in site.platform.read(first.key, first.attachments[0])]
        assert b"".join(chunks) == b"a,b\n1,2\n"
        assert first.others == ("U2",)
        assert second.attachments == ()
        assert site.slack.calls["conversations.replies"] == 1

    async def test_that_began_with_a_command_are_not_about_it(self, site: SlackSite) -> None:
        """What was said to the bot at first is not told it once more."""
        site.core.results["status"] = CommandResult("Nothing runs.", public=True)
        begun = await site.ann.say("C1", "status", mention=True)
        await site.slack.until(lambda: site.slack.answers("C1", begun.ts))

        await site.ann.say("C1", "total?", mention=True, thread_ts=begun.ts)
        await arrived(site)

        assert site.core.accepted[0].text == "total?"

    async def test_whose_beginning_slack_does_not_tell_go_on(self, site: SlackSite) -> None:
        """A question does not wait for the message that its thread began with."""
        posted = await site.ann.say("C1", "our sales", files={"sales.csv": b"a,b\n1,2\n"})
        site.slack.fail("conversations.replies", status=429, times=2)

        await site.ann.say("C1", "total?", mention=True, thread_ts=posted.ts)
        await arrived(site)

        assert site.core.accepted[0].text == "total?"

    async def test_keep_it_when_they_are_edited(self, site: SlackSite) -> None:
        """A question whose spelling is mended is still about what its thread began with."""
        site.core.answers = False
        posted = await site.ann.say("C1", "revenue fell by 12 %")
        asked = await site.ann.say("C1", "is tat right?", mention=True, thread_ts=posted.ts)
        await arrived(site)

        await site.ann.edit(asked, f"<@{site.slack.bot_user_id}> is that right?")
        await site.slack.until(lambda: site.core.revised)

        assert site.core.revised[0][2] == "is that right?\n\n> Ann: revenue fell by 12 %"

    async def test_keep_it_when_another_process_hears_of_the_edit(self, site: SlackSite) -> None:
        """What the thread began with is not forgotten with the process that was told of it."""
        site.core.answers = False
        posted = await site.slack.person("U2", "Bo").say("C1", "our <sales>")
        asked = await site.ann.say("C1", "totl?", mention=True, thread_ts=posted.ts)
        await arrived(site)
        async with other_process(site):
            await site.ann.edit(asked, f"<@{site.slack.bot_user_id}> total?")
            await site.slack.until(lambda: site.core.revised)

        ((_, ts, text),) = site.core.revised
        assert (ts, text) == (asked.ts, "total?\n\n> Bo: our <sales>")

    async def test_ask_for_each_name_once(self, site: SlackSite) -> None:
        """Names that Slack does not tell are not waited for twice."""
        site.core.answers = False
        posted = await site.ann.say("C1", "revenue fell by 12 %")
        site.slack.fail("users.info", status=500, times=9)

        await site.ann.say(
            "C1", "<@U9>?", mention=True, thread_ts=posted.ts, announce=("app_mention",)
        )
        await site.slack.until(lambda: site.core.accepted)

        asked_for = [r.arguments["user"] for r in site.slack.requests if r.method == "users.info"]
        assert asked_for.count("U9") == 1
        assert site.core.accepted[0].text == "@U9?\n\n> U1: revenue fell by 12 %"

    async def test_keep_their_order(self, site: SlackSite) -> None:
        """A message whose names take long to be told is not overtaken."""
        site.core.answers = False
        asked = await site.ann.say("C1", "start", mention=True)
        await arrived(site)
        site.slack.person("U2", "Bo")
        site.slack.fail("users.info", slow_seconds=0.3)

        await site.ann.say("C1", "first, for <@U2>", thread_ts=asked.ts)
        await site.ann.say("C1", "second", thread_ts=asked.ts)
        await arrived(site, 3)

        assert [m.text for m in site.core.accepted] == ["start", "first, for @Bo", "second"]


class TestDirectMessages:
    async def test_are_for_the_bot(self, site: SlackSite) -> None:
        """A direct message needs no mention, begins a thread, and goes on in it."""
        asked = await site.ann.dm("what is 2+2?")
        answer = await site.answer(asked)
        await site.ann.dm("and 3+3?", thread_ts=asked.ts)
        await arrived(site, 2)

        first, second = site.core.accepted
        assert first.addressed is second.addressed is Addressing.DIRECT
        assert first.key == second.key
        assert answer.thread_ts == asked.ts

    async def test_of_groups_need_a_mention(self, site: SlackSite) -> None:
        """In a direct message of several people the bot is one of them."""
        bo = site.slack.person("U2", "Bo")
        group = site.slack.dm("U1", "U2")

        await bo.say(group.id, "lunch?")
        await site.ann.say(group.id, "total?", mention=True)
        await arrived(site)

        assert [message.text for message in site.core.accepted] == ["total?"]


class TestFiles:
    async def test_without_a_question_are_handed_in(self, site: SlackSite) -> None:
        """A file dropped into a direct message is in the inbox, without words."""
        site.core.answers = False

        await site.ann.dm(files={"sales.csv": b"a,b\n1,2\n"})
        await arrived(site)
        (message,) = site.core.accepted
        assert (message.text, message.attachments[0].name) == ("", "sales.csv")


class TestForwarded:
    async def test_messages_are_quoted(self, site: SlackSite) -> None:
        """What a message passes on reaches the core as a quote, with its files."""
        bo = site.slack.person("U2", "Bo")
        posted = await bo.say(
            "C1", "ask <@U1> about\nthe <https://x.example|sales>", files={"sales.csv": b"1"}
        )

        await site.ann.say("C1", "sum it up", mention=True, forwarded=[posted])
        await arrived(site)

        (message,) = site.core.accepted
        quote = "> Bo: ask @Ann about\n> the sales (https://x.example)"
        assert message.text == f"sum it up\n\n{quote}"
        assert [file.name for file in message.attachments] == ["sales.csv"]

    async def test_without_a_word_are_questions(self, site: SlackSite) -> None:
        """Sent to the bot with nothing else, the message itself is what is asked."""
        posted = await site.ann.say("C1", "what is 2 + 2?")

        await site.ann.dm(forwarded=[posted])
        await arrived(site)

        assert site.core.accepted[0].text == "> Ann: what is 2 + 2?"

    async def test_stay_when_the_words_are_edited(self, site: SlackSite) -> None:
        """An edit changes one's own words, and keeps what they are about."""
        site.core.answers = False
        posted = await site.ann.say("C1", "12 and 13")
        asked = await site.ann.dm("sum", forwarded=[posted])
        await arrived(site)

        await site.ann.edit(asked, "the total?")
        await site.slack.until(lambda: site.core.revised)

        assert site.core.revised[0][2] == "the total?\n\n> Ann: 12 and 13"


class TestOtherEvents:
    async def test_talk_of_others_is_left_alone(self, site: SlackSite) -> None:
        """Messages that name nobody, in a channel, and what bots say, are none of ours."""
        await site.ann.say("C1", "good morning")
        site.slack.other_bot_says("C1", "deployed")
        await site.ann.join("C1")
        await site.ann.say("C1", "hello", mention=True)
        await arrived(site)

        assert [message.text for message in site.core.accepted] == ["hello"]

    async def test_edits_and_deletions_reach_the_core(self, site: SlackSite) -> None:
        """An edit is a revision, a deletion a withdrawal, both of the message in its thread."""
        first = await site.ann.say("C1", "hello", mention=True)
        await site.answer(first)
        site.core.answers = False
        asked = await site.ann.say("C1", "by regoin?", mention=True, thread_ts=first.ts)
        await arrived(site, 2)
        key = site.core.accepted[0].key

        await site.ann.edit(asked, f"<@{site.slack.bot_user_id}> by region?")
        await site.slack.until(lambda: site.core.revised)
        await site.ann.delete(asked)
        await site.slack.until(lambda: site.core.withdrawn)

        assert site.core.revised == [(key, asked.ts, "by region?")]
        assert site.core.withdrawn == [(key, asked.ts)]
        # Nothing is worked on any more, and so nothing offers to be stopped.
        session = site.slack.sessions_of("C1", first.ts)
        await site.slack.until(lambda: session.status == "active")

    async def test_own_edits_are_no_revisions(self, site: SlackSite) -> None:
        """What the bot does to its own messages comes back as events and means nothing."""
        asked = await site.ann.say("C1", "hello", mention=True)
        await site.answer(asked)
        await site.slack.settled()

        assert (site.core.revised, site.core.withdrawn) == ([], [])

    async def test_every_event_is_acknowledged(self, site: SlackSite) -> None:
        """Nothing that the app is subscribed to is left to be delivered again."""
        asked = await site.ann.say("C1", "hello", mention=True)
        await site.answer(asked)
        await site.ann.open_home()
        await site.ann.open_home("messages")
        await site.ann.look_at("C1")
        await site.ann.invite("C1")
        await site.ann.react(asked, "tada")
        site.slack.uninstall()
        await site.slack.settled()

        assert [e.payload for e in site.slack.delivery.sent if not e.acknowledged] == []

    async def test_of_shared_channels_are_of_our_workspace(self, site: SlackSite) -> None:
        """In a channel shared with another organisation an event may name theirs first."""
        asked = await site.ann.say("C1", "hello", mention=True, announce=())
        await site.slack.settled()
        said = {"type": "app_mention", "user": "U1", "channel": "C1", "ts": asked.ts}
        ours = {"team_id": site.slack.team_id, "enterprise_id": None, "is_bot": True}
        payload = {
            "type": "event_callback",
            "team_id": "T0THEIRS",
            "is_ext_shared_channel": True,
            "authorizations": [ours],
            "event": said | {"text": f"<@{site.slack.bot_user_id}> hello"},
        }

        sent = await site.slack.delivery.send(Envelope("events_api", payload))
        await arrived(site)

        assert sent.acknowledged
        assert site.core.accepted[0].key.workspace == site.slack.team_id


class TestDelivery:
    async def test_again_changes_nothing(self, site: SlackSite) -> None:
        """An acknowledgement that was lost brings the event again; it is answered once."""
        asked = await site.ann.say("C1", "hello", mention=True)
        await site.answer(asked)

        for envelope in list(site.slack.delivery.sent):
            await site.slack.delivery.send(envelope)
        await site.slack.settled()

        assert len(site.core.accepted) == 1
        assert len(site.slack.answers("C1", asked.ts)) == 1

    async def test_waits_for_the_commit(
        self, site: SlackSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What could not be committed is not acknowledged: Slack delivers it again."""
        refused = 0

        async def accept(message: object) -> bool:
            nonlocal refused
            refused += 1
            raise OSError("disk full")

        commit = site.core.accept
        monkeypatch.setattr(site.core, "accept", accept)
        asked = await site.ann.say("C1", "hello", mention=True, announce=("app_mention",))
        await site.slack.until(lambda: refused)
        monkeypatch.setattr(site.core, "accept", commit)
        await site.slack.clock.advance(70)
        await site.answer(asked)

        (envelope,) = [
            e for e in site.slack.delivery.sent if e.payload["event"]["type"] == "app_mention"
        ]
        await site.slack.until(lambda: envelope.acknowledged)
        assert envelope.attempts > 1
        assert len(site.core.accepted) == 1

    @pytest.mark.parametrize("how", ["disconnect", "drop"])
    async def test_survives_lost_connections(
        self, slack: FakeSlack, tmp_path: Path, how: str
    ) -> None:
        """After Slack asked to reconnect, or the line broke, events come in again."""
        async with serve(slack, tmp_path, SLACK_CONNECTIONS="2") as site:
            if how == "disconnect":
                await slack.sockets.disconnect()
            else:
                slack.sockets.drop()
            await slack.until(lambda: slack.sockets.connects >= 4, timeout_seconds=30)
            await slack.connected(2)

            asked = await site.ann.say("C1", "hello", mention=True)
            answer = await site.answer(asked)

            assert "You said: hello" in answer.text


async def test_the_first_sign_is_at_once(site: SlackSite) -> None:
    """The agent's session begins to work before anything is computed, with the question as its
    title; when the answer is there, it rests."""
    asked = await site.ann.say("C1", "total  by\nregion?", mention=True)
    session = site.slack.sessions_of("C1", asked.ts)

    await site.answer(asked)
    await site.slack.until(lambda: session.status == "active")

    assert session.history[0] == "session: processing"
    assert session.title == "total by region?"
    assert site.slack.status("C1", asked.ts) == ""


@pytest.mark.parametrize("refused", [1, 2])
async def test_there_is_always_some_sign(site: SlackSite, refused: int) -> None:
    """Without agent sessions it is a status, and without that a reaction."""
    site.core.answers = False
    methods = ["agents.sessions.setStatus", "assistant.threads.setStatus"][:refused]
    for method in methods:
        site.slack.fail(method, error="not_allowed", times=5)

    asked = await site.ann.say("C1", "hello", mention=True)

    if refused == 1:
        await site.slack.until(lambda: site.slack.status("C1", asked.ts) == "is thinking…")
    else:
        await site.slack.until(lambda: asked.reactions == {"eyes": [site.slack.bot_user_id]})


async def test_commands_are_given_by_mention(site: SlackSite) -> None:
    """“@Threadlab reset” in a thread gives the command, once, and is answered there."""
    asked = await site.ann.say("C1", "hello", mention=True)
    await site.answer(asked)

    await site.ann.say("C1", "reset", mention=True, thread_ts=asked.ts)
    await site.slack.until(lambda: site.slack.ephemerals("U1"))
    await site.slack.settled()
    await asyncio.sleep(0)

    assert site.core.commands == [("reset", site.core.accepted[0].key)]
    (said,) = site.slack.ephemerals("U1")
    assert (said.text, said.thread_ts) == ("The lab was **reset**.", asked.ts)
    assert len(site.core.accepted) == 1


async def test_a_file_alone_says_where_to_ask(site: SlackSite) -> None:
    """In the messages tab a question beside a file begins a thread without it: who drops one is
    told to ask under it. Further files need no words."""
    site.core.answers = False
    first = await site.ann.dm(files={"a.csv": b"1"})
    more = await site.ann.dm(files={"b.csv": b"2"}, thread_ts=first.ts)
    await site.slack.until(lambda: len(site.core.accepted) == 2)

    for message in site.core.accepted:
        await site.platform.taken(message)

    (said,) = site.slack.answers("D1", first.ts)
    assert "Ask about it here, in this thread" in said.text
    assert "inbox_tray" in more.reactions


async def test_a_question_that_waits_is_seen(site: SlackSite) -> None:
    """Behind an answer that is being worked on, a question shows at once that it was taken."""
    site.core.answers = False
    first = await site.ann.say("C1", "total?", mention=True)
    await site.slack.until(lambda: site.core.accepted)
    await site.slack.settled()

    second = await site.ann.say("C1", "and by month?", mention=True, thread_ts=first.ts)
    await site.slack.until(lambda: second.reactions)

    assert second.reactions == {"eyes": [site.slack.bot_user_id]}
    assert first.reactions == {}
    assert site.slack.calls["reactions.add"] == 1


async def test_who_is_not_heard_any_more_learns_why(site: SlackSite) -> None:
    """Once others talk in a thread, its messages need a mention: who was answered there before is
    told so once, and nobody else is."""
    accept = site.core.accept

    async def only_mentions(message: IncomingMessage) -> bool:
        return message.addressed is Addressing.MENTION and await accept(message)

    site.core.accept = only_mentions  # type: ignore[method-assign]
    bo = site.slack.person("U2", "Bo")
    site.slack.channel("C1", members=[bo])
    asked = await site.ann.say("C1", "total?", mention=True)
    await site.answer(asked)

    await bo.say("C1", "looks low", thread_ts=asked.ts)
    await site.ann.say("C1", "and by month?", thread_ts=asked.ts)
    await site.ann.say("C1", "and by year?", thread_ts=asked.ts)
    await site.slack.until(lambda: site.slack.ephemerals("U1"))
    await site.slack.settled()

    (hint,) = site.slack.ephemerals("U1")
    assert "mention me" in hint.text
    assert hint.thread_ts == asked.ts
    assert site.slack.ephemerals("U2") == []
