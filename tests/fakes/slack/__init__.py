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

More: `ann.dm/edit/delete/command/shortcut/modal/submit/suggest/stop/open_home/look_at/invite`,
`slack.dm("U1")`, `slack.ephemerals("U1")`, `slack.sessions_of(channel, ts)`, `slack.status(...)`,
`slack.fail("chat.update", status=429)` (error=, drop="after", slow_seconds=, times=),
`slack.limits.enabled/scale/per_minute`, `await slack.clock.advance(300)`, `slack.sockets.drop()`,
`await slack.sockets.disconnect()`, `slack.delivery.http_url = …` (HTTP mode; `signing_secret`),
`slack.delivery.sent` (envelopes: attempts, acknowledged), `slack.effects` (what changed, in order),
`slack.requests`, `slack.calls["chat.update"]`, `slack.add_team(...)`, `slack.code(team)`,
`slack.uninstall()`, `slack.render(channel, ts)` and `slack.render_view(view)` (HTML).
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
