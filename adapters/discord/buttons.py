"""Buttons that outlive a restart: all that they do stands in their custom_id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import discord

from bot.domain import Action

CUSTOM_ID_CHARS_MAX = 100  # [facts: discord]
LABEL_CHARS_MAX = 80
BUTTONS_MAX = 25
STOP = Action("stop", "Stop")
_DANGEROUS = frozenset({"stop", "forget"})


class ActionButton(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=re.compile(r"tl:(?P<command>[\w-]{1,32}):(?P<arguments>.*)", re.DOTALL),
):
    """A button that gives a command; pressed, it is the client's event `action`."""

    def __init__(self, action: Action) -> None:
        dangerous = action.command in _DANGEROUS
        style = discord.ButtonStyle.danger if dangerous else discord.ButtonStyle.secondary
        label = action.label[:LABEL_CHARS_MAX] or action.command
        super().__init__(discord.ui.Button(style=style, label=label, custom_id=custom_id(action)))
        self.action = action

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> ActionButton:
        """The button that somebody pressed, perhaps one from before a restart."""
        del interaction
        return cls(Action(match["command"], getattr(item, "label", None) or "", match["arguments"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand it to who listens."""
        interaction.client.dispatch("action", interaction, self.action)


def custom_id(action: Action) -> str:
    """What a button's id says. Longer than Discord takes, it is cut: actions stay far below."""
    return f"tl:{action.command}:{action.arguments}"[:CUSTOM_ID_CHARS_MAX]


def view_of(actions: Sequence[Action]) -> discord.ui.View | None:
    """The buttons of a message; None where it has none."""
    if not actions:
        return None
    view = discord.ui.View(timeout=None)
    for action in {custom_id(action): action for action in actions[:BUTTONS_MAX]}.values():
        view.add_item(ActionButton(action))
    return view
