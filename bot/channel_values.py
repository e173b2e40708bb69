"""The settings of a channel: their names, what they may be, and how they are read and shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import BadArguments
from bot.followups import Followups
from bot.memory import TIERS
from bot.settings import Settings

MODES = ("auto", "explicit")
NONE = "none"
USERS_MAX = 200
SHOWN_CHARACTERS_MAX = 80
FOLLOWUPS = (
    "which messages in my threads I answer though they name nobody: `all`, those written while "
    "one person alone is with me (`smart`), or none (`mentions`)"
)

_ID = re.compile(r"[\w.-]{1,64}")
_MENTION = re.compile(r"<@!?([\w.-]+)(?:\|[^>]*)?>")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `read` makes a value of what was written, or raises BadArguments."""

    name: str
    help: str
    read: Callable[[str], Any]
    choices: tuple[str, ...] = ()


def settings_of(settings: Settings) -> Mapping[str, Setting]:
    """All settings that a channel may have, by name."""
    chars = settings.channel_instructions_chars
    return {
        setting.name: setting
        for setting in (
            _choice("model", "the model that answers", settings.models),
            _choice("effort", "how long it thinks", settings.efforts),
            _choice("memory_limit", "the memory tier of new containers", TIERS),
            _choice("mode", "`explicit` keeps containers awake while a thread is in use", MODES),
            Setting("instructions", "what I am told besides the question", _text(chars)),
            _choice("followups", FOLLOWUPS, tuple(Followups)),
            Setting("budget_day_usd", "most that a day may cost, in US dollars", _money, (NONE,)),
            Setting("budget_month_usd", "most that a month may cost", _money, (NONE,)),
            Setting("users", "who may use me here", _people, (NONE,)),
        )
    }


def shown(value: Any, *, whole: bool = False) -> str:
    """A value, for people; long texts are cut unless all of it is wanted."""
    if value is None or value in ("", ()):
        return NONE
    if isinstance(value, int | float):  # whole numbers come back from SQLite as such
        return f"${value:.2f}"
    text = " ".join(str(value).split()).replace("`", "'")
    if len(text) > SHOWN_CHARACTERS_MAX and not whole:
        text = f"{text[: SHOWN_CHARACTERS_MAX - 1]}…"
    return f"`{text}`"


def _choice(name: str, help: str, choices: Sequence[str]) -> Setting:
    offered = tuple(str(choice) for choice in choices)

    def read(written: str) -> str:
        for choice in offered:
            if choice.casefold() == written.casefold():
                return choice
        raise BadArguments(f"`{name}` is one of {', '.join(f'`{each}`' for each in offered)}.")

    return Setting(name, help, read, offered)


def _text(characters_max: int) -> Callable[[str], str]:
    def read(written: str) -> str:
        if len(written) > characters_max:
            raise BadArguments(
                f"That is {len(written):,} characters; at most {characters_max:,} fit."
            )
        return written

    return read


def _money(written: str) -> float | None:
    if written.casefold() == NONE:
        return None
    try:
        usd = float(written.removeprefix("$"))
    except ValueError:
        usd = math.nan
    if not (math.isfinite(usd) and usd >= 0):
        raise BadArguments(f"A budget is a number of US dollars like `5` or `2.50`, or `{NONE}`.")
    return usd


def _people(written: str) -> tuple[str, ...]:
    if written.casefold() == NONE:
        return ()
    parts = _MENTION.sub(r" \1 ", written).replace(",", " ").split()
    wrong = [part for part in parts if not _ID.fullmatch(part)]
    if wrong or len(parts) > USERS_MAX:
        raise BadArguments(
            f"Name at most {USERS_MAX} people by mention or by id, or `{NONE}` for everybody."
        )
    return tuple(dict.fromkeys(parts))
