"""The loopback Slack as the torture uses it: threads of two channels, and direct messages."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from tests.fakes.slack import Envelope, FakeSlack, Message, Person
from tests.fakes.slack.faults import Fault
from tests.torture.evidence import IN_A_ROW_MAX, Shown

CHANNELS = ("C1", "C2")
LATE_PART, LAG_SECONDS_MAX = 0.2, 2.0
CLOCK_SPEED = 20.0  # what is delivered again after five minutes comes after fifteen seconds
_CUT = Fault(drop="before"), Fault(drop="after"), Fault(status=500), Fault(slow_seconds=1.0)
_FAULTS = (*_CUT, Fault(status=429, retry_after_seconds=1))
_METHODS = (
    "agents.sessions.setStatus",
    "assistant.threads.setStatus",
    "chat.appendStream",
    "chat.postMessage",
    "chat.startStream",
    "chat.stopStream",
    "chat.update",
    "conversations.replies",
    "download",
    "files.completeUploadExternal",
    "files.getUploadURLExternal",
    "upload",
)


class SlackSide:
    """People on Slack, what goes wrong there, and what is to be seen in the end."""

    can_be_read_later = False  # Slack gives an event up in the end

    def __init__(self, slack: FakeSlack, dice: random.Random) -> None:
        self.slack = slack
        self._dice = dice
        self._people: dict[str, Person] = {}
        self._envelopes: dict[tuple[str, str], list[Envelope]] = {}
        self._read = 0
        for channel in CHANNELS:
            slack.channel(channel, channel.lower())
        slack.delivery.lag_seconds = self._lag_seconds

    def settings(self) -> dict[str, str]:
        """What connects the program to it."""
        return {
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_MESSAGE_CHARS": "1500",
            "SLACK_UPLOAD_ATTEMPTS": "8",
        }

    async def connected(self, timeout_seconds: float) -> None:
        """Wait until somebody listens."""
        await self.slack.connected(timeout_seconds=timeout_seconds)

    # -- people

    async def begin(self, author: str, text: str, files: Mapping[str, bytes]) -> Message:
        """A new thread in a channel, or in one's direct messages."""
        self._shuffle()
        person = self._person(author)
        if self._dice.random() < 0.2:
            return await person.dm(text, files=files)
        channel = self._dice.choice(CHANNELS)
        return await person.say(channel, text, mention=True, files=files)

    async def follow(
        self, root: Message, author: str, text: str, files: Mapping[str, bytes]
    ) -> Message:
        """One more message in a thread."""
        self._shuffle()
        mention = not root.channel.startswith("D")
        return await self._person(author).say(
            root.channel, text, mention=mention, files=files, thread_ts=root.ts
        )

    async def call(self, author: str) -> tuple[Message, str]:
        """The bot's name in a channel and nothing else, and where that is answered."""
        self._shuffle()
        called = await self._person(author).say(self._dice.choice(CHANNELS), "", mention=True)
        return called, self.place(called)

    async def edit(self, author: str, message: Message, text: str) -> None:
        """Change one's own message."""
        bot = f"<@{self.slack.bot_user_id}> " if not message.channel.startswith("D") else ""
        await self._person(author).edit(message, bot + text)

    async def delete(self, author: str, message: Message) -> None:
        """Take one's own message back."""
        await self._person(author).delete(message)

    def alone(self, root: Message) -> bool:
        """Whether one person only may write there."""
        return root.channel.startswith("D")

    def place(self, message: Message) -> str:
        """The thread of a message."""
        return f"slack {message.channel}/{message.thread_ts or message.ts}"

    def open_to_more(self, root: Message) -> bool:
        """Whether one can write in the thread."""
        del root
        return True

    def id(self, message: Message) -> str:
        """What the program calls the message."""
        return message.ts

    # -- what the program has taken

    def taken_at(self, message: Message) -> float | None:
        """When the message was acknowledged."""
        return _acknowledged(self._of(message, changed=False))

    def change_taken_at(self, message: Message) -> float | None:
        """When its edit or deletion was acknowledged."""
        return _acknowledged(self._of(message, changed=True))

    def _of(self, message: Message, *, changed: bool) -> list[Envelope]:
        sent = self.slack.delivery.sent
        for envelope in sent[self._read :]:
            event = envelope.payload.get("event", {})
            ts = event.get("deleted_ts") or event.get("message", {}).get("ts") or event.get("ts")
            kind = "changed" if event.get("subtype", "") in _CHANGES else "said"
            self._envelopes.setdefault((kind, str(ts)), []).append(envelope)
        self._read = len(sent)
        return self._envelopes.get(("changed" if changed else "said", message.ts), [])

    # -- what goes wrong

    def redeliver(self) -> None:
        """An event that was acknowledged comes again."""
        done = [each for each in self.slack.delivery.sent[-50:] if each.acknowledged]
        if done:
            again = Envelope("events_api", self._dice.choice(done).payload)
            self.slack.spawn(self.slack.delivery.send(again))

    def trouble(self) -> None:
        """Something goes wrong at random."""
        found = self._dice.random()
        if found < 0.15:
            self.slack.sockets.drop()
        elif found < 0.2:
            self.slack.spawn(self.slack.sockets.disconnect())
        elif found < 0.4:
            self.redeliver()
        else:
            self._break(self._dice.choice(_METHODS), self._dice.choice(_FAULTS))

    def _break(self, method: str, fault: Fault) -> None:
        if self.slack.faults.waiting(method) < IN_A_ROW_MAX:
            self.slack.faults.add(method, fault, times=1, after=0)

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.slack.faults.clear()

    def quiet(self) -> bool:
        """Whether nothing is on its way to the program."""
        return all(envelope.state == "done" for envelope in self.slack.delivery.sent)

    # -- what is to be seen

    def shown(self) -> Iterator[Shown]:
        """What the bot said, in order."""
        for channel in self.slack.channels.values():
            for message in sorted(channel.messages.values(), key=lambda each: float(each.ts)):
                if message.bot_id:
                    working = message.streaming or message.broken or "Stop" in message.buttons
                    files = {file.name: file.read() for file in message.files}
                    yield Shown(self.place(message), message.text, files, working)

    def working(self) -> Iterator[str]:
        """Threads that show a status still."""
        for channel in self.slack.channels.values():
            for ts, message in channel.messages.items():
                if message.thread_ts not in (None, ts):
                    continue
                session = self.slack.sessions_of(channel.id, ts)
                if self.slack.status(channel.id, ts) or session.status == "processing":
                    yield f"slack {channel.id}/{ts} ({session.typing or session.status})"

    @property
    def violations(self) -> list[str]:
        """What no app should do."""
        return self.slack.violations

    def _person(self, name: str) -> Person:
        if name not in self._people:
            self._people[name] = self.slack.person(f"U{name.upper()}", name)
            self.slack.dm(f"U{name.upper()}")
        return self._people[name]

    def _lag_seconds(self) -> float:
        return self._dice.random() * LAG_SECONDS_MAX if self._dice.random() < LATE_PART else 0.0

    def _shuffle(self) -> None:
        order = ["app_mention", "message"]
        self._dice.shuffle(order)
        self.slack.mention_order = tuple(order)


_CHANGES = ("message_changed", "message_deleted")


def _acknowledged(envelopes: list[Envelope]) -> float | None:
    return min((each.acknowledged_at for each in envelopes if each.acknowledged), default=None)
