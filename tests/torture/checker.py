"""Reads the evidence: is each message answered once, in its place, in order? Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bot.commands.hello import CAPABILITIES
from tests.torture.evidence import (
    LINES_OF_LONG,
    NUMBER,
    Asked,
    Called,
    Evidence,
    Said,
    Shown,
    Surely,
    made_content,
)

# Each chat names the commands in it in its own way.
_WHAT_IT_IS = CAPABILITIES.partition(", for example")[0]
_ANSWER = re.compile(r"\bAnswer to Q(\d+) version (\d+)\.")
_LINE = re.compile(r"\bQ(\d+) line (\d+)\b")
_SECONDS_PER_MINUTE = 60
_TOGETHER_SECONDS = 0.5  # so close that nobody knows which the chat had first


def check(evidence: Evidence) -> list[str]:
    """What is wrong, a sentence each; nothing where all is well."""
    answers = _answers(evidence)
    return [
        *_counts(evidence, answers),
        *_versions(evidence, answers),
        *_lengths(evidence, answers),
        *_places(evidence),
        *_order(evidence, answers),
        *_merging(evidence),
        *_calls(evidence),
        *_files(evidence, answers),
        *_engine(evidence),
        *_rate(evidence),
        *_left(evidence),
    ]


Answers = dict[int, list[tuple[int, int]]]


def _answers(evidence: Evidence) -> Answers:
    """Number of a message → the position and version of each answer to it, in its own place."""
    found: Answers = defaultdict(list)
    for position, shown in enumerate(evidence.shown):
        for number, version in _ANSWER.findall(shown.text):
            said = evidence.said.get(int(number))
            if said is not None and said.place == shown.place:
                found[int(number)].append((position, int(version)))
    return found


def _counts(evidence: Evidence, answers: Answers) -> Iterator[str]:
    for number, said in evidence.said.items():
        count = len(answers.get(number, ()))
        if said.withdrawn is Surely.YES and count:
            yield f"Q{number} was answered, though it was deleted while it waited."
        if count > 1:
            yield f"Q{number} was answered {count} times."
        if count == 0 and said.must and said.withdrawn is Surely.NO:
            yield f"Q{number} was not answered ({said.place})."


def _versions(evidence: Evidence, answers: Answers) -> Iterator[str]:
    for number, found in answers.items():
        said = evidence.said[number]
        for _, version in found:
            newest = said.version
            if said.edited is Surely.YES and version != newest:
                yield f"Q{number} was answered as version {version}, not {newest}."


def _lengths(evidence: Evidence, answers: Answers) -> Iterator[str]:
    lines: dict[int, Counter[int]] = defaultdict(Counter)
    for shown in evidence.shown:
        for number, line in _LINE.findall(shown.text):
            lines[int(number)][int(line)] += 1
    for number in answers:
        said = evidence.said[number]
        wanted = range(1, LINES_OF_LONG + 1) if said.long else ()
        wrong = [line for line in wanted if lines[number][line] != 1]
        if wrong:
            line = wrong[0]
            yield f"Line {line} of the answer to Q{number} stands {lines[number][line]} times."


def _places(evidence: Evidence) -> Iterator[str]:
    for shown in evidence.shown:
        for number in _numbers(shown):
            said = evidence.said.get(number)
            if said is None or said.place != shown.place:
                home = said.place if said else "nowhere"
                yield f"Q{number} of {home} is spoken of in {shown.place}."


def _numbers(shown: Shown) -> set[int]:
    named = " ".join([shown.text, *shown.files])
    return {int(number) for number in NUMBER.findall(named)}


def _order(evidence: Evidence, answers: Answers) -> Iterator[str]:
    by_place: dict[str, list[Said]] = defaultdict(list)
    for said in evidence.said.values():
        if answers.get(said.number):
            by_place[said.place].append(said)
    for saids in by_place.values():
        for first in saids:
            for later in saids:
                if first.known_at is None or first.known_at >= later.sent_at:
                    continue  # nobody can say which came first
                if answers[first.number][0][0] > answers[later.number][0][0]:
                    yield f"Q{later.number} was answered before Q{first.number}."


def _merging(evidence: Evidence) -> Iterator[str]:
    for shown in evidence.shown:
        found = [int(number) for number, _ in _ANSWER.findall(shown.text)]
        authors = {evidence.said[number].author for number in found if number in evidence.said}
        if len(authors) > 1:
            yield f"One answer is for several people: {sorted(found)}."
        times = [evidence.said[number].sent_at for number in found if number in evidence.said]
        if any(later < first - _TOGETHER_SECONDS for first, later in pairwise(times)):
            yield f"One answer has its parts in another order than they were written: {found}."


def _calls(evidence: Evidence) -> Iterator[str]:
    heard = Counter(shown.place for shown in evidence.shown if _WHAT_IT_IS in shown.text)
    for place in {*heard, *evidence.called}:
        called = evidence.called.get(place, Called())
        if not called.must <= heard[place] <= called.most:
            wanted = f"{called.must} to {called.most}"
            yield f"The bot said {heard[place]} times what it is in {place}, not {wanted}."


def _files(evidence: Evidence, answers: Answers) -> Iterator[str]:
    delivered: dict[str, list[Shown]] = defaultdict(list)
    for shown in evidence.shown:
        for name in shown.files:
            delivered[name].append(shown)
    for number in answers:
        said = evidence.said[number]
        if not said.makes_file:
            continue
        found = delivered[said.made_name]
        if len(found) != 1:
            yield f"{said.made_name} was delivered {len(found)} times."
        elif found[0].files[said.made_name] != made_content(number):
            yield f"{said.made_name} was delivered with another content."


def _engine(evidence: Evidence) -> Iterator[str]:
    said = evidence.said
    for asked in evidence.asked:
        for number in (*asked.numbers, *asked.files, *asked.earlier):
            if said[number].place != said[asked.numbers[0]].place:
                yield f"Q{asked.numbers[0]} was asked together with Q{number} of another thread."
        if len({said[number].author for number in asked.numbers}) > 1:
            yield f"Several people were merged into one question: {asked.numbers}."
        for number in asked.numbers:
            if said[number].sends_file and number not in asked.files:
                yield f"Q{number} was asked without its file."


def _rate(evidence: Evidence) -> Iterator[str]:
    count = most_in_a_minute(evidence.knocks)
    if count > evidence.per_minute > 0:
        yield f"{count} questions were asked in a minute, more than {evidence.per_minute}."


def most_in_a_minute(times: Sequence[float]) -> int:
    """The most of these moments that lie within one minute."""
    known = sorted(times)
    ends = (bisect_left(known, at + _SECONDS_PER_MINUTE) for at in known)
    return max((end - position for position, end in enumerate(ends)), default=0)


def _left(evidence: Evidence) -> Iterator[str]:
    for place in evidence.working:
        yield f"A status was left in {place}."
    for shown in evidence.shown:
        if shown.working:
            yield f"A message that is not finished was left in {shown.place}: {shown.text[:80]!r}."
    yield from evidence.violations


def asked_twice(asked: list[Asked] | tuple[Asked, ...]) -> int:
    """How many questions were put to the engine again, after a failure or a crash."""
    counted = Counter(each.numbers for each in asked)
    return sum(counted.values()) - len(counted)
