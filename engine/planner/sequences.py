"""Fibonacci numbers, and whether a number is prime."""

from __future__ import annotations

import re

from engine.planner.text import number, value
from engine.planner.workbench import Work

_MOST = 10_000  # a Fibonacci number of two thousand digits
_LISTED = 100


async def nth_fibonacci(work: Work, match: re.Match[str]) -> None:
    """The n-th Fibonacci number, counted F(1) = 1, F(2) = 1."""
    wanted = int((match["n"] or match["m"]).replace(",", ""))
    n = min(wanted, _MOST)
    logs = await work.run(_FIBONACCI.format(n=n), "compute the Fibonacci number")
    said = "" if n == wanted else f"I stop at the {_MOST:,}th. "
    same = "the same" if value(logs, "Same") == "True" else "something else"
    await work.say(
        f"{said}F({n:,}) = **{number(value(logs, 'Result'))}**, counting F(1) = 1 and F(2) = 1.",
        f"Cross-check: sympy gives {same}.",
    )


async def first_fibonacci(work: Work, match: re.Match[str]) -> None:
    """The first numbers of the sequence, from 0 on."""
    count = min(int(match["count"]), _LISTED)
    logs = await work.run(_FIRST.format(count=count), "compute the Fibonacci numbers")
    same = "the same" if value(logs, "Same") == "True" else "something else"
    await work.say(
        f"The first {count} Fibonacci numbers: {value(logs, 'Result')}",
        f"Cross-check: sympy gives {same}.",
    )


async def is_prime(work: Work, match: re.Match[str]) -> None:
    """Whether a number is prime, and else its factors."""
    n = int(match["n"].replace(",", ""))
    logs = await work.run(_PRIME.format(n=n), "test the number")
    if value(logs, "Prime") == "True":
        said = f"Yes: **{n:,}** is prime."
    else:
        factors = value(logs, "Factors")
        said = f"No: **{n:,}** is not prime" + (f"; it is {factors}." if factors else ".")
    await work.say(said, f"Cross-check: trial division {value(logs, 'Check')}.")


_FIBONACCI = """
import sympy

a, b = 0, 1
for _ in range({n}):
    a, b = b, a + b
print("Result:", a)
print("Same:", a == sympy.fibonacci({n}))
"""

_FIRST = """
import sympy

numbers = [0, 1]
while len(numbers) < {count}:
    numbers.append(numbers[-1] + numbers[-2])
numbers = numbers[:{count}]
print("Result:", ", ".join(map(str, numbers)))
print("Same:", numbers == [sympy.fibonacci(n) for n in range({count})])
"""

_PRIME = """
import math

import sympy

n = {n}
print("Prime:", sympy.isprime(n))
if n > 1 and not sympy.isprime(n):
    factors = sympy.factorint(n)
    print("Factors:", " × ".join(f"{{p}}^{{k}}" if k > 1 else str(p) for p, k in factors.items()))

# Cross-check: divide by every number up to the square root, or up to a million.
last = min(math.isqrt(n), 1_000_000)
divisor = next((d for d in range(2, last + 1) if n % d == 0), None)
found = f"finds the divisor {{divisor}}" if divisor else f"up to {{last:,}} finds no divisor"
print("Check:", found)
"""
