"""Calls for power to batteries: the orders of a scenario and of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from cosim.errors import Problem, ScenarioError
from cosim.scenario.der_schema import Battery, BatteryOrder

COLUMNS = ("start", "end", "power_kw")


def orders_of(battery: Battery) -> tuple[BatteryOrder, ...]:
    """All orders of a battery, sorted by time.

    Raises
    ------
    ScenarioError
        If its signal cannot be used, or orders lie over each other; with every problem.
    """
    read = read_signal(Path(battery.signal)) if battery.signal is not None else ()
    orders = sorted((*battery.orders, *read), key=lambda order: order.start)
    problems = [
        Problem(
            f"orders lie over each other: {a.start} to {a.end}, and {b.start} to {b.end}",
            battery.signal or "",
        )
        for a, b in overlaps(orders)
    ]
    if problems:
        raise ScenarioError(problems)
    return tuple(orders)


def overlaps(orders: Sequence[BatteryOrder]) -> list[tuple[BatteryOrder, BatteryOrder]]:
    """Neighbours in time that lie over each other."""
    ordered = sorted(orders, key=lambda order: order.start)
    return [(a, b) for a, b in pairwise(ordered) if b.start < a.end]


def read_signal(file: Path) -> tuple[BatteryOrder, ...]:
    """Orders of a CSV file with the columns start, end (local date-times) and power_kw.

    Raises
    ------
    ScenarioError
        With every line that cannot be used.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True, restval="", strict=True)
            rows = [(reader.line_num, row) for row in reader]
            columns = list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(Problem(f"not a CSV table that can be read: {error}", str(file))) from error
    if sorted(columns) != sorted(COLUMNS):
        message = f"the columns should be {', '.join(COLUMNS)}"
        raise ScenarioError(Problem(message, str(file), value=", ".join(map(str, columns)), line=1))
    orders: list[BatteryOrder] = []
    problems: list[Problem] = []
    for line, row in rows:
        problems += _read(row, file, line, orders)
    if not rows:
        problems.append(Problem("holds no order", str(file)))
    if problems:
        raise ScenarioError(problems)
    return tuple(orders)


def _read(row: dict[str, str], file: Path, line: int, orders: list[BatteryOrder]) -> Iterator[Problem]:
    """Append the order of a row; what is wrong with it."""
    given = {key: str(row[key]).strip() for key in COLUMNS}
    try:
        power = float(given["power_kw"])
    except ValueError:
        yield Problem("should be a number", str(file), "power_kw", given["power_kw"], line)
        power = 0.0
    try:
        orders.append(BatteryOrder.model_validate({**given, "power_kw": power}))
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0]) if detail["loc"] else "end"
            yield Problem(detail["msg"], str(file), key, given.get(key, ""), line)
