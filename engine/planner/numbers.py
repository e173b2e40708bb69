"""Well-known tasks with numbers: primes, dice, factors, compound interest, averages of a list."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from engine.planner.arithmetic import grouped_digits
from engine.planner.text import link, number, section, table, value
from engine.planner.workbench import Work

_N = r"(\d[\d,]{0,12})"
_MAX_SIEVE = 20_000_000
_MAX_ROLLS = 20_000_000
_MAX_DICE = 20
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}

Task = Callable[[Work, re.Match[str]], Awaitable[None]]


class NumberTasks:
    """Each pattern of the registry below belongs to one function."""

    def matches(self, work: Work) -> bool:
        """Whether a pattern fits."""
        return any(pattern.search(work.text) for pattern, _ in _TASKS)

    async def answer(self, work: Work) -> None:
        """Let the first fitting function answer."""
        for pattern, task in _TASKS:
            match = pattern.search(work.text)
            if match:
                await task(work, match)
                return


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
    code += 'print("Primes:", *primes)\nprint("Check:", all(map(sympy.isprime, primes)), sympy.primepi(primes[-1]))'
    logs = await work.run(code, "find the primes")
    await work.say(
        f"The first {count:,} primes: {value(logs, 'Primes').replace(' ', ', ')}",
        f"Cross-check (all are prime, and how many there are up to the last): {value(logs, 'Check')}.",
    )


async def _dice(work: Work, match: re.Match[str]) -> None:
    spoken = (match["dice"] or "one").lower()
    dice = min(_COUNTS.get(spoken) or _int(spoken), _MAX_DICE)
    rolls = min(_int(match["rolls"]), _MAX_ROLLS)
    path = "/mnt/data/dice_rolls.png"
    logs = await work.run(_DICE.format(rolls=rolls, dice=dice, path=path), "simulate the dice")
    head, *rows = section(logs, "Result")
    what = "one die" if dice == 1 else f"{dice} dice"
    await work.say(
        f"{rolls:,} rolls of {what}; the mean is **{value(logs, 'Mean')}** ({value(logs, 'Expected mean')} expected).",
        table(head, rows, [1, 2]),
        f"Cross-check against the exact probabilities: the largest difference is {value(logs, 'Check')}.",
        "Files: " + link(path),
    )


async def _coins(work: Work, match: re.Match[str]) -> None:
    flips = min(_int(match["flips"]), _MAX_ROLLS)
    code = _COINS.format(flips=flips)
    logs = await work.run(code, "simulate the coin")
    await work.say(
        f"{flips:,} flips: **{number(value(logs, 'Heads'))}** heads and {number(value(logs, 'Tails'))} tails.",
        f"Cross-check: {value(logs, 'Check')} standard deviations from half.",
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
    text = work.text
    rate = re.search(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", text)
    years = re.search(r"(\d+(?:\.\d+)?)\s*years?", text)
    rest = re.sub(r"\d+(?:\.\d+)?\s*(?:%|percent|years?)", " ", text)
    amount = re.search(r"\d[\d,]*(?:\.\d+)?", rest)
    if not (rate and years and amount):
        await work.say(
            "For compound interest I need an amount, a rate in percent and a number of years."
        )
        return
    per_year = next(
        (
            n
            for word, n in {"month": 12, "quarter": 4, "dai": 365, "week": 52}.items()
            if f"{word}ly" in text.lower() or f"per {word}" in text.lower()
        ),
        1,
    )
    code = _INTEREST.format(
        amount=amount[0].replace(",", ""), rate=rate[1], years=years[1], n=per_year
    )
    logs = await work.run(code, "compute the interest")
    await work.say(
        f"{amount[0]} at {rate[1]}% for {years[1]} years, compounded {per_year} time{'s' * (per_year > 1)} a year, "
        f"grows to **{number(value(logs, 'Final'), 2)}**; the interest is {number(value(logs, 'Interest'), 2)}.",
        f"Cross-check: adding it period by period gives {number(value(logs, 'Check'), 2)}.",
    )


async def _list_statistic(work: Work, match: re.Match[str]) -> None:
    name = {"average": "mean", "avg": "mean", "total": "sum"}.get(
        match[1].lower(), match[1].lower()
    )
    numbers = re.findall(r"-?\d+(?:\.\d+)?", match[2])
    call = f"statistics.{name}(numbers)" if name in {"mean", "median"} else f"{name}(numbers)"
    check = {
        "sum": "math.fsum(numbers)",
        "max": "sorted(numbers)[-1]",
        "min": "sorted(numbers)[0]",
    }.get(name, f"float(np.{name}(numbers))")
    code = f'import math\nimport statistics\n\nimport numpy as np\n\nnumbers = [{", ".join(numbers)}]\nprint("Result:", {call})\nprint("Check:", {check})'
    logs = await work.run(code, f"compute the {name}")
    await work.say(
        f"The {match[1].lower()} is **{grouped_digits(value(logs, 'Result'))}**.",
        f"Cross-check: a second method gives {value(logs, 'Check')}.",
    )


async def _percentage(work: Work, match: re.Match[str]) -> None:
    part, whole = match["part"].replace(",", ""), match["whole"].replace(",", "")
    code = f'percent = {part} / {whole} * 100\nprint("Result:", round(percent, 10))\nprint("Check:", round({whole} * percent / 100, 10))'
    logs = await work.run(code, "compute the percentage")
    await work.say(
        f"{match['part']} is **{grouped_digits(value(logs, 'Result'))}%** of {match['whole']}.",
        f"Cross-check: that share of {match['whole']} is {grouped_digits(value(logs, 'Check'))}.",
    )


_AMOUNT = r"\d[\d,]*(?:\.\d+)?"
_TASKS: tuple[tuple[re.Pattern[str], Task], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), task)
    for pattern, task in (
        (
            rf"\bprimes?(?: numbers?)?\b.*\b(?:up to|below|under|less than|until|to)\s+{_N}\b",
            _primes,
        ),
        (rf"\bfirst\s+{_N}\s+primes?", _first_primes),
        (
            r"(?P<rolls>\d[\d,]*)\s+(?:rolls|throws|times)\b.*?(?:\b(?P<dice>a|one|two|three|four|five|six|ten|\d{1,2})\s+)?\b(?:dice|die)\b",
            _dice,
        ),
        (
            r"\b(?:roll|throw)\s+(?P<dice>a|one|two|three|four|five|six|ten|\d{1,2})\s+(?:dice|die)\s+(?P<rolls>\d[\d,]*)\s+times",
            _dice,
        ),
        (r"\b(?:flips?|toss(?:es)?)\b.*\bcoins?\b.*?(?P<flips>\d[\d,]*)", _coins),
        (r"(?P<flips>\d[\d,]*)\s+(?:coin )?(?:flips|tosses)", _coins),
        (rf"\b(?:prime factors? of|factori[sz]e|prime factori[sz]ation of)\s+{_N}\b", _factors),
        (
            r"\b(gcd|lcm|greatest common divisor|least common multiple|lowest common multiple)\b[^\d]*(\d+(?:[\s,]+(?:and\s+)?\d+)+)",
            _divisors,
        ),
        (r"\bcompound(?:ed)? interest\b", _interest),
        (
            rf"\bwhat percent(?:age)? (?:is|of) (?P<part>{_AMOUNT}) (?:of|out of) (?P<whole>{_AMOUNT})",
            _percentage,
        ),
        (rf"\b(?P<part>{_AMOUNT}) is what percent(?:age)? of (?P<whole>{_AMOUNT})", _percentage),
        (
            r"\b(mean|average|avg|median|sum|total|max|min)\b(?: of)?[:\s]+(-?\d+(?:\.\d+)?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+)-?\d+(?:\.\d+)?)+)\s*[?.]?$",
            _list_statistic,
        ),
    )
)

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

_DICE = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(42)
sums = sum(rng.integers(1, 7, size={rolls}) for _ in range({dice}))

# What to expect: the exact probabilities, by convolution.
chances = np.array([1.0])
for _ in range({dice}):
    chances = np.convolve(chances, np.ones(6) / 6)
totals = np.arange({dice}, 6 * {dice} + 1)
counts = np.bincount(sums, minlength=6 * {dice} + 1)[{dice}:]

result = pd.DataFrame({{"sum": totals, "rolls": counts, "expected": (chances * {rolls}).round(1)}})
print("Result")
print(result.to_csv(index=False))
print("Mean:", round(float(sums.mean()), 4))
print("Expected mean:", 3.5 * {dice})
print(f"Check: {{100 * np.abs(counts / {rolls} - chances).max():.2f}} percentage points")

fig, ax = plt.subplots(figsize=(9, 5))
ax.bar(totals, counts, label="simulated")
ax.plot(totals, chances * {rolls}, "o-", color="black", label="expected")
ax.yaxis.set_major_formatter("{{x:,.0f}}")
ax.set_title("{rolls:,} rolls: sums of {dice} dice")
ax.set_xlabel("sum")
ax.set_ylabel("rolls")
ax.legend()
fig.tight_layout()
fig.savefig("{path}", dpi=150)
plt.close(fig)
"""

_COINS = """
import numpy as np

rng = np.random.default_rng(42)
heads = int(rng.integers(0, 2, size={flips}).sum())
print("Heads:", heads)
print("Tails:", {flips} - heads)
print("Check:", round((heads - {flips} / 2) / ({flips} / 4) ** 0.5, 2))
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
