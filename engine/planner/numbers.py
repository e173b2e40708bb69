"""Well-known tasks with numbers: primes, factors, compound interest, averages of a list."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from engine.planner.arithmetic import grouped_digits, unread_beside
from engine.planner.chance import flip_coins, roll_dice
from engine.planner.everyday import EVERYDAY
from engine.planner.expressions import plain_number
from engine.planner.separators import plain_numbers, reading_note
from engine.planner.sequences import first_fibonacci, is_prime, nth_fibonacci
from engine.planner.text import number, value
from engine.planner.units import CONVERSIONS, convert
from engine.planner.workbench import Work

_N = r"(\d[\d,]{0,12})"
_MAX_SIEVE = 20_000_000

Task = Callable[[Work, re.Match[str]], Awaitable[None]]


class NumberTasks:
    """Each pattern of the registry below belongs to one function."""

    def matches(self, work: Work) -> bool:
        """Whether a pattern fits."""
        return _found(work.text) is not None

    async def answer(self, work: Work) -> None:
        """Let the first fitting function answer."""
        found = _found(work.text)
        if found is not None:
            task, match = found
            work.remark(unread_beside(match.string, [match.span()]))
            await task(work, match)
            await work.say(reading_note(work.text))


def is_number_task(text: str) -> bool:
    """Whether a text asks for one of these tasks."""
    return _found(text) is not None


def _found(text: str) -> tuple[Task, re.Match[str]] | None:
    """The first task that fits; where `12,18` makes no sense as one number it is two."""
    for form in (plain_numbers(text), text):
        for pattern, task in _TASKS:
            match = pattern.search(form)
            if match:
                return task, match
    return None


def _int(text: str) -> int:
    return int(text.replace(",", ""))


async def _primes(work: Work, match: re.Match[str]) -> None:
    limit = min(_int(match[1]), _MAX_SIEVE)
    logs = await work.run(_PRIMES.format(limit=limit), "find the primes")
    count = int(value(logs, "Count"))
    some = value(logs, "Primes")
    head = f"There are **{count:,}** primes up to {limit:,}"
    await work.say(
        f"{head}: {some}" if count <= 200 else f"{head}; the first and last ones: {some}",
        f"Cross-check: sympy counts {number(value(logs, 'Check'))}.",
    )


async def _first_primes(work: Work, match: re.Match[str]) -> None:
    count = min(_int(match[1]), 1_000)
    code = f"import sympy\n\nprimes = [sympy.prime(n) for n in range(1, {count} + 1)]\n"
    code += 'print("Primes:", *primes)\nprint("Check:", sympy.primepi(primes[-1]))'
    logs = await work.run(code, "find the primes")
    await work.say(
        f"The first {count:,} primes: {value(logs, 'Primes').replace(' ', ', ')}",
        f"Cross-check: sympy counts this many primes up to the last: {value(logs, 'Check')}.",
    )


async def _factors(work: Work, match: re.Match[str]) -> None:
    code = _FACTORS.format(n=_int(match[1]))
    logs = await work.run(code, "find the prime factors")
    await work.say(
        f"{_int(match[1]):,} = **{value(logs, 'Factors')}**",
        f"Cross-check: multiplied together they give {number(value(logs, 'Check'))}.",
    )


async def _divisors(work: Work, match: re.Match[str]) -> None:
    name = "lcm" if re.match(r"lcm|least|lowest", match[1], re.IGNORECASE) else "gcd"
    numbers = [_int(each) for each in re.findall(r"\d+", match[2])]
    args = ", ".join(map(str, numbers))
    code = f"import math\n\nimport sympy\n\nresult = math.{name}({args})\n"
    code += f'print("Result:", result)\nprint("Check:", sympy.i{name}({args}))'
    logs = await work.run(code, f"compute the {name}")
    await work.say(
        f"{name}({args}) = **{number(value(logs, 'Result'))}**",
        f"Cross-check: sympy gives {number(value(logs, 'Check'))}.",
    )


async def _interest(work: Work, match: re.Match[str]) -> None:
    text = plain_numbers(work.text).lower()
    rate = re.search(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", text)
    years = re.search(r"(\d+(?:\.\d+)?)\s*years?", text)
    amount = re.search(_AMOUNT, re.sub(r"\d+(?:\.\d+)?\s*(?:%|percent|years?)", " ", text))
    if not (rate and years and amount):
        await work.say("For compound interest I need an amount, a rate in percent, and years.")
        return
    times = next((n for word, n in _TIMES_A_YEAR.items() if word in text), 1)
    code = _INTEREST.format(
        amount=plain_number(amount[0]),
        rate=plain_number(rate[1]),
        years=plain_number(years[1]),
        n=times,
    )
    logs = await work.run(code, "compute the interest")
    final, interest, check = (number(value(logs, n), 2) for n in ("Final", "Interest", "Check"))
    often = "once" if times == 1 else f"{times} times"
    await work.say(
        f"{amount[0]} at {rate[1]}% for {years[1]} years, compounded {often} a year, grows to "
        f"**{final}**; the interest is {interest}.",
        f"Cross-check: adding it period by period gives {check}.",
    )


async def _statistic(work: Work, match: re.Match[str]) -> None:
    said = match[1].lower()
    name = {
        "average": "mean",
        "avg": "mean",
        "total": "sum",
        "stdev": "standard deviation",
        "std": "standard deviation",
    }.get(said, said)
    first, second = _TWO_WAYS[name]
    numbers = ", ".join(plain_number(each) for each in re.findall(r"-?\d+(?:\.\d+)?", match[2]))
    code = _STATISTIC.format(numbers=numbers, first=first, second=second)
    logs = await work.run(code, f"compute the {name}")
    kind = " (of a sample: divided by n - 1)" if name == "standard deviation" else ""
    await work.say(
        f"The {said}{kind} is **{grouped_digits(value(logs, 'Result'))}**.",
        f"Cross-check: a second method gives {grouped_digits(value(logs, 'Check'))}.",
    )


async def _percentage(work: Work, match: re.Match[str]) -> None:
    part, whole = plain_number(match["part"]), plain_number(match["whole"])
    logs = await work.run(_PERCENT.format(part=part, whole=whole), "compute the percentage")
    percent, again = (grouped_digits(value(logs, name)) for name in ("Result", "Check"))
    await work.say(
        f"{match['part']} is **{percent}%** of {match['whole']}.",
        f"Cross-check: {percent}% of {match['whole']} is {again}.",
    )


_TIMES_A_YEAR = {"monthly": 12, "per month": 12, "quarterly": 4, "daily": 365, "weekly": 52}
_MIDDLE = "sum(sorted(numbers)[(len(numbers) - 1) // 2 : len(numbers) // 2 + 1])"
_MIDDLE += " / (2 - len(numbers) % 2)"
_TWO_WAYS = {
    "mean": ("statistics.fmean(numbers)", "sum(numbers) / len(numbers)"),
    "median": ("statistics.median(numbers)", _MIDDLE),
    "sum": ("sum(numbers)", "math.fsum(numbers)"),
    "max": ("max(numbers)", "sorted(numbers)[-1]"),
    "min": ("min(numbers)", "sorted(numbers)[0]"),
    "standard deviation": (
        "statistics.stdev(numbers)",
        "math.sqrt(sum((x - sum(numbers) / len(numbers)) ** 2 for x in numbers)"
        " / (len(numbers) - 1))",
    ),
}
_AMOUNT = r"\d[\d,]*(?:\.\d+)?"
_DICE = r"(?P<dice>a|one|two|three|four|five|six|ten|\d{1,2})"
_INT = r"\d[\d,]*"
_WHAT = r"what percent\w*"
_NAMES = "mean|average|avg|median|sum|total|max|min|standard deviation|stdev|std"
_BETWEEN = r"(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+)"
_LIST = rf"(-?\d+(?:\.\d+)?(?:{_BETWEEN}-?\d+(?:\.\d+)?)+)"
_DIVISOR = r"gcd|lcm|greatest common divisor|(?:least|lowest) common multiple"

# A new task is one line here and one function.
_TASKS: tuple[tuple[re.Pattern[str], Task], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), task)
    for pattern, task in (
        (rf"\bprimes?\b.*\b(?:up to|below|under|less than|until|to)\s+{_N}\b", _primes),
        (rf"\bfirst\s+{_N}\s+primes?", _first_primes),
        (rf"(?P<rolls>{_INT})\s+(?:rolls|throws)\b.*?(?:\b{_DICE}\s+)?\b(?:dice|die)\b", roll_dice),
        (rf"\b(?:roll|throw)\s+{_DICE}\s+(?:dice|die)\s+(?P<rolls>\d[\d,]*)\s+times", roll_dice),
        (r"\b(?:flips?|toss(?:es)?)\b.*\bcoins?\b.*?(?P<flips>\d[\d,]*)", flip_coins),
        (r"(?P<flips>\d[\d,]*)\s+(?:coin )?(?:flips|tosses)", flip_coins),
        (rf"\b(?:prime factors? of|factori[sz]e|factori[sz]ation of)\s+{_N}\b", _factors),
        (rf"\b({_DIVISOR})\b[^\d]*(\d+(?:[\s,]+(?:and\s+)?\d+)+)", _divisors),
        (r"\bcompound(?:ed)? interest\b", _interest),
        (rf"\b{_WHAT} (?:is|of) (?P<part>{_AMOUNT}) (?:out )?of (?P<whole>{_AMOUNT})", _percentage),
        (rf"\b(?P<part>{_AMOUNT}) is {_WHAT} of (?P<whole>{_AMOUNT})", _percentage),
        (r"\b(?:the )?(?P<n>\d[\d,]*)(?:st|nd|rd|th) fibonacci|"
         r"\bfibonacci (?:number )?(?:of |no\.? ?|#)?(?P<m>\d[\d,]*)", nth_fibonacci),
        (r"\bfirst (?P<count>\d{1,4}) (?:numbers of (?:the )?)?fibonacci", first_fibonacci),
        (r"\bis (?P<n>\d[\d,]{0,17}) (?:a )?prime\b", is_prime),
        *EVERYDAY,
        *((pattern, convert) for pattern in CONVERSIONS),
        (rf"\b({_NAMES})\b(?: of)?[:\s]+{_LIST}\s*[?.]?$", _statistic),
    )
)  # fmt: skip

_PRIMES = """
import numpy as np

