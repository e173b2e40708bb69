"""The loopback Discord's commands, buttons and forms, driven by the real discord.py."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import discord as dpy
import pytest
from discord import app_commands

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.listener import Listener, running

Act = dpy.Interaction[Any]


class Form(dpy.ui.Modal, title="Which one?"):
    """A form with one line."""

    which: dpy.ui.TextInput[Form] = dpy.ui.TextInput(label="Name", custom_id="which")

    async def on_submit(self, interaction: Act) -> None:
        await interaction.response.send_message(f"chosen: {self.which.value}", ephemeral=True)


class Buttons(dpy.ui.View):
    """A button that changes its message, one that opens the form, one that is off, a menu."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @dpy.ui.button(label="Code", custom_id="b:code")
    async def code(self, interaction: Act, button: dpy.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content="changed", view=None)

    @dpy.ui.button(label="Form", custom_id="b:form")
    async def form(self, interaction: Act, button: dpy.ui.Button[Any]) -> None:
        await interaction.response.send_modal(Form())

    @dpy.ui.button(label="Off", custom_id="b:off", disabled=True)
    async def off(self, interaction: Act, button: dpy.ui.Button[Any]) -> None:
        await interaction.response.defer()

    @dpy.ui.select(custom_id="b:menu", options=[dpy.SelectOption(label="A", value="a")])
    async def menu(self, interaction: Act, select: dpy.ui.Select[Any]) -> None:
        await interaction.response.send_message(f"took {select.values[0]}")


@app_commands.command(description="How it stands")
async def status(interaction: Act) -> None:
    await interaction.response.send_message("fine", ephemeral=True)


@app_commands.command(description="Ask")
async def ask(interaction: Act, question: str, file: dpy.Attachment | None = None) -> None:
    await interaction.response.defer(thinking=True)
    found = await file.read() if file else b""
    await interaction.followup.send(f"{question}: {found.decode()}")
    await interaction.followup.send(file=dpy.File(io.BytesIO(b"x"), "more.txt"))


@app_commands.command(description="Files")
async def files(interaction: Act, name: str) -> None:
    await interaction.response.send_message(name)


@files.autocomplete("name")
async def names(interaction: Act, current: str) -> list[app_commands.Choice[str]]:
    known = ["sales.csv", "costs.csv"]
    return [app_commands.Choice(name=n, value=n) for n in known if n.startswith(current)]


@app_commands.context_menu(name="Analyse")
async def analyse(interaction: Act, message: dpy.Message) -> None:
    await interaction.response.send_message(f"{message.content} {len(message.attachments)}")


@app_commands.command(description="Here and elsewhere")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def anywhere(interaction: Act) -> None:
    where = "as a user" if interaction.is_user_integration() else "as a server"
    await interaction.response.send_message(f"{where}, {interaction.context.dm_channel}")


@app_commands.command(description="Settings")
@app_commands.default_permissions(manage_guild=True)
async def settings(interaction: Act) -> None:
    await interaction.response.send_message("set")


COMMANDS: list[Any] = [status, ask, files, analyse, anywhere, settings]


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(rate_scale=0.02) as fake:
        fake.server.checks_itself = True
        with fake.in_discord_py():
            yield fake
        assert fake.server.flaws == []


@pytest.fixture
async def client(server: FakeDiscord) -> AsyncIterator[Listener]:
    made = Listener()
    made.add_view(Buttons())
    for command in COMMANDS:
        made.tree.add_command(command)
    async with running(server, made) as ready:
        await ready.tree.sync()
        yield ready


