"""How figures and times read on the page: three significant digits, true minus signs, plain units."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = "–"
DIGITS = 3
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals(size: float) -> int:
    """Decimals that show a number of this size with three significant digits."""
    return max(0, DIGITS - 1 - math.floor(math.log10(size))) if size > 0.0 else 0


def fixed(value: float, places: int) -> str:
    """A number with so many decimals; a true minus sign, and no negative zero."""
    return f"{round(value, places) + 0.0:,.{places}f}".replace("-", "−")


def number(value: float) -> str:
    """One figure in running text: three significant digits, trailing zeros dropped."""
    size = abs(value)
    if not math.isfinite(value):
        return MISSING
    if value == 0.0:
        return "0"
    if size < 1e-3:
        mantissa, exponent = f"{value:.{DIGITS - 1}e}".split("e")
        mantissa = f"{float(mantissa):g}".replace("-", "−")
        return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
    text = fixed(value, decimals(size))
    return text.rstrip("0").rstrip(".") if "." in text else text


def aligned(values: Sequence[float] | NDArray[Any]) -> list[str]:
    """Figures of one column with the same decimals, enough for the largest to show three digits; none for counts."""
    finite = [abs(float(v)) for v in values if math.isfinite(v)]
    whole = all(v.is_integer() for v in finite)
    places = 0 if whole else min(decimals(max(finite)), DIGITS)
    return [fixed(float(v), places) if math.isfinite(v) else MISSING for v in values]


def span(seconds: float) -> str:
    """A duration in its largest whole unit, or in hours or seconds."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size and (seconds / size) % 1 == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{number(seconds / 3600)} h" if seconds >= 3600 else f"{number(seconds)} s"


def moment(time: Any, *, seconds: bool = False) -> str:
    """A local time as "9 Jul 18:05"; nothing for no time."""
    stamp = np.datetime64(time or "NaT", "us")
    if np.isnat(stamp):
        return ""
    when = stamp.item()
    return f"{when.day} {when:%b %H:%M:%S}" if seconds else f"{when.day} {when:%b %H:%M}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 home", "2 homes"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def script_json(data: Any) -> str:
    """JSON that can neither end the script element it stands in nor open a comment there."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
