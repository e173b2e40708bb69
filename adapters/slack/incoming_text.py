"""Slack's markup of what people write, turned into plain words and Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MARKUP = re.compile(r"<([^<>\n]*)>")
_PEOPLE = ("@", "!subteam^", "!here", "!channel", "!everyone")
_ESCAPES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ESCAPED = re.compile("|".join(_ESCAPES))
# By its name, with the tone of its skin; what stands within words ("12:30:45") is none.
_EMOJI = re.compile(r"(?<!\S):(?P<name>[a-z+-][\w+'-]*|100):(?::skin-tone-\d:)?(?=\s|\Z)[ \t]*")
_ANSWERS = {
    "+1": "👍",
    "thumbsup": "👍",
    "-1": "👎",
    "thumbsdown": "👎",
    "wave": "👋",
    "pray": "🙏",
    "ok_hand": "👌",
    "tada": "🎉",
    "heart": "❤️",
}


def mentions(text: str, user_id: str) -> bool:
    """Whether a text mentions somebody."""
    return f"<@{user_id}>" in text or f"<@{user_id}|" in text


def names_others(text: str, user_id: str) -> bool:
    """Whether a text mentions people, a group or everybody, and not somebody."""
    named = {part.partition("|")[0] for part in _MARKUP.findall(text)}
    people = {part for part in named if part.startswith(_PEOPLE)}
    return bool(people) and f"@{user_id}" not in people


def named_ids(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The ids of people and of channels whose names the text leaves out."""
    found = [part.removesuffix("|") for part in _MARKUP.findall(text)]
    found = [part for part in found if "|" not in part]
    people = frozenset(part[1:] for part in found if part.startswith("@"))
    channels = frozenset(part[1:] for part in found if part.startswith("#"))
    return people, channels


def words(text: str, bot_id: str | None, names: Mapping[str, str]) -> str:
    """What somebody wrote, with names for mentions; the bot's own, at an end, is left out.

    Args:
        text: a message's `text`, in Slack's markup.
        bot_id: the bot's user id; None where it was not spoken to.
        names: names of people and channels by id; of others the id stays.
    """

    def shown(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        return _shown(target, label, names)

    spoken = _without_bot(text, bot_id) if bot_id else text
    return _without_emoji(_unescaped(_MARKUP.sub(shown, spoken)).strip())


def command_line(text: str, bot_id: str) -> str:
    """What somebody wrote to the bot, as a command takes it: people stay mentioned by their ids."""
    return _unescaped(_without_bot(text, bot_id)).strip()


def _without_emoji(text: str) -> str:
    """The words without the emoji among them, which Slack writes as names; of a text that is
    nothing else, those that people send as an answer."""
    if "`" in text:  # in code a name between colons is none
        return text
    words = _EMOJI.sub("", text).strip()
    return words or _EMOJI.sub(lambda match: _ANSWERS.get(match["name"], match[0]), text)


def _without_bot(text: str, bot_id: str) -> str:
    own = re.escape(bot_id)
    text = re.sub(rf"\A(?:\s*<@{own}(?:\|[^>]*)?>[\s,:]*)+", "", text)
    return re.sub(rf"(?:\s*<@{own}(?:\|[^>]*)?>\s*)+\Z", "", text)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], text)


def _shown(target: str, label: str, names: Mapping[str, str]) -> str:
    kind, name = target[:1], target[1:]
    if kind in ("@", "#"):
        return f"{kind}{(label or names.get(name) or name).lstrip(kind)}"
    if kind == "!":  # a group, everybody, or a date with what stands for it
        return label or f"@{name.partition('^')[0]}"
    address = target.removeprefix("mailto:")
    return address if not label or label == address else f"{label} ({address})"
