"""Conversion of common units: length, mass, volume, speed, area and temperature."""

from __future__ import annotations

import re

from engine.planner.expressions import plain_number
from engine.planner.text import number, value
from engine.planner.workbench import Work

# How many of the first unit of its kind one of it is: exact by definition.
_FACTORS = {
    "length": {
        "m": "1", "km": "1000", "cm": "0.01", "mm": "0.001", "mile": "1609.344",
        "yard": "0.9144", "foot": "0.3048", "inch": "0.0254",
    },
    "mass": {"kg": "1", "g": "0.001", "lb": "0.45359237", "oz": "0.028349523125", "tonne": "1000"},
    "volume": {"l": "1", "ml": "0.001", "gallon": "3.785411784", "pint": "0.473176473"},
    "speed": {"km/h": "1", "mph": "1.609344", "m/s": "3.6", "knot": "1.852"},
    "area": {"m²": "1", "hectare": "10000", "acre": "4046.8564224", "km²": "1000000"},
    "temperature": {"°C": "1", "°F": "1", "K": "1"},
}  # fmt: skip
_NAMES = {
    "m": r"m|met(?:er|re)s?", "km": r"km|kms|kilomet(?:er|re)s?", "cm": r"cm|centimet(?:er|re)s?",
    "mm": r"mm|millimet(?:er|re)s?", "mile": r"mi|miles?", "yard": r"yd|yards?",
    "foot": r"ft|foot|feet", "inch": r"inch(?:es)?", "kg": r"kgs?|kilos?|kilograms?",
    "g": r"g|grams?", "lb": r"lbs?|pounds?", "oz": r"oz|ounces?", "tonne": r"tonnes?|tons?",
    "l": r"l|lit(?:er|re)s?", "ml": r"ml|millilit(?:er|re)s?", "gallon": r"(?:us )?gallons?",
    "pint": r"pints?", "km/h": r"km/h|kmh|kph", "mph": r"mph|miles per hour", "m/s": r"m/s",
    "knot": r"knots?", "m²": r"m²|m2|square met(?:er|re)s?", "hectare": r"ha|hectares?",
    "acre": r"acres?", "km²": r"km²|km2|square kilomet(?:er|re)s?",
    "°C": r"°?c|(?:degrees )?(?:celsius|centigrade)", "°F": r"°?f|(?:degrees )?fahrenheit",
    "K": r"kelvins?",
}  # fmt: skip
_ANY = "|".join(sorted(_NAMES.values(), key=len, reverse=True))
_AMOUNT = r"-?\d[\d,]*(?:\.\d+)?"
CONVERSIONS = (
    rf"(?<![\w.])(?P<amount>{_AMOUNT})\s*(?:degrees )?(?P<of>{_ANY})\s+"
    rf"(?:in|to|into|as)\s+(?:degrees )?(?P<to>{_ANY})(?![\w/²])",
    rf"\bhow many (?P<to>{_ANY})\s+(?:is|are|in|make)\s+(?P<amount>{_AMOUNT})\s*"
    rf"(?P<of>{_ANY})(?![\w/²])",
)
_SCALES = {  # to kelvin, from kelvin
    "°C": ("x + 273.15", "kelvin - 273.15"),
    "°F": ("(x + 459.67) * 5 / 9", "kelvin * 9 / 5 - 459.67"),
    "K": ("x", "kelvin"),
}


async def convert(work: Work, match: re.Match[str]) -> None:
    """Convert an amount; says so where the two units measure different things."""
    amount, of, to = plain_number(match["amount"]), _unit(match["of"]), _unit(match["to"])
    kind = next(kind for kind, units in _FACTORS.items() if of in units)
    if to not in _FACTORS[kind]:
        await work.say(f"{of} measures {kind}, and {to} does not: they can't be converted.")
        return
    if kind == "temperature":
        code = _TEMPERATURE.format(amount=amount, kelvin=_SCALES[of][0], result=_SCALES[to][1])
    else:
        factors = _FACTORS[kind]
        code = _CONVERT.format(amount=amount, of=factors[of], to=factors[to])
    logs = await work.run(code, f"convert {of} to {to}")
    result = value(logs, "Result")
    await work.say(
        f"{match['amount']} {match['of']} = **{number(result, _decimals(result))} {to}**",
        f"Cross-check: {value(logs, 'Check')}.",
    )


def _unit(said: str) -> str:
    return next(unit for unit, names in _NAMES.items() if re.fullmatch(names, said, re.IGNORECASE))


def _decimals(result: str) -> int | None:
    _, _, decimals = result.partition(".")
    return min(len(decimals.rstrip("0")), 6) or None


_CONVERT = """
from fractions import Fraction

result = {amount} * {of} / {to}
print("Result:", f"{{result:.10g}}")

# Cross-check: with exact fractions.
exact = Fraction("{amount}") * Fraction("{of}") / Fraction("{to}")
print("Check: exact fractions give", f"{{float(exact):.10g}}")
"""

_TEMPERATURE = """
x = {amount}
kelvin = {kelvin}
result = {result}
print("Result:", f"{{result:.10g}}")
print("Check: on the way it is", f"{{kelvin:.10g}}", "kelvin")
"""
