"""Step by step: `Compute 4 * 3.82. Then take the square root of that result. Then again.`"""

from __future__ import annotations

import re

from engine.planner.arithmetic import expression_in, grouped_digits
from engine.planner.expressions import MAX_LETTERS, Call, Expr, Minus, Name, Op, parse
from engine.planner.render import MPMATH, PYTHON, render, shown, uses_functions
from engine.planner.separators import plain_numbers, reading_note
from engine.planner.text import escape, table, value
from engine.planner.workbench import Work

_RUNNING = frozenset("r")  # the running result's name in expressions and in the code
_THAT = (
    r"\b(?:that|the|this|your|last|previous) (?:result|number|value|answer)\b|\b(?:that|it|this)\b"
)
_SPLIT = re.compile(
    r"\.(?=\s|$)|[;\n]|,?\s*\b(?:and )?then\b|,\s*and\s|\bafter that\b|\bnext\b|!(?=\s|$)", re.I
)
_LEAD = re.compile(
    r"^(?:and|also|now|please|first|finally|take|compute|calculate|find|get|show|do|,|\s)+\b", re.I
)
_REPEAT = re.compile(
    r"(?:and |once |do (?:that|it|this|the same) )*(?:again|once more|the same)"
    r"(?:,? (?P<times>once|twice|two times|three times))?(?: more)?",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"(?:plus|minus|divided|multiplied|squared|cubed|to the|[-+]\s|[*/^])", re.I
)
_TIMES = {"once": 1, "twice": 2, "two times": 2, "three times": 3}
_MAX_STEPS = 50

_OPERATIONS: tuple[tuple[str, str], ...] = (
    (r"add (?P<x>.+?)(?: to r)?", "r + ({x})"),
    (r"subtract (?P<x>.+?)(?: from r)?", "r - ({x})"),
    (r"(?:multiply|times)(?: r)?(?: (?:by|with))? (?P<x>.+)", "r * ({x})"),
    (r"divide(?: r)? by (?P<x>.+)", "r / ({x})"),
    (r"raise r to (?:the )?(?:power )?(?:of )?(?P<x>.+)", "r ^ ({x})"),
    (r"double(?: r)?", "r * 2"),
    (r"triple(?: r)?", "r * 3"),
    (r"(?:halve|half)(?: of)?(?: r)?", "r / 2"),
    (r"square(?: r)?|(?:the )?square of r", "r ^ 2"),
    (r"cube(?: r)?|(?:the )?cube of r", "r ^ 3"),
    (r"(?:the )?(?:square root|sqrt)(?: of r)?", "sqrt(r)"),
    (r"(?:the )?cube root(?: of r)?", "cbrt(r)"),
    (r"negate(?: r)?", "-r"),
)


def parse_steps(text: str) -> list[Expr]:
    """The steps as expressions, each but the first using `r`; empty where a part is no step."""
    if len(text) > MAX_LETTERS:
        return []
    steps: list[Expr] = []
    for part in filter(
        None, (each.strip(" ,?!").rstrip(".") for each in _SPLIT.split(plain_numbers(text)))
    ):
        if _repeats(part) and len(steps) > 1:
            steps += [steps[-1]] * _repeats(part)
            continue
        step = _operation(part) if steps else expression_in(part)
        if step is None or len(steps) > _MAX_STEPS:
            return []
        steps.append(step)
    return steps if len(steps) > 1 and len(steps) <= _MAX_STEPS else []


def _repeats(part: str) -> int:
    """How often `again`, `twice more` … repeats the step before; 0 for other text."""
    match = _REPEAT.fullmatch(part)
    return _TIMES.get((match["times"] or "once").lower(), 1) if match else 0


def _operation(part: str) -> Expr | None:
    plain = re.sub(_THAT, "r", _LEAD.sub("", part).strip(), flags=re.IGNORECASE).strip()
    plain = re.sub(r"^its (.+)", r"the \1 of r", plain, flags=re.IGNORECASE)
    for pattern, template in _OPERATIONS:
        match = re.fullmatch(pattern, plain, re.IGNORECASE)
        if match:
            operand = match.groupdict().get("x") or ""
            return parse(template.format(x=operand), _RUNNING)
    if _CONTINUES.match(plain):
        return parse(f"r {plain}", _RUNNING)
    found = parse(plain, _RUNNING)
    return found if found is not None and _uses_running(found) else None


def _uses_running(expression: Expr) -> bool:
    match expression:
        case Name(name):
            return name == "r"
        case Call(_, inside) | Minus(inside):
            return _uses_running(inside)
        case Op(_, left, right):
            return _uses_running(left) or _uses_running(right)
    return False


class Steps:
    """A calculation in several sentences, or a further step to the one before."""

    def matches(self, work: Work) -> bool:
        """Whether every sentence is a step."""
        return bool(self._steps(work))

    def _steps(self, work: Work) -> list[Expr]:
        steps = parse_steps(work.text)
        texts = [work.text]
        for earlier in reversed(work.earlier):
            if steps or len(texts) > _MAX_STEPS:
                break
            texts.insert(0, earlier)
            steps = parse_steps(". ".join(texts))
        return steps

    async def answer(self, work: Work) -> None:
        """Compute each step, check the whole with 50 digits."""
        steps = self._steps(work)
        lines = ["import math", ""] if any(map(uses_functions, steps)) else []
        lines.append("# r is the running result.")
        for i, step in enumerate(steps, 1):
            lines += [f"r = {render(step, PYTHON, _RUNNING)}", f'print("Step {i}:", r)']
        lines += [
            "",
            "# Cross-check: every step again with 50 digits.",
            "from mpmath import mp, mpf",
            "",
        ]
        lines.append("mp.dps = 50")
        for i, step in enumerate(steps, 1):
            lines += [f"r = {render(step, MPMATH, _RUNNING)}"]
            lines.append(f'print("Check {i}:", mp.nstr(r, 15, min_fixed=-10, max_fixed=30))')
        logs = await work.run("\n".join(lines), "compute the steps")
        values = [grouped_digits(value(logs, f"Check {i}")) for i in range(1, len(steps) + 1)]
        sources = [shown(step, _RUNNING) for step in steps]
        sources = [re.sub(r"\br\b", values[i - 1] if i else "r", s) for i, s in enumerate(sources)]
        rows = [[str(i + 1), s, v] for i, (s, v) in enumerate(zip(sources, values, strict=True))]
        last = value(logs, f"Step {len(steps)}")
        await work.say(
            f"The result is **{values[-1]}**.",
            table(["step", "calculation", "value"], rows),
            f"Cross-check: plain floating point gives {escape(last)}, a second run with 50 digits "
            f"{values[-1]}.",
            reading_note(work.text),
        )
