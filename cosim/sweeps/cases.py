"""What a sweep asks: variations, and the cases they span."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from cosim.errors import InputError, Problem, SweepError
from cosim.scenario import Scenario

MOST_CASES = 1_000_000


@dataclass(frozen=True)
class Variation:
    """One key of the scenario and the values it takes."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """One run of a sweep.

    Parameters
    ----------
    number
        Position in the sweep, from 1.
    values
        Value of each varied key.
    scenario
        The scenario with those values, checked.
    """

    number: int
    values: tuple[tuple[str, Any], ...]
    scenario: Scenario

    @property
    def stem(self) -> str:
        """File name without suffix: the values for the reader, the digest of the whole scenario for us.

        It does not depend on the case's place, so a sweep that grows finds what it has finished.
        """
        told = "_".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.values)
        plain = re.sub(r"[^A-Za-z0-9.=_-]+", "-", told)[:80]
        return "-".join(filter(None, (plain, self.scenario.digest()[:12])))

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.values) or "the scenario as it is"


def parse_variation(text: str) -> Variation:
    """Read ``key=start:stop[:step]`` (inclusive) or ``key=a,b,c``.

    Steps are counted in decimal, so 0:0.9:0.1 has exactly ten values and ends at 0.9.

    Raises
    ------
    SweepError
        If the text is neither.
    """
    key, equals, right = text.partition("=")
    key = key.strip()
    if not equals or not key or not right.strip():
        raise SweepError(
            Problem(
                "write key=start:stop:step or key=a,b,c, such as homes.solar.share=0:0.9:0.1",
                key="--vary",
                value=text,
            )
        )
    if "," in right or ":" not in right or right.count(":") > 2 or '"' in right:
        values = tuple(dict.fromkeys(_value(part) for part in right.split(",")))
    else:
        values = _range(text, right)
    return Variation(key, values)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()  # a bare word such as an adapter's name


def _range(text: str, right: str) -> tuple[Any, ...]:
    parts = right.split(":")
    try:
        start, stop = Decimal(parts[0]), Decimal(parts[1])
        step = Decimal(parts[2]) if len(parts) == 3 else Decimal(1)
    except InvalidOperation:
        raise SweepError(Problem("a range is start:stop:step in numbers", key="--vary", value=text)) from None
    if not all(number.is_finite() for number in (start, stop, step)):
        raise SweepError(Problem("a range is start:stop:step in finite numbers", key="--vary", value=text))
    if step == 0 or (stop - start) / step < 0:
        raise SweepError(Problem("the step must lead from start to stop", key="--vary", value=text))
    count = int((stop - start) / step) + 1
    if count > MOST_CASES:
        raise SweepError(
            Problem(f"{count} values are more than the {MOST_CASES} a sweep takes", key="--vary", value=text)
        )
    whole = all("." not in part and "e" not in part.lower() for part in parts)
    values = [start + k * step for k in range(count)]
    return tuple(int(value) for value in values) if whole else tuple(float(value) for value in values)


def parse_slice(text: str) -> tuple[int, int]:
    """Read ``I/N``: the I-th of N shares, from 1.

    Raises
    ------
    SweepError
        If it is not that.
    """
    left, slash, right = text.partition("/")
    if slash and left.isdigit() and right.isdigit() and 1 <= int(left) <= int(right):
        return int(left), int(right)
    raise SweepError(Problem("write I/N with 1 <= I <= N, such as 3/8", key="--slice", value=text))


def _blamed(problem: Problem, keys: Sequence[str]) -> Problem:
    """A problem of a varied value said of the flag that gave it."""
    if problem.file == "--set" and any(f"{problem.key}.".startswith(f"{key}.") for key in keys):
        return replace(problem, file="--vary")
    return problem


def build_cases(
    path: Path,
    variations: Sequence[Variation],
    *,
    variant: str | None = None,
    overrides: dict[str, Any] | None = None,
) -> list[Case]:
    """Every combination of values as a checked case, the last variation fastest.

    Raises
    ------
    SweepError
        With the problems of all cases that cannot run, and for a key varied twice.
    """
    keys = [variation.key for variation in variations]
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    if doubled:
        raise SweepError([Problem("varied twice; give all its values at once", key=key) for key in doubled])
    cases: list[Case] = []
    problems: list[Problem] = []
    for number, values in enumerate(itertools.product(*(variation.values for variation in variations)), 1):
        if number > MOST_CASES:
            raise SweepError(f"the variations span more than {MOST_CASES} cases")
        setting = tuple(zip(keys, values, strict=True))
        try:
            scenario = Scenario.load(path, overrides={**(overrides or {}), **dict(setting)}, variant=variant)
        except InputError as error:
            blamed = [_blamed(problem, keys) for problem in error.problems]
            problems.extend(p for p in blamed if p not in problems)
            continue
        cases.append(Case(number, setting, scenario))
    if problems:
        raise SweepError(problems)
    return cases
