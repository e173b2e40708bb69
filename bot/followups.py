"""Which messages are answered: mentions always, others by the channel's rule."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from bot.domain import Addressing, IncomingMessage

ADDRESSED = (Addressing.MENTION, Addressing.REPLY)


class Followups(StrEnum):
    """A channel's rule for messages that name nobody, in threads that the bot takes part in."""

    ALL = "all"
    SMART = "smart"  # while only one person and the bot are in the thread
    MENTIONS = "mentions"


class Intent(StrEnum):
    """What a message is accepted for."""

    ASK = "ask"
    FILES = "files"  # its files are taken into the workspace; nothing is asked


def intent_of(
    message: IncomingMessage, *, people: Collection[str], ours: bool, rule: Followups
) -> Intent | None:
    """What to do with a message; None where it is not for us.

    Args:
        message: what somebody wrote.
        people: ids of everybody who wrote in the thread, the author too.
        ours: whether the bot takes part in the thread.
        rule: the channel's.
    """
    if message.addressed in ADDRESSED:
        return Intent.ASK
    only_files = bool(message.attachments) and not message.text.strip()
    if message.addressed is Addressing.DIRECT:
        return Intent.FILES if only_files else Intent.ASK
    if not ours or rule is Followups.MENTIONS:
        return None
    to_others = message.addressed is Addressing.ELSEWHERE
    if to_others or (rule is Followups.SMART and len(people) > 1):
        return Intent.FILES if message.attachments else None
    return Intent.FILES if only_files else Intent.ASK
