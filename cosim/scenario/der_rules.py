"""What must be true of a group's cars and batteries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cosim import library
from cosim.errors import ScenarioError
from cosim.scenario.der_schema import HABITS
from cosim.scenario.dispatch import overlaps, read_signal
from cosim.scenario.entry_rules import Violation, library_violations
from cosim.tariff_entry import slots_of

if TYPE_CHECKING:
    from cosim.scenario.der_schema import Battery, Ev, Generator

Place = tuple[str | int, ...]
USED = {  # keys of a battery that have a meaning in a mode, beside those of every mode
    "self-consumption": (),
    "backup": ("grid_charge_kw",),
    "tariff": ("tariff", "grid_charge_kw"),
    "export": ("window", "tariff", "grid_charge_kw"),
    "dispatch": ("signal", "orders", "tariff", "grid_charge_kw"),
}
USED_BY_CAR = {"arrival": (), "timer": ("window",), "managed": ("window",), "tariff": ("tariff",)}


def battery_violations(path: Place, battery: Battery | None, service_a: float | None) -> Iterator[Violation]:
    """What is wrong with a battery table; `service_a` is the group's service, if it names one."""
    if battery is None:
        return
    alone = battery.model_fields_set == {"entry"}  # written as a name alone
    at_entry = path if alone else (*path, "entry")
    wrong = list(library_violations(at_entry, "der", battery.entry, der_kind="battery"))
    yield from wrong
    yield from library_violations((*path, "tariff"), "tariffs", battery.tariff)
    yield from _unused(
        path, battery, USED[battery.mode], ("tariff", "window", "grid_charge_kw", "signal", "orders")
    )
    if battery.mode == "tariff" and battery.tariff is None:
        yield (*path, "tariff"), 'mode "tariff" needs one of models/tariffs', None
    if battery.mode == "export" and battery.window is None:
        yield (*path, "window"), 'mode "export" needs its hours, such as ["17:00", "20:00"]', None
    if battery.mode == "dispatch":
        if not battery.orders and battery.signal is None:
            yield (*path, "orders"), 'mode "dispatch" needs orders or a signal', None
        yield from _orders(path, battery)
    if wrong:
        return
    entry = library.load("der", battery.entry)
    assert entry.kind == "battery"
    if battery.grid_charge_kw is not None and battery.grid_charge_kw > entry.charge_kw.value:
        message = f"should be at most {entry.charge_kw.value:g} kW, with which {battery.entry!r} can charge"
        yield (*path, "grid_charge_kw"), message, battery.grid_charge_kw
    if service_a is not None and entry.breaker_a.value > service_a:
        message = (
            f"needs a breaker of {entry.breaker_a.value:g} A, more than the whole service of {service_a:g} A: "
            "name a smaller battery or a larger service_rating_a"
        )
        yield at_entry, message, battery.entry


def generator_violations(path: Place, generator: Generator | None) -> Iterator[Violation]:
    """What is wrong with a generator table."""
    if generator is None:
        return
    alone = generator.model_fields_set == {"entry"}  # written as a name alone
    at_entry = path if alone else (*path, "entry")
    wrong = list(library_violations(at_entry, "der", generator.entry, der_kind="generator"))
    yield from wrong
    if wrong:
        return
    entry = library.load("der", generator.entry)
    assert entry.kind == "generator"
    if entry.engine is None and not alone:
        yield at_entry, "has no [engine]: it is good for fault studies, and cannot run", generator.entry


def ev_violations(path: Place, car: Ev | None) -> Iterator[Violation]:
    """What is wrong with a group's cars, those that could never be full among it."""
    if car is None:
        return
    wrong = list(library_violations((*path, "vehicle"), "der", car.vehicle, der_kind="vehicle"))
    yield from wrong
    yield from library_violations((*path, "tariff"), "tariffs", car.tariff)
    yield from _unused(path, car, USED_BY_CAR[car.mode], ("window", "tariff"))
    if car.mode == "timer" and car.window is None:
        yield (*path, "window"), 'mode "timer" needs its hours, such as ["23:00", "07:00"]', None
    if car.mode == "tariff" and car.tariff is None:
        yield (*path, "tariff"), 'mode "tariff" needs one of models/tariffs', None
    if wrong:
        return
    vehicle, habits = library.load("der", car.vehicle), library.load("der", HABITS)
    assert vehicle.kind == "vehicle"
    assert habits.kind == "ev-habits"
    if car.to_home and vehicle.discharge_kw.value == 0.0:
        yield (*path, "to_home"), f"{car.vehicle!r} cannot feed a home", None
    if car.to_home and car.window is None and car.tariff is None:
        message = (
            'needs hours that are dearer than others: mode "tariff", or "managed" or "timer" with a window'
        )
        yield (*path, "to_home"), message, None
    hours = len(slots_of(*car.window)) / 4.0 if car.mode == "timer" and car.window is not None else 24.0
    needed = habits.miles_per_day.value * vehicle.wh_per_mile.value / 1e3 / vehicle.efficiency_charge.value
    if car.charger_kw * hours < needed:
        message = (
            f"{car.charger_kw:g} kW for {hours:g} h give {car.charger_kw * hours:.1f} kWh a day, a mean day takes "
            f"{needed:.1f} kWh: no car could ever be full; give more hours or a larger charger"
        )
        yield (*path, "window" if hours < 24.0 else "charger_kw"), message, None


def _unused(
    path: Place, table: Battery | Ev, used: tuple[str, ...], keys: tuple[str, ...]
) -> Iterator[Violation]:
    for key in keys:
        if key in table.model_fields_set and key not in used and getattr(table, key) not in (None, ()):
            yield (*path, key), f"has no meaning in mode {table.mode!r}; remove it", None


def _orders(path: Place, battery: Battery) -> Iterator[Violation]:
    orders = battery.orders
    if battery.signal is not None:
        try:
            orders = (*orders, *read_signal(Path(battery.signal)))
        except ScenarioError as error:
            for problem in error.problems:
                place = f"line {problem.line}, " if problem.line else ""
                told = f"{place}{problem.key}: {problem.message}" if problem.key else problem.message
                yield (*path, "signal"), told, problem.value or battery.signal
    for a, b in overlaps(orders):
        yield (*path, "orders"), f"lie over each other: {a.start} to {a.end}, and {b.start} to {b.end}", None
