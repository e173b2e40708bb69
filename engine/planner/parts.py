"""A question in parts that are answered one after the other: code, calculations, and the rest."""

from __future__ import annotations

import re

from engine.planner.arithmetic import expression_in
from engine.planner.equations import parse_equations
from engine.planner.numbers import is_number_task
from engine.planner.smalltalk import is_greeting
from engine.planner.steps import parse_steps
from engine.planner.words import RESERVED, stem, words

FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
# Around code these ask for nothing but its run.
_RUN_WORDS = (
    "run runs this that it code snippet script block program execute python please the following "
    "and show me output result prints print what does is do give try in a for can could you here "
    "my again now with then tell happens return returns if i first will would to of"
)
_RUN = frozenset(map(stem, _RUN_WORDS.split()))
_LEAD = re.compile(r"^(?:\s|,|and\b|then\b|also\b)+", re.IGNORECASE)
_MAX_PARTS = 20


def parts_of(text: str) -> list[str]:
    """The parts in their order. Lines that are calculations of their own are a part each; all
    other lines are one question, where the first of them stands."""
    if FENCE.search(text):
        beside = [line for line in FENCE.sub("\n", text).splitlines() if _asks_more(line)]
        return [text, *(parts_of(_LEAD.sub("", "\n".join(beside))) if beside else [])]
    lines = [line for line in text.splitlines() if line.strip()]
    asking = [line for line in lines if not is_greeting(line)]
    if asking and len(asking) < len(lines):
        return parts_of("\n".join(asking))
    is_one = len(lines) < 2 or len(lines) > _MAX_PARTS
    if is_one or parse_steps(text) or expression_in(text) is not None or _is_system(lines):
        return [text]
    return _parted(lines)


def _asks_more(line: str) -> bool:
    """Whether a line beside code wants more than that it is run."""
    return not is_greeting(line) and any(word.stem not in _RUN for word in words(line))


def _parted(lines: list[str]) -> list[str]:
    parts: list[str] = []
    question: list[str] = []
    place = 0
    for line in lines:
        if _calculates(line):
            parts.append(line)
        elif any(word.stem not in RESERVED for word in words(line)) or not parts:
            place = place if question else len(parts)
            question.append(line)
    if not parts:
        return ["\n\n".join(question)]
    return [*parts[:place], *(["\n\n".join(question)] if question else []), *parts[place:]]


def _calculates(line: str) -> bool:
    return bool(
        expression_in(line) is not None
        or parse_steps(line)
        or parse_equations(line)
        or is_number_task(line)
    )


def _is_system(lines: list[str]) -> bool:
    """Whether equations on several lines belong together, as they share several unknowns."""
    found = [each for line in lines for each in parse_equations(line)]
    return any(len(each.unknowns) > 1 for each in found)
