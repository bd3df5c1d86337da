"""Units: the closed list of what may stand behind a number without changing it, and when two of them are the same.

    canonical("kilometres per hour"), canonical("km/h"), canonical("kph")      all "km/h"
    canonical("m^2"), canonical("sq m"), canonical("square meters")            all "m^2"
    canonical("x"), canonical("apples"), canonical("pi")                       None

A letter that may be a variable is no unit, whatever it abbreviates elsewhere (``n``, ``k``, ``t``, ``x``); of
single letters only ``m g s h l L N J W V K A C F`` are. Nothing is converted: 1 m is not 100 cm here.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["CURRENCIES", "canonical", "unit_length"]

CURRENCIES = {
    "$": "usd",
    "\u20ac": "eur",
    "\u00a3": "gbp",
    "\u00a5": "yen",
    "\u20b9": "rupee",
    "\u20a9": "won",
    "\u20bd": "rouble",
    "\u00a2": "cent",
    "\u20aa": "shekel",
    "\u20ab": "dong",
    "\u20ba": "lira",
    "\u20bf": "bitcoin",
}
"""Signs of currencies and what they are called here."""

_NAMES = {
    "usd": "usd us$ dollar dollars buck bucks",
    "eur": "eur euro euros",
    "gbp": "gbp pound-sterling quid",
    "yen": "jpy yen yuan cny rmb",
    "rupee": "inr rs rupee rupees",
    "won": "krw won",
    "rouble": "rub rouble roubles ruble rubles",
    "cent": "cent cents",
    "penny": "penny pennies pence",
    "%": "% percent pct percentage",
    "deg": "deg degree degrees \u00b0",
    "degC": "\u00b0C C celsius",
    "degF": "\u00b0F F fahrenheit",
    "K": "K kelvin kelvins",
    "rad": "rad rads radian radians",
    "km": "km Km KM kms kilometer kilometers kilometre kilometres",
    "m": "m meter meters metre metres",
    "dm": "dm decimeter decimeters decimetre decimetres",
    "cm": "cm cms centimeter centimeters centimetre centimetres",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "um": "\u00b5m \u03bcm um micrometer micrometers micron microns",
    "nm": "nm nanometer nanometers nanometre nanometres",
    "mile": "mi mile miles",
    "yard": "yd yds yard yards",
    "foot": "ft foot feet",
    "inch": "in inch inches",
    "acre": "acre acres",
    "hectare": "ha hectare hectares",
    "kg": "kg Kg KG kgs kilo kilos kilogram kilograms kilogramme kilogrammes",
    "g": "g gm gram grams gramme grammes",
    "mg": "mg milligram milligrams",
    "ug": "\u00b5g \u03bcg ug microgram micrograms",
    "tonne": "tonne tonnes ton tons",
    "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
    "l": "l L liter liters litre litres",
    "ml": "ml mL milliliter milliliters millilitre millilitres",
    "cl": "cl centiliter centiliters",
    "gallon": "gal gallon gallons",
    "quart": "qt quart quarts",
    "pint": "pt pint pints",
    "cup": "cup cups",
    "tbsp": "tbsp tablespoon tablespoons",
    "tsp": "tsp teaspoon teaspoons",
    "s": "s sec secs second seconds",
    "ms": "ms millisecond milliseconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "wk week weeks",
    "month": "month months",
    "year": "yr yrs year years",
    "mph": "mph",
    "km/h": "kph kmh kmph",
    "hz": "Hz hertz",
    "khz": "kHz kilohertz",
    "mhz": "MHz megahertz",
    "ghz": "GHz gigahertz",
    "N": "N newton newtons",
    "kN": "kN kilonewton kilonewtons",
    "J": "J joule joules",
    "kJ": "kJ kilojoule kilojoules",
    "MJ": "MJ megajoule megajoules",
    "cal": "cal calorie calories",
    "kcal": "kcal kilocalorie kilocalories",
    "W": "W watt watts",
    "kW": "kW kilowatt kilowatts",
    "MW": "MW megawatt megawatts",
    "kWh": "kWh kilowatt-hour kilowatt-hours",
    "V": "V volt volts",
    "kV": "kV kilovolt kilovolts",
    "mV": "mV millivolt millivolts",
    "eV": "eV",
    "keV": "keV",
    "MeV": "MeV",
    "GeV": "GeV",
    "A": "A amp amps ampere amperes",
    "mA": "mA milliamp milliamps",
    "ohm": "\u03a9 \u2126 ohm ohms",
    "Pa": "Pa pascal pascals",
    "kPa": "kPa kilopascal kilopascals",
    "MPa": "MPa",
    "atm": "atm atmosphere atmospheres",
    "bar": "bar bars",
    "mol": "mol mole moles",
    "mmol": "mmol",
    "byte": "byte bytes",
    "bit": "bit bits",
    "kb": "kB KB kilobyte kilobytes",
    "mb": "MB megabyte megabytes",
    "gb": "GB gigabyte gigabytes",
    "tb": "TB terabyte terabytes",
    "unit": "unit units",
}
_WORDS = {word: name for name, words in _NAMES.items() for word in words.split()}
_FOLDED = {word.lower(): name for word, name in _WORDS.items() if len(word) > 2}
_POWERS = {"square": "2", "sq": "2", "squared": "2", "cubic": "3", "cu": "3", "cubed": "3"}
_SUPERSCRIPTS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-")
_ATOM = r"(?:\u00b0 ?[CF](?![A-Za-z])|[%\u00b0\u03a9\u2126]|[\u00b5\u03bc]?[A-Za-z]+(?:-hours?)?)"
_POWER = r"(?: ?\^ ?\{? ?-?[1-9] ?\}?|[\u00b9\u00b2\u00b3\u207b]+|-[1-3](?![0-9]))"
_JOIN = r"(?: ?[/\u00b7*\u22c5] ?| per | ?\\cdot ?)"
_PART = rf"(?:(?:square|sq\.?|cubic|cu\.?) |sq\.|cu\.)?{_ATOM}(?:{_POWER}| squared| cubed)?"
_UNIT = re.compile(rf"{_PART}(?:{_JOIN}{_PART}){{0,3}}(?![A-Za-z0-9])")
_ONE = re.compile(
    rf"(?:(?P<before>square(?= )|sq|cubic(?= )|cu)(?:\. ?| ))?(?P<atom>{_ATOM})(?P<power>{_POWER}| squared| cubed)?"
)


def unit_length(text: str) -> int:
    """Return how many characters of ``text``, from its start, are a unit; 0 when it begins with none."""
    found = _UNIT.match(text)
    while found is not None:
        if canonical(found.group()) is not None:
            return found.end()
        cut = max(found.group().rfind(mark) for mark in ("/", "\u00b7", "*", "\u22c5", " per ", "\\cdot", " "))
        found = _UNIT.match(text, 0, cut) if cut > 0 else None
    return 0


@lru_cache(maxsize=4096)
def canonical(text: str) -> str | None:
    """Return what a unit is called here, the same for all its spellings; None for what is no unit."""
    text = text.strip().rstrip(".")
    if text in CURRENCIES:
        return CURRENCIES[text]
    text = text.replace("\\cdot", "\u00b7").replace("*", "\u00b7").replace("\u22c5", "\u00b7").replace(" per ", "/")
    if not _UNIT.fullmatch(text) or len(text) > 60:
        return None
    powers: dict[str, int] = {}
    sign = 1
    for piece in re.split(r" ?([/\u00b7]) ?", text):
        if piece in ("/", "\u00b7"):
            sign = -1 if piece == "/" else sign
            continue
        one = _ONE.fullmatch(piece)
        name = _name(one["atom"]) if one else None
        if one is None or name is None:
            return None
        power = _POWERS.get(one["before"] or "", "") or _POWERS.get((one["power"] or "").strip(), "")
        power = power or re.sub(r"[^0-9-]", "", (one["power"] or "1").translate(_SUPERSCRIPTS))
        for part, count in _expanded(name):
            powers[part] = powers.get(part, 0) + sign * count * int(power or "1")
    return "\u00b7".join(f"{name}^{power}" if power != 1 else name for name, power in sorted(powers.items()) if power)


def _name(atom: str) -> str | None:
    atom = atom.replace(" ", "")
    return _WORDS.get(atom) or _FOLDED.get(atom.lower())


def _expanded(name: str) -> list[tuple[str, int]]:
    """Return the parts of a name that stands for a compound unit."""
    return {"mph": [("mile", 1), ("h", -1)], "km/h": [("km", 1), ("h", -1)]}.get(name, [(name, 1)])
