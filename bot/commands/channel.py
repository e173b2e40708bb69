"""Commands about how questions are answered: a channel's settings, a thread's model and effort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.channel_values import Setting, settings_of, shown
from bot.commands.registry import Call, Command
from bot.domain import Action
from bot.markup import plain
from bot.ports import Argument, Choice, CommandResult, CommandSpec, Place

if TYPE_CHECKING:
    from bot.channels import Channels
    from bot.settings import Settings
    from bot.store.threads import Threads

DEFAULT = "default"  # the operator's, or for a thread its channel's
BUTTONS_MAX = 5

MODEL_OWN = "the model's own"
NO_MODEL = (
    "No language model answers here, but Threadlab's own planner: there is no model to choose, and "
    "no effort."
)


class ChannelCommands:
    """What admins set for a channel, and everybody for a thread."""

    def __init__(self, settings: Settings, *, channels: Channels, threads: Threads) -> None:
        self._channels = channels
        self._threads = threads
        self._known: Mapping[str, Setting] = settings_of(settings)
        self._has_model = not settings.embedded

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        name = Argument("name", "which setting", choices=tuple(self._known))
        value = Argument("value", f"its new value; {DEFAULT} clears it", completes=True)
        return (
            Command(
                CommandSpec("model", "the model that answers here", (self._choice("model"),)),
                lambda call: self._choose(call, "model"),
            ),
            Command(
                CommandSpec("effort", "how long the model thinks", (self._choice("effort"),)),
                lambda call: self._choose(call, "effort"),
            ),
            Command(
                CommandSpec(
                    "settings",
                    "how I work in this channel",
                    (name, value),
                    place=Place.ANYWHERE,
                    admin=True,
                ),
                self._settings,
                self._values,
            ),
        )

    def _choice(self, name: str) -> Argument:
        offered = (*self._known[name].choices, DEFAULT)
        return Argument("name" if name == "model" else "level", f"which {name}", choices=offered)

    async def _choose(self, call: Call, name: str) -> CommandResult:
        if not self._has_model:
            return CommandResult(NO_MODEL, ok=False)
        wanted = next(iter(call.values.values()), None)
        if wanted is not None:
            chosen = None if wanted == DEFAULT else wanted
            await self._threads.choose(call.key, **{name: chosen})
        thread = await self._threads.get(call.key)
        holds = getattr(await self._channels.of_thread(thread), name)
        chosen_here = getattr(thread, name)
        own = chosen_here is not None and chosen_here == holds
        origin = "chosen for this thread" if own else "the default here"
        now = f"The {name} is {_holding(name, holds)}, {origin}."
        if wanted is not None:
            return CommandResult(f"{now} It counts from the next question on.", public=True)
        others = [choice for choice in self._known[name].choices if choice != holds]
        offer = f" There is also {', '.join(f'`{each}`' for each in others)}." if others else ""
        buttons = tuple(Action(name, choice, choice) for choice in others[:BUTTONS_MAX])
        return CommandResult(now + offer, actions=buttons)

    async def _settings(self, call: Call) -> CommandResult:
        name, written = call.values.get("name"), call.values.get("value")
        if name is None:
            lines = [await self._line(call, each) for each in self._known]
            return CommandResult("\n".join(["**Settings of this channel**", *lines]))
        if written is not None:
            await self._set(call, self._known[name], written)
        line = await self._line(call, name, whole=True)
        choices = ", ".join(f"`{each}`" for each in (*self._known[name].choices, DEFAULT))
        return CommandResult(f"{line.removeprefix('- ')}. Write `settings {name} …`: {choices}.")

    async def _set(self, call: Call, setting: Setting, written: str) -> None:
        if written.casefold() == DEFAULT:
            await self._channels.clear(call.key, setting.name)
            return
        await self._channels.set(call.key, setting.name, setting.read(written), call.author)

    async def _line(self, call: Call, name: str, *, whole: bool = False) -> str:
        own = await self._channels.own(call.key)
        holds = getattr(await self._channels.settings(call.key), name)
        value = _holding(name, holds, whole=whole)
        if name == "users":
            value = await self._people(call, holds)
        origin = "set here" if name in own else "default"
        return f"- `{name}`: {value} ({origin}): {self._known[name].help}"

    async def _people(self, call: Call, ids: Sequence[str]) -> str:
        known = await self._threads.names(call.key, ids)
        named = [f"{plain(known[id])} (`{id}`)" if id in known else f"`{id}`" for id in ids]
        return ", ".join(named) or "everybody"

    async def _values(self, call: Call, _argument: str, _typed: str) -> Iterable[Choice]:
        """The values of the setting that was chosen; else all that there are, each under its
        own."""
        chosen = self._known.get(call.values.get("name", ""))
        if chosen is not None:
            return [Choice(choice, choice) for choice in (*chosen.choices, DEFAULT)]
        return [
            Choice(choice, f"{setting.name}: {choice}")
            for setting in self._known.values()
            for choice in (*setting.choices, DEFAULT)
        ]


def _holding(name: str, value: object, *, whole: bool = False) -> str:
    if name == "effort" and value is None:
        return MODEL_OWN
    return shown(value, whole=whole)
