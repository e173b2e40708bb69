"""A strict Slack on loopback: Web API, Socket Mode, signed HTTP events, people, pictures.

    async with FakeSlack() as slack:                     # scopes=, events=: the manifest's
        app = AsyncApp(client=AsyncWebClient(slack.bot_token, base_url=slack.api_url))
        handler = AsyncSocketModeHandler(app, slack.app_token); await handler.connect_async()
        await slack.connected()
        slack.channel("C1", "general"); ann = slack.person("U1", "Ann")
        asked = await ann.say("C1", "sum this", mention=True, files={"a.csv": b"1,2"})
        await slack.until(lambda: slack.answers("C1", asked.ts))
        answer = slack.answers("C1", asked.ts)[-1]       # .text .blocks .files .buttons .metadata
        await ann.click(answer, "Retry")                 # by label or action_id; also selects
        assert not slack.violations

People: `ann.dm/edit/delete/react/command/shortcut/modal/submit/suggest/stop/open_home/look_at/
invite`; `say(file_modes={"a.csv": "tombstone"}, announce=("message",))`; text is as typed.
`slack.dm("U1")`, `slack.other_bot_says(...)`, `.mention_order`, `.app_mention_on_uploads`,
`.own_events` (the app hears its own messages). Two workspaces: `slack.add_team(...)`,
`slack.code(team)`, `slack.uninstall(team)`, `slack.revoke(team)`.

Reading: `slack.thread/answers(channel, ts)`, `.ephemerals("U1")`, `.sessions_of(channel, ts)`,
`.status(channel, ts)`, `ann.modal()`, `ann.home()`, `slack.effects` (what changed, in order),
`.requests` (all calls), `.calls["chat.update"]`, `.delivery.sent` (envelopes: attempts,
acknowledged), `.violations`, `.broken()` (dead streams),
`.render(channel, ts, "U1")` and `.render_view(view)` (HTML).

In the way: `slack.fail("chat.update", status=429)` (error=, drop="after", slow_seconds=, times=,
after=; also "upload", "download", "response_url"), `slack.limits.enabled/scale/per_minute`,
`await slack.clock.advance(300)` (streams die, redeliveries fall due), `slack.sockets.drop()`,
`await slack.sockets.disconnect()`, `slack.delivery.http_url = …` (HTTP mode, `signing_secret`).
A subprocess needs SLACK_API_URL=slack.api_url, SLACK_BOT_TOKEN=slack.bot_token,
SLACK_APP_TOKEN=slack.app_token.
"""

from tests.fakes.slack.delivery import Envelope, signature
from tests.fakes.slack.fake import FakeSlack
from tests.fakes.slack.manifest import EVENTS, SCOPES
from tests.fakes.slack.people import Person
from tests.fakes.slack.records import Channel, Effect, Message, View

__all__ = [
    "EVENTS",
    "SCOPES",
    "Channel",
    "Effect",
    "Envelope",
    "FakeSlack",
    "Message",
    "Person",
    "View",
    "signature",
]
