"""Equations, solved by sympy and checked by substitution."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.planner.arithmetic import unread_beside
from engine.planner.expressions import MAX_LETTERS, Call, Expr, Minus, Name, Op, parse
from engine.planner.render import SYMPY, render, shown
from engine.planner.separators import plain_numbers, reading_note
from engine.planner.text import escape, section, value
from engine.planner.workbench import Work

_LETTERS = frozenset("abcdfghjklmnopqrstuvwxyz")
_SPLIT = re.compile(
    r"[;\n]|,(?!\d{3}\b)|\.(?=\s|$)|\band\b|\bwith\b|\bfor\b|\bif\b|\bwhere\b|:", re.I
)
_BETWEEN = re.compile(r"(=\s*-?\d+),(?=\d+[a-z]\b[^,]*=)")  # `x + y = 10,2x - y = 2` are two
_MAX_UNKNOWNS = 5
_TIMES = re.compile(r"(\d) × (?=[a-z]\b)")  # 3 × x is written 3x


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides; the unknowns are single letters."""

    left: Expr
    right: Expr

    @property
    def unknowns(self) -> frozenset[str]:
        """The letters on both sides."""
        return _letters(self.left) | _letters(self.right)


def _letters(expression: Expr) -> frozenset[str]:
    match expression:
        case Name(name):
            return frozenset(name) if name in _LETTERS else frozenset()
        case Call(_, inside) | Minus(inside):
            return _letters(inside)
        case Op(_, left, right):
            return _letters(left) | _letters(right)
    return frozenset()


def parse_equations(text: str) -> list[Equation]:
    """The equations in a question; empty where there is none with an unknown. Never raises."""
    if len(text) > MAX_LETTERS or "=" not in text:
        return []
    found = []
    for part in _SPLIT.split(plain_numbers(_BETWEEN.sub(r"\1; ", text))):
        if part.count("=") != 1:
            continue
        left, right = part.split("=")
        equation = _equation(left.split(), right.split())
        if equation is not None and equation.unknowns:
            found.append(equation)
    unknowns = frozenset[str]().union(*(each.unknowns for each in found))
    return found if len(unknowns) <= _MAX_UNKNOWNS else []


def _equation(left: list[str], right: list[str]) -> Equation | None:
    """The longest expressions that touch the equals sign on either side."""
    lefts = (parse(" ".join(left[i:]).lower(), _LETTERS) for i in range(min(len(left), 40)))
    rights = (
        parse(" ".join(right[:i]).lower().rstrip("?.!"), _LETTERS)
        for i in range(min(len(right), 40), 0, -1)
    )
    first = next((side for side in lefts if side is not None), None)
    second = next((side for side in rights if side is not None), None)
    return Equation(first, second) if first is not None and second is not None else None


class Equations:
    """`3x + 11 = 14. Show x.`, quadratics and systems."""

    def matches(self, work: Work) -> bool:
        """Whether there is an equation with an unknown."""
        return bool(parse_equations(work.text)) and "==" not in work.text

    async def answer(self, work: Work) -> None:
        """Solve, put the solutions back in, and say both."""
        equations = parse_equations(work.text)
        work.remark(unread_beside(work.text, []))
        unknowns = sorted(frozenset[str]().union(*(each.unknowns for each in equations)))
        logs = await work.run(_code(equations, unknowns), "solve the equations")
        solutions = section(logs, "Solutions")
        if not solutions:
            reason = (
                "every value is a solution"
                if value(logs, "Always") == "True"
                else "there is no solution"
            )
            await work.say(f"For {_shown(equations)}, {reason}.")
            return
        lines = [_solution(row) for row in solutions]
        start = (
            "The solution is " if len(lines) == 1 else f"There are {len(lines)} solutions:\n\n- "
        )
        await work.say(
            f"{start}{(chr(10) + '- ').join(lines)}",
            f"Check by substitution into {_shown(equations)}: {escape(value(logs, 'Check'))}.",
            reading_note(work.text),
        )


def _solution(row: list[str]) -> str:
    parts = []
    for cell in row:
        name, _, rest = cell.partition(" = ")
        exact, _, decimal = rest.partition(" ≈ ")
        about = f" ≈ {decimal}" if decimal and decimal != exact else ""
        parts.append(f"**{name} = {escape(exact)}**{about}")
    return ", ".join(parts)


def _shown(equations: list[Equation]) -> str:
    sides = (f"{shown(e.left, _LETTERS)} = {shown(e.right, _LETTERS)}" for e in equations)
    return " and ".join(escape(_TIMES.sub(r"\1", each)) for each in sides)


def _code(equations: list[Equation], unknowns: list[str]) -> str:
    names = ", ".join(unknowns)
    unpack = names if len(unknowns) > 1 else f"{names}"
    pairs = ",\n".join(
        f"    ({render(e.left, SYMPY)}, {render(e.right, SYMPY)})" for e in equations
    )
    return f'''
import sympy

{unpack} = sympy.symbols("{" ".join(unknowns)}")
equations = [
{pairs},
]
solutions = sympy.solve([left - right for left, right in equations], [{names}], dict=True)

print("Solutions")
for solution in solutions:
    print(*(f"{{name}} = {{exact}} ≈ {{float(exact):.10g}}" if exact.is_real and exact.is_number
            else f"{{name}} = {{exact}}" for name, exact in solution.items()), sep=",")
print()

# Check: put every solution back into every equation.
print("Check:", "; ".join(
    f"{{sympy.simplify(left.subs(solution)) if hasattr(left, 'subs') else left}}"
    f" = {{sympy.simplify(right.subs(solution)) if hasattr(right, 'subs') else right}}"
    for solution in solutions for left, right in equations
))
print("Always:", all(sympy.simplify(left - right) == 0 for left, right in equations))
'''