class TestCommands:
    async def test_commands_are_registered_and_keep_their_ids(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """Written again, a command keeps its id; all can be read back."""
        before = server.command("status")["id"]

        await client.tree.sync()

        assert server.command("status")["id"] == before
        assert {c.name for c in await client.tree.fetch_commands()} == {c.name for c in COMMANDS}
        assert server.world.command_syncs == 2

    async def test_an_ephemeral_answer_is_seen_by_one(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """An ephemeral answer is shown to the one who asked, and is not in the channel."""
        ann, ben = server.person("Ann"), server.person("Ben")
        general = server.channel("general")

        answer = await (await ann.slash(general, "status")).answer()

        assert (answer.content, answer.ephemeral) == ("fine", True)
        assert server.messages(general) == []
        assert server.ephemerals(ann) == ann.sees(general) == [answer]
        assert ben.sees(general) == []

    async def test_a_deferred_answer_comes_later(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """After a deferral the first follow-up takes the place of "is thinking"."""
        ann = server.person("Ann")

        asked = await ann.slash(
            server.channel("general"), "ask", question="sum", file=("a.csv", b"1,2")
        )
        await asked.until(lambda: bool(asked.followups))

        assert [m.content for m in server.bot_messages("general")] == ["sum: 1,2", ""]
        assert asked.followups[0].files == {"more.txt": b"x"}

    async def test_choices_are_offered_while_one_types(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """Autocomplete gives what begins with the letters typed so far."""
        ann = server.person("Ann")

        choices = await ann.autocomplete(server.channel("general"), "files", "name", "sa")

        assert [choice["value"] for choice in choices] == ["sales.csv"]

    async def test_a_context_menu_shows_the_message_whole(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """The message of a context menu comes with text and files, whatever the intents."""
        ann = server.person("Ann")
        server.world.allowed_intents = 0
        said = await ann.say(server.channel("general"), "look", files={"a.csv": b"1"})

        answer = await (await ann.menu(said, "Analyse")).answer()

        assert answer.content == "look 1"

    async def test_a_late_answer_is_refused(self, server: FakeDiscord, client: Listener) -> None:
        """After three seconds the callback is 10062 and nothing is shown."""
        ann = server.person("Ann")
        server.limits.ack_seconds = -1

        await ann.slash(server.channel("general"), "status")
        await server.until(lambda: [r for r in server.requests if r.code == 10062])

        assert len(server.unacknowledged()) == 1
        assert server.ephemerals(ann) == []

    async def test_a_token_lives_fifteen_minutes(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A quarter of an hour later the answer can no longer be changed."""
        ann = server.person("Ann")
        held: list[Act] = []

        @client.tree.error
        async def on_error(interaction: Act, error: Exception) -> None:
            raise error

        @client.event
        async def on_interaction(interaction: Act) -> None:
            held.append(interaction)

        await (await ann.slash(server.channel("general"), "status")).answer()
        server.clock.advance(server.limits.token_seconds + 1)

        with pytest.raises(dpy.HTTPException) as refused:
            await held[0].edit_original_response(content="late")
        assert refused.value.code == 50027

    async def test_two_answers_are_one_too_many(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """The second callback to one interaction is 40060."""
        ann = server.person("Ann")
        refused: list[int] = []

        @client.event
        async def on_interaction(interaction: Act) -> None:
            again = dpy.webhook.async_.async_context.get()
            await server.until(lambda: [m for m in server.ephemerals(ann)])
            params = dpy.webhook.async_.interaction_message_response_params(type=4, content="two")
            try:
                await again.create_interaction_response(
                    interaction.id, interaction.token, session=interaction._session, params=params
                )
            except dpy.HTTPException as error:
                refused.append(error.code)

        await ann.slash(server.channel("general"), "status")

        assert await server.until(lambda: refused) == [40060]

    async def test_a_user_takes_the_app_along(self, server: FakeDiscord, client: Listener) -> None:
        """In a server without the bot its user-installed commands work, and no others."""
        ann = server.person("Ann")
        elsewhere = server.add_guild("Elsewhere", with_bot=False)
        general = server.channel("general", elsewhere)

        answer = await (await ann.slash(general, "anywhere")).answer()

        assert answer.content.startswith("as a user")
        with pytest.raises(AssertionError):
            await ann.slash(general, "status")

    async def test_a_user_takes_the_app_into_their_dms(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """In a DM of two people the bot answers, and is no member of it."""
        ann, ben = server.person("Ann"), server.person("Ben")
        private = server.between(ann, ben)

        answer = await (await ann.slash(private, "anywhere")).answer()

        assert answer.content == "as a user, False"
        assert ben.sees(private) == [answer]

    async def test_a_command_in_a_dm(self, server: FakeDiscord, client: Listener) -> None:
        """A command works in the DM with the bot."""
        ann = server.person("Ann")

        answer = await (await ann.slash(server.dm(ann), "anywhere")).answer()

        assert answer.content.endswith("True")

    async def test_some_commands_are_for_managers(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """Who lacks the permission of a command is not offered it."""
        with pytest.raises(AssertionError):
            await server.person("Ann").slash(server.channel("general"), "settings")

        assert (
            await (await server.owner.slash(server.channel("general"), "settings")).answer()
        ).content == "set"

    async def test_two_hundred_new_commands_a_day(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """The 201st command that is created within a day is refused; the next day it is not."""
        assert client.application_id is not None
        application_id, made = client.application_id, 0

        async def put(batch: int) -> int:
            commands: Any = [
                {"name": f"c{batch}-{n}", "description": "x", "type": 1} for n in range(20)
            ]
            return len(await client.http.bulk_upsert_global_commands(application_id, commands))

        for batch in range(9):
            made += await put(batch)
        with pytest.raises(dpy.HTTPException) as refused:
            await put(9)
        server.clock.advance(86_401)

        assert refused.value.code == 30034
        assert (made, await put(9)) == (180, 20)

    async def test_a_malformed_command_is_refused(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A command that Discord would not take is refused with its field."""
        assert client.application_id is not None
        wrong: Any = {"name": "Upper", "description": "x", "type": 1}

        with pytest.raises(dpy.HTTPException) as refused:
            await client.http.bulk_upsert_global_commands(client.application_id, [wrong])

        assert refused.value.code == 50035


class TestComponents:
    async def test_a_button_changes_its_message(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A button is found by its label; its answer may change the message."""
        ann = server.person("Ann")
        await client.place(server.channel("general")).send("press", view=Buttons())
        posted = server.bot_messages("general")[0]

        await (await ann.click(posted, "Code")).acked()

        assert (posted.content, posted.buttons) == ("changed", [])
        assert server.violations == []

    async def test_only_what_is_there_can_be_pressed(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A button that is missing or disabled cannot be pressed."""
        ann = server.person("Ann")
        await client.place(server.channel("general")).send("press", view=Buttons())
        posted = server.bot_messages("general")[0]

        for name in ("Nothing", "Off"):
            with pytest.raises(AssertionError):
                await ann.click(posted, name)

    async def test_a_form_is_filled_in(self, server: FakeDiscord, client: Listener) -> None:
        """A button opens a form; what is typed in it arrives."""
        ann = server.person("Ann")
        await client.place(server.channel("general")).send("press", view=Buttons())

        opened = await ann.click(server.bot_messages("general")[0], "b:form")
        form = await opened.form()
        answer = await (await ann.submit(opened, which="sales")).answer()

        assert form["title"] == "Which one?"
        assert (answer.content, answer.ephemeral) == ("chosen: sales", True)

    async def test_a_menu_takes_what_it_offers(self, server: FakeDiscord, client: Listener) -> None:
        """One of the options of a select menu arrives; another cannot be chosen."""
        ann = server.person("Ann")
        await client.place(server.channel("general")).send("press", view=Buttons())
        posted = server.bot_messages("general")[0]

        answer = await (await ann.select(posted, "b:menu", "a")).answer()

        assert answer.content == "took a"
        with pytest.raises(AssertionError):
            await ann.select(posted, "b:menu", "z")
