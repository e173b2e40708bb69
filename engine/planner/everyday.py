"""Everyday tasks: discounts, value added tax, days between dates, derivatives and integrals."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from engine.planner.expressions import parse
from engine.planner.render import SYMPY, render
from engine.planner.text import escape, number, value
from engine.planner.workbench import Work

_X = frozenset("x")
_AMOUNT = r"\d+(?:\.\d+)?"
_DATE = r"\d{4}-\d\d-\d\d"
_TAX = r"(?:vat|sales tax|gst|tax|mwst)"


async def _discount(work: Work, match: re.Match[str]) -> None:
    logs = await work.run(_DISCOUNT.format(**match.groupdict()), "compute the discount")
    price, saved, check = (number(value(logs, n)) for n in ("Price", "Saved", "Check"))
    await work.say(
        f"{match['rate']}% off {match['amount']} is **{price}**; {saved} is saved.",
        f"Cross-check: {price} and {saved} make {check}.",
    )


async def _tax(work: Work, match: re.Match[str]) -> None:
    logs = await work.run(_VAT.format(**match.groupdict()), "compute the tax")
    tax, gross, check = (number(value(logs, n), 2) for n in ("Tax", "Gross", "Check"))
    await work.say(
        f"Net {number(match['amount'], 2)}, tax {tax} ({match['rate']}%), gross **{gross}**.",
        f"Cross-check: the gross without its tax is {check}.",
    )


async def _days(work: Work, match: re.Match[str]) -> None:
    logs = await work.run(_DAYS.format(**match.groupdict()), "count the days")
    await work.say(
        f"From {match['first']} to {match['last']} it is **{number(value(logs, 'Days'))}** days.",
        f"Cross-check: pandas counts {number(value(logs, 'Check'))}.",
    )


async def _calculus(work: Work, match: re.Match[str]) -> None:
    said = match.groupdict()
    expression = parse(said["f"].strip(" ?.").lower(), _X)
    if expression is None:
        await work.say("I can only differentiate and integrate formulas of x.")
        return
    source = render(expression, SYMPY, _X)
    if "low" in said:
        code = _INTEGRAL.format(f=source, low=said["low"], high=said["high"])
    else:
        code = _DERIVATIVE.format(f=source)
    logs = await work.run(code, "work it out")
    result = value(logs, "Result").replace("**", "^")
    await work.say(f"The result is **{escape(result)}**.", f"Cross-check: {value(logs, 'Check')}.")


EVERYDAY: tuple[tuple[str, Callable[[Work, re.Match[str]], Awaitable[None]]], ...] = (
    (rf"(?P<rate>{_AMOUNT})\s*(?:%|percent) off (?:of )?(?P<amount>{_AMOUNT})", _discount),
    (rf"(?P<rate>{_AMOUNT})\s*(?:%|percent) {_TAX} (?:on|to|for|of) (?P<amount>{_AMOUNT})", _tax),
    (rf"\bdays\b.*?(?P<first>{_DATE}) (?:and|to|until) (?P<last>{_DATE})", _days),
    (r"\b(?:integrate|integral of) (?P<f>.+?) from (?P<low>-?\d+) to (?P<high>-?\d+)", _calculus),
    (r"\b(?:derivative of|differentiate) (?P<f>.+)", _calculus),
)

_DISCOUNT = """
saved = {amount} * {rate} / 100
price = {amount} - saved
print("Price:", round(price, 10))
print("Saved:", round(saved, 10))
print("Check:", round(price + saved, 10))
"""
_VAT = """
tax = {amount} * {rate} / 100
gross = {amount} + tax
print("Tax:", round(tax, 10))
print("Gross:", round(gross, 10))
print("Check:", round(gross / (1 + {rate} / 100), 10))
"""
_DAYS = """
from datetime import date

import pandas as pd

days = date.fromisoformat("{last}") - date.fromisoformat("{first}")
print("Days:", days.days)
print("Check:", (pd.Timestamp("{last}") - pd.Timestamp("{first}")).days)
"""
_INTEGRAL = """
import sympy
from mpmath import quad

x = sympy.symbols("x")
f = sympy.sympify({f})
print("Result:", sympy.integrate(f, (x, {low}, {high})))
print("Check: numerical integration gives", quad(sympy.lambdify(x, f, "mpmath"), [{low}, {high}]))
"""
_DERIVATIVE = """
import sympy

x = sympy.symbols("x")
f = sympy.sympify({f})
result = sympy.diff(f, x)
slope = sympy.N(f.subs(x, 1.300001) - f.subs(x, 1.299999)) / 0.000002
print("Result:", result)
print(f"Check: at x = 1.3 it is {{float(result.subs(x, 1.3)):.6g}}; the slope there", end=" ")
print(f"measures {{float(slope):.6g}}")
"""
