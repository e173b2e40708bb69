"""The checker of tortures sees each kind of fault in logs that were made up for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.hello import CAPABILITIES
from tests.torture.checker import asked_twice, check
from tests.torture.evidence import (
    LINES_OF_LONG,
    Asked,
    Called,
    Evidence,
    Said,
    Shown,
    Surely,
    made_content,
)


def said(number: int, place: str = "a", author: str = "Ann", **details: object) -> Said:
    """A message that was sent, and known a second later."""
    at = 10.0 * number
    return replace(Said(number, place, author, at, known_at=at + 1), **details)  # type: ignore[arg-type]


def answer(number: int, place: str = "a", *, version: int = 1, more: str = "") -> Shown:
    return Shown(place, f"Answer to Q{number} version {version}.{more}")


def evidence(*saids: Said, shown: tuple[Shown, ...] = (), **others: object) -> Evidence:
    return Evidence({each.number: each for each in saids}, shown, **others)  # type: ignore[arg-type]


LONG = "".join(f"\nQ1 line {line} of many" for line in range(1, LINES_OF_LONG + 1))


def test_nothing_is_wrong() -> None:
    """Messages that were answered once each, in place and order, with files, are fine."""
    first, second = said(1, sends_file=True, long=True), said(2, author="Ben", makes_file=True)
    merged, taken_back = said(3, "b"), said(5, withdrawn=Surely.YES)

    found = check(
        evidence(
            first,
            second,
            merged,
            replace(said(4, "b"), version=2, edited=Surely.YES),
            taken_back,
            shown=(
                answer(1, more=LONG),
                Shown("b", answer(3).text + "\n" + answer(4, version=2).text),
                answer(2),
                Shown("a", "", {"made-Q2.txt": made_content(2)}),
                Shown("a", CAPABILITIES),
            ),
            asked=[Asked(0, (1,), (1,)), Asked(1, (2,), (1,), (1,)), Asked(2, (3, 4))],
            per_minute=3,
            called={"a": Called(1, 2)},
        )
    )

    assert found == []


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (evidence(said(1)), "was not answered"),
        (evidence(said(1), shown=(answer(1), answer(1))), "answered 2 times"),
        (
            evidence(said(1, withdrawn=Surely.YES), shown=(answer(1),)),
            "deleted while it waited",
        ),
        (
            evidence(said(1, version=2, edited=Surely.YES), shown=(answer(1),)),
            "as version 1, not 2",
        ),
        (evidence(said(1), shown=(answer(1, "b"),)), "spoken of in b"),
        (evidence(shown=(answer(7),)), "Q7 of nowhere"),
        (
            evidence(said(1), shown=(answer(1), Shown("b", "", {"sent-Q1.txt": b""}))),
            "spoken of in b",
        ),
        (evidence(said(1), said(2), shown=(answer(2), answer(1))), "answered before Q1"),
        (
            evidence(
                said(1), said(2, author="Ben"), shown=(Shown("a", answer(1).text + answer(2).text),)
            ),
            "for several people",
        ),
        (
            evidence(said(1), said(2), shown=(Shown("a", answer(2).text + answer(1).text),)),
            "in another order",
        ),
        (
            evidence(said(1), said(2, author="Ben"), asked=[Asked(0, (1, 2))]),
            "merged into one question",
        ),
        (evidence(said(1, long=True), shown=(answer(1, more=LONG[:-30]),)), "stands 0 times"),
        (
            evidence(said(1, long=True), shown=(answer(1, more=LONG), Shown("a", "Q1 line 2"))),
            "stands 2 times",
        ),
        (evidence(said(1, makes_file=True), shown=(answer(1),)), "delivered 0 times"),
        (
            evidence(
                said(1, makes_file=True),
                shown=(answer(1), *[Shown("a", "", {"made-Q1.txt": made_content(1)})] * 2),
            ),
            "delivered 2 times",
        ),
        (
            evidence(
                said(1, makes_file=True), shown=(answer(1), Shown("a", "", {"made-Q1.txt": b"?"}))
            ),
            "another content",
        ),
        (evidence(said(1, sends_file=True), asked=[Asked(0, (1,))]), "without its file"),
        (evidence(said(1), said(2, "b"), asked=[Asked(0, (1,), (2,))]), "of another thread"),
        (evidence(said(1), said(2, "b"), asked=[Asked(0, (1,), (), (2,))]), "of another thread"),
        (
            evidence(said(1), knocks=[0, 59.9, 1], per_minute=2),
            "3 questions were asked in a minute",
        ),
        (evidence(called={"a": Called(1, 1)}), "0 times what it is in a, not 1 to 1"),
        (evidence(shown=(Shown("a", CAPABILITIES),)), "1 times what it is in a, not 0 to 0"),
        (evidence(working=["a"]), "A status was left in a"),
        (evidence(shown=(Shown("a", "thinking", working=True),)), "not finished was left in a"),
        (evidence(violations=["chat.update: a mass mention"]), "a mass mention"),
    ],
)
def test_what_is_wrong_is_said(wrong: Evidence, word: str) -> None:
    """Each kind of fault has its sentence."""
    found = check(wrong)

    assert any(word in sentence for sentence in found), found


@pytest.mark.parametrize(
    "fine",
    [
        evidence(said(1, must=False)),
        evidence(said(1), shown=(answer(1),), called={"Q1": Called(0, 1)}),
        evidence(said(1, withdrawn=Surely.MAYBE)),
        evidence(said(1, withdrawn=Surely.MAYBE), shown=(answer(1),)),
        evidence(said(1, version=2, edited=Surely.MAYBE), shown=(answer(1),)),
        evidence(said(1, known_at=None), said(2), shown=(answer(2), answer(1))),
        evidence(
            said(1),
            shown=(answer(1),),
            knocks=[60, 0, 1],
            per_minute=2,
        ),
    ],
)
def test_what_nobody_can_know_is_not_held_against_it(fine: Evidence) -> None:
    """A message that may never have been delivered, or was changed too late, proves nothing."""
    found = [sentence for sentence in check(fine) if "Q1" in sentence]

    assert found == []


def test_questions_that_were_asked_again_are_counted() -> None:
    """Repeats count, however many questions there are."""
    assert asked_twice([Asked(0, (1,)), Asked(1, (2,)), Asked(2, (1,)), Asked(3, (1,))]) == 2
