"""A strict Discord on loopback, for the real discord.py: REST, gateway, CDN, people.

    async with FakeDiscord(rate_scale=0.1) as discord:     # discord.api_url, .gateway_url, .token
        with discord.in_discord_py():                      # or DISCORD_API_URL/DISCORD_GATEWAY_URL
            ...start the bot...
            await discord.gateway.connected()
            ann = discord.person("Ann")
            asked = await ann.say(discord.channel("general"), "Sum it up", mention=True,
                                  files={"sales.csv": b"a,b\\n1,2\\n"})
            thread = await discord.until(lambda: asked.thread)
            last = (await discord.until(lambda: discord.bot_messages(thread)))[-1]
            status = await (await ann.slash(thread, "status")).answer()   # .ephemeral, .content
            await ann.click(last, "Code")                  # AssertionError where there is no such
            await ann.autocomplete(thread, "files", "name", "sa")
            discord.fault("POST", "/channels/*/messages", status=503)     # reset=, accepted=, skip=
            discord.gateway.drop()                         # .refuse(1) .invalidate() .garbage()
            assert discord.violations == []

`FakeDiscord(rate_limits=False, message_content=False, shards=2)` are its switches, and
`discord.server.validates = False` spares the 2 ms that the API description takes of each request.
`discord.clock.advance(3601)` lets an hour pass; `discord.limits` holds what may be loosened;
`discord.effects` what was done, `discord.requests` what was asked; `discord.deny("general",
"create_public_threads")` takes a permission away. Messages carry content, past, files, buttons,
components, embeds, flags, nonce, reactions, thread. `discord.ephemerals(ann)`, `.unacknowledged()`,
`.is_typing(thread)` and `.render(thread, viewer=ann)`, a page for screenshots, show the rest.
People can also `whisper` (DM), `post` (forum), `edit`, `delete`, `react`, use a message's `menu`,
`select`, `submit` a form, `archive` and `remove` threads; `discord.between(ann, ben)` and
`discord.add_guild(name, with_bot=False)` are places for user installs.
"""

from tests.fakes.discord.fake import FakeDiscord
from tests.fakes.discord.faults import Fault
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.people import Person
from tests.fakes.discord.records import FORUM, TEXT, Channel, Guild, Message

__all__ = [
    "FORUM", "TEXT", "Channel", "FakeDiscord", "Fault", "Guild", "Interaction", "Message", "Person",
]  # fmt: skip
