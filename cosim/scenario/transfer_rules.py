"""What must be true of a group's transfer device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cosim import library
from cosim.errors import LibraryError
from cosim.scenario.entry_rules import Violation, library_violations, nearest
from cosim.scenario.quantities import format_duration

if TYPE_CHECKING:
    from cosim.scenario.home_schema import Failures, HomeGroup
    from cosim.transfer_entry import TransferEntry

Place = tuple[str | int, ...]


def transfer_violations(path: Place, group: HomeGroup) -> Iterator[Violation]:
    """What is wrong with the transfer device of a group at `path`."""
    wrong = list(library_violations((*path, "transfer"), "transfer", group.transfer))
    yield from wrong
    if wrong:
        return
    machine = machine_of(group.adapter, group.transfer)
    if machine is None:
        return  # its adapter is told already
    if group.grid_code is not None:
        for message in code_problems(machine, group.grid_code):
            yield (*path, "grid_code"), message, group.grid_code
    if group.return_stagger is not None and not (machine and library.load("transfer", machine).grid_codes):
        message = "staggers nothing: needs a transfer device that keeps a grid code's delay"
        yield (*path, "return_stagger"), message, format_duration(group.return_stagger)
    if group.failures is not None:
        for failure, message, rate in failure_problems(machine, group.failures):
            yield (*path, "failures", failure), message, rate
    if group.transfer is None or not machine:
        return
    supply = library.load("transfer", machine).supply
    if supply == "generator" and group.generator is None:
        yield (*path, "transfer"), "has no source to go to: give the group a generator", group.transfer
    if supply == "battery" and group.battery is None:
        yield (*path, "transfer"), "has no source to go to: give the group a battery", group.transfer


def machine_of(adapter: str | None, transfer: str | None) -> str | None:
    """Machine of a home; empty if it has none, None if its adapter cannot be read."""
    if transfer is not None:
        return transfer
    if adapter is None:
        return ""
    try:
        return library.load("adapters", adapter).machine
    except LibraryError:
        return None


def failure_problems(machine: str, failures: Failures) -> Iterator[tuple[str, str, float]]:
    """Failures asked for that a machine, empty for none, cannot have: which, why, and its rate."""
    for failure, rate in failures:
        if not rate:
            continue
        if not machine:
            yield failure, "nothing to fail: name a transfer device, or an adapter that is one", rate
        elif why := _cannot_have(library.load("transfer", machine), failure):
            yield failure, f"{machine!r} {why}; remove it", rate


def _cannot_have(entry: TransferEntry, failure: str) -> str:
    """Why a machine cannot fail in a way; empty if it can."""
    states = entry.states.values()
    senses = any(
        way.by == "device" and entry.conditions[name.removeprefix("not ")].quantity == "service_pu"
        for state in states
        for way in state.leave
        for name in way.when
    )
    able, why = {
        "service_welds": (
            any(state.service == "open" for state in states),
            "opens no contactor towards the grid",
        ),
        "source_welds": (
            any(state.source == "closed" for state in states),
            "has no contactor towards a source",
        ),
        "sensor_wrong": (senses, "has no sensor of the grid's voltage"),
        "interlock_defeated": (entry.interlock.kind != "none", "has no interlock"),
    }[failure]
    return "" if able else why


def code_problems(machine: str, code: str) -> Iterator[str]:
    """What is wrong with the grid code of a machine; the machine can be read, or is empty for none."""
    if not machine:
        yield "has no meaning without a transfer device: name one, or an adapter that is one"
        return
    codes = library.load("transfer", machine).grid_codes
    if not codes:
        yield f"{machine!r} keeps no grid code's delay; remove it"
    elif code not in codes:
        yield f"{machine!r} knows no such grid code{nearest(code, codes)}"