# The sieve of Eratosthenes.
is_prime = np.ones({limit} + 1, dtype=bool)
is_prime[:2] = False
for n in range(2, int({limit} ** 0.5) + 1):
    if is_prime[n]:
        is_prime[n * n :: n] = False
primes = np.flatnonzero(is_prime).tolist()
print("Count:", len(primes))
some = primes if len(primes) <= 200 else [*primes[:10], "…", *primes[-10:]]
print("Primes:", ", ".join(map(str, some)))

# Cross-check: sympy's own count.
import sympy

print("Check:", sympy.primepi({limit}))
"""

_FACTORS = """
import math

import sympy

factors = sympy.factorint({n})
print("Factors:", " × ".join(f"{{p}}^{{k}}" if k > 1 else str(p) for p, k in factors.items()))
print("Check:", math.prod(p**k for p, k in factors.items()))
"""

_INTEREST = """
final = {amount} * (1 + {rate} / 100 / {n}) ** ({n} * {years})
print("Final:", round(final, 2))
print("Interest:", round(final - {amount}, 2))

# Cross-check: period by period.
balance = {amount}
for _ in range(round({n} * {years})):
    balance += balance * {rate} / 100 / {n}
print("Check:", round(balance, 2))
"""

_STATISTIC = """
import math
import statistics

numbers = [{numbers}]
print("Result:", round({first}, 10))
print("Check:", round({second}, 10))
"""

_PERCENT = """
percent = {part} / {whole} * 100
print("Result:", round(percent, 10))
print("Check:", round({whole} * percent / 100, 10))
"""
