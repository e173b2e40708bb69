"""Commands, autocompletion, the menu of a message and buttons, handed to the core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import discord
import structlog

from adapters.discord import menu, responses
from adapters.discord.answers import respond, where_it_comes
from adapters.discord.asks import Asks
from adapters.discord.context import DiscordContext
from adapters.discord.hints import offered
from adapters.discord.keys import is_private, key_of_channel, private_key
from adapters.discord.messages import author_of
from adapters.discord.places import Places
from adapters.discord.shelf import say_kept
from bot.commands.asking import AGAIN
from bot.domain import Action, Caller, ThreadKey
from bot.ports import CommandResult, CommandSpec

log = structlog.get_logger(__name__)

T = TypeVar("T")
_CHOICE_CHARS_MAX = 100
_ASKING_AGAIN = ("retry", AGAIN)
FAILED = "That did not work: something went wrong on our side. Please try again."


class Interactions:
    """What people set off other than by writing."""

    def __init__(self, context: DiscordContext, places: Places) -> None:
        self._context = context
        self._asks = Asks(context, places)
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()

    async def none(self) -> None:
        """Wait until none is under way."""
        await self._none.wait()

    async def invoked(self, interaction: discord.Interaction[Any]) -> None:
        """Somebody gave, or types, a command."""
        data: Any = interaction.data
        if interaction.type is discord.InteractionType.autocomplete:
            await self._complete(interaction, data)
        elif interaction.type is discord.InteractionType.application_command:
            async with self._answered(interaction):
                await self._command(interaction, data)

    async def pressed(self, interaction: discord.Interaction[Any], action: Action) -> None:
        """Somebody pressed a button."""
        async with self._answered(interaction):
            await self._run(interaction, action.command, action.arguments)

    @asynccontextmanager
    async def _answered(self, interaction: discord.Interaction[Any]) -> AsyncIterator[None]:
        """Whatever fails, the person hears of it, as far as Discord still lets us."""
        self._under_way += 1
        self._none.clear()
        try:
            try:
                yield
            except (discord.HTTPException, responses.Unreachable):
                raise
            except Exception:  # anything at all: the person must hear of it
                log.exception("interaction failed", interaction=interaction.id)
                await responses.say(interaction, FAILED, ephemeral=True)
        except (discord.HTTPException, responses.Unreachable) as error:
            _log_late(interaction, error)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none.set()

    async def _command(self, interaction: discord.Interaction[Any], data: Any) -> None:
        if data["name"] in (menu.ASK, menu.ANALYSE):
            await self._ask(interaction, data)
            return
        arguments = menu.line(self._spec(data), menu.values(data))
        await self._run(interaction, data["name"], arguments)

    async def _ask(self, interaction: discord.Interaction[Any], data: Any) -> None:
        """A question: the answer to the command shows it to all."""
        admitted = await self._in_time(interaction, self._admitted(interaction), hidden=False)
        if admitted is None:
            return
        key, refused = admitted
        if refused is not None:
            await responses.whisper(interaction, refused)
        elif data["name"] == menu.ASK:
            await self._asks.question(interaction, data, key)
        else:
            await self._asks.analyse(interaction, data, key)
        await self._say_kept(interaction, key)

    async def _admitted(
        self, interaction: discord.Interaction[Any]
    ) -> tuple[ThreadKey, str | None] | None:
        """Of which conversation a question is, and why it is not taken, if it is not; None where
        another worker follows it."""
        if not await self._context.store.claim(interaction.id):
            return None
        key = await self._key(interaction)
        author = author_of(interaction.user)
        return key, await self._context.services.commands.refusal(key, author)

    async def _in_time(
        self, interaction: discord.Interaction[Any], work: Coroutine[Any, Any, T], *, hidden: bool
    ) -> T:
        """What has to be known before the answer; Discord is told in time that it takes longer."""
        running = asyncio.create_task(work)
        patience = self._context.settings.discord_command_ack_seconds
        try:
            done, _ = await asyncio.wait({running}, timeout=patience)
            if not done:
                await responses.defer(interaction, ephemeral=hidden, thinking=True)
            return await running
        finally:
            running.cancel()

    def _spec(self, data: Any) -> CommandSpec | None:
        specs = self._context.services.commands.specs
        return next((spec for spec in specs if spec.name == data["name"]), None)

    async def _run(self, interaction: discord.Interaction[Any], name: str, arguments: str) -> None:
        """Carry out a command; where the bot is not, its token is kept once it was answered: until
        then Discord takes nothing else by it, or hides it."""
        if reachable(interaction):
            await self._follow(interaction, name, arguments)
            return
        key = _private_key(interaction)
        async with self._context.answering(key):
            if await self._follow(interaction, name, arguments):
                await self._asks.keep(interaction, key)

    async def _follow(
        self, interaction: discord.Interaction[Any], name: str, arguments: str
    ) -> bool:
        """Carry out a command and answer; False where another worker follows it."""
        work = self._carry_out(interaction, name, arguments)
        done_here = await self._in_time(interaction, work, hidden=True)
        if done_here is None:
            return False
        key, result = done_here
        if result.public and responses.is_answered(interaction):
            await responses.take_back(interaction)  # what follows it would be hidden, too
        await respond(self._context, interaction, key, result)
        await self._say_kept(interaction, key)
        return True

    async def _say_kept(self, interaction: discord.Interaction[Any], key: ThreadKey) -> None:
        """What could not be said after an earlier command."""
        if is_private(key):
            await say_kept(self._context.store, interaction, key)

    async def _carry_out(
        self, interaction: discord.Interaction[Any], name: str, arguments: str
    ) -> tuple[ThreadKey, CommandResult] | None:
        """What a command says, and of which conversation; None where another worker follows it."""
        if not await self._context.store.claim(interaction.id):
            return None
        key = await self._key(interaction)
        commands = self._context.services.commands
        result = await commands.run(name, key, _caller(interaction), arguments)
        if name in _ASKING_AGAIN:
            result = where_it_comes(interaction, result)
        return key, offered(result, name, commands.specs)

    async def _complete(self, interaction: discord.Interaction[Any], data: Any) -> None:
        typed = menu.focused(data)
        if typed is None:
            return
        key = await self._key(interaction)
        before = menu.line(self._spec(data), menu.values(data, but=typed[0]))
        found = await self._context.services.commands.complete(
            data["name"], key, _caller(interaction), *typed, before=before
        )
        choices = [
            discord.app_commands.Choice(
                name=choice.label[:_CHOICE_CHARS_MAX] or choice.value[:_CHOICE_CHARS_MAX],
                value=choice.value,
            )
            for choice in found
            if 0 < len(choice.value) <= _CHOICE_CHARS_MAX
        ]
        try:
            await responses.choose(interaction, choices[: menu.CHOICES_MAX])
        except (discord.HTTPException, responses.Unreachable) as error:
            _log_late(interaction, error)

    async def _key(self, interaction: discord.Interaction[Any]) -> ThreadKey:
        """The conversation that a command is about."""
        channel_id = interaction.channel_id
        assert channel_id is not None
        if not reachable(interaction):
            return _private_key(interaction)
        if interaction.message is not None:
            known = await self._context.store.thread_of(interaction.message.id)
            if known is not None:
                return known
        return key_of_channel(
            interaction.guild_id,
            channel_id,
            interaction.channel,
            direct=interaction.guild_id is None,
        )


def _private_key(interaction: discord.Interaction[Any]) -> ThreadKey:
    assert interaction.channel_id is not None
    return private_key(interaction.guild_id, interaction.channel_id, interaction.user.id)


def reachable(interaction: discord.Interaction[Any]) -> bool:
    """Whether the bot itself can write there, not only answer the command."""
    if interaction.guild_id is None:
        return interaction.context.dm_channel
    if not interaction.is_guild_integration():
        return False
    may = interaction.app_permissions
    if isinstance(interaction.channel, discord.Thread):
        return may.view_channel and may.send_messages_in_threads
    return may.view_channel and may.send_messages


def _caller(interaction: discord.Interaction[Any]) -> Caller:
    manages = interaction.guild_id is not None and interaction.permissions.manage_guild
    return Caller(author_of(interaction.user), manages)


def _log_late(interaction: discord.Interaction[Any], error: Exception) -> None:
    """The person sees Discord's own “did not respond”; there is nobody left to tell."""
    log.warning("interaction not answered", interaction=interaction.id, error=repr(error))
