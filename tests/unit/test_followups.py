"""The follow-up rule, as a table and as properties."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Addressing, Attachment, Author, IncomingMessage, ThreadKey
from bot.followups import Followups, Intent, intent_of

KEY = ThreadKey("script", "w", "c", "t")
FILE = Attachment("f1", "sales.csv", "text/csv", 3)
ONE, TWO = ("ann",), ("ann", "ben")


def message(addressed: Addressing, text: str = "and by month?", files: int = 0) -> IncomingMessage:
    ann = Author("ann", "Ann")
    return IncomingMessage(KEY, "m", ann, text, (FILE,) * files, addressed, datetime.now(UTC))


@pytest.mark.parametrize(
    ("rule", "people", "expected"),
    [
        (Followups.ALL, ONE, Intent.ASK),
        (Followups.ALL, TWO, Intent.ASK),
        (Followups.SMART, ONE, Intent.ASK),
        (Followups.SMART, TWO, None),
        (Followups.MENTIONS, ONE, None),
        (Followups.MENTIONS, TWO, None),
    ],
)
def test_a_message_that_names_nobody(
    rule: Followups, people: tuple[str, ...], expected: Intent | None
) -> None:
    """In a thread of ours the channel's rule decides."""
    asked = message(Addressing.AMBIENT)

    assert intent_of(asked, people=people, ours=True, rule=rule) is expected


@given(st.sampled_from(Followups), st.sampled_from([ONE, TWO]), st.booleans(), st.text())
def test_said_to_somebody_else(
    rule: Followups, people: tuple[str, ...], ours: bool, text: str
) -> None:
    """What names somebody else is never answered; its files are taken in as the rule has it."""
    asked = message(Addressing.ELSEWHERE, text)
    dropped = message(Addressing.ELSEWHERE, text, files=1)
    taken = Intent.FILES if ours and rule is not Followups.MENTIONS else None

    assert intent_of(asked, people=people, ours=ours, rule=rule) is None
    assert intent_of(dropped, people=people, ours=ours, rule=rule) is taken


@pytest.mark.parametrize("rule", Followups)
def test_somebody_elses_thread(rule: Followups) -> None:
    """What names nobody in a thread without the bot is not for it."""
    asked = message(Addressing.AMBIENT, files=1)

    assert intent_of(asked, people=ONE, ours=False, rule=rule) is None


@pytest.mark.parametrize(
    ("rule", "people", "text", "expected"),
    [
        (Followups.SMART, ONE, "", Intent.FILES),
        (Followups.SMART, TWO, "", Intent.FILES),
        (Followups.SMART, TWO, "the data, Ben", Intent.FILES),
        (Followups.ALL, TWO, "", Intent.FILES),
        (Followups.ALL, TWO, "what is in here?", Intent.ASK),
        (Followups.MENTIONS, ONE, "", None),
    ],
)
def test_files_that_nobody_asked_about(
    rule: Followups, people: tuple[str, ...], text: str, expected: Intent | None
) -> None:
    """They are taken in for the next question, unless the channel wants mentions only."""
    dropped = message(Addressing.AMBIENT, text, files=1)

    assert intent_of(dropped, people=people, ours=True, rule=rule) is expected


@pytest.mark.parametrize("addressed", [Addressing.MENTION, Addressing.REPLY])
@given(st.sampled_from(Followups), st.sampled_from([ONE, TWO]), st.booleans(), st.text())
def test_spoken_to(
    addressed: Addressing, rule: Followups, people: tuple[str, ...], ours: bool, text: str
) -> None:
    """A mention or a reply is always answered, whatever the rule and whoever is there."""
    asked = message(addressed, text, files=1)

    assert intent_of(asked, people=people, ours=ours, rule=rule) is Intent.ASK


def test_a_file_alone_in_a_direct_conversation() -> None:
    """Where only the bot listens, a file without words is taken in, and words are answered."""
    dropped, asked = message(Addressing.DIRECT, "  ", files=1), message(Addressing.DIRECT, files=1)

    assert intent_of(dropped, people=ONE, ours=True, rule=Followups.SMART) is Intent.FILES
    assert intent_of(asked, people=ONE, ours=True, rule=Followups.SMART) is Intent.ASK
