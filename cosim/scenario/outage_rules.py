"""What must be true of protection, faults, storms and crews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cosim import library
from cosim.scenario.entry_rules import Violation, library_violations
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.scenario.outage_schema import DeviceSpec
    from cosim.scenario.schema import Scenario

Place = tuple[str | int, ...]


def outage_violations(scenario: Scenario) -> Iterator[Violation]:
    """What is wrong with a scenario's protection, faults, storms and crews."""
    protection = scenario.protection
    for index, device in enumerate(protection.devices):
        yield from _device(device, ("protection", "devices", index))
    placed: dict[str, int] = {}
    for index, device in enumerate(protection.devices):
        first = placed.setdefault(device.at, index)
        if first != index:
            yield ("protection", "devices", index, "at"), f"has a device already, number {first}", device.at
    if protection.scheme == "feeder" and scenario.feeder.kind in ("generated", "pandapower"):
        message = 'has no devices of its own: take "fuse-saving" or "fuse-blowing"'
        yield ("protection", "scheme"), f"a {scenario.feeder.kind} feeder {message}", protection.scheme
    yield from library_violations(("faults", "rates"), "reliability", scenario.faults.rates)
    yield from library_violations(("crews", "entry"), "reliability", scenario.crews.entry)
    for key in sorted(scenario.faults.model_fields_set - {"rates"}):
        if scenario.faults.rates is None and not (key == "factor" and scenario.storms):
            yield ("faults", key), "has no meaning without rates", getattr(scenario.faults, key)
    yield from _unprotected(scenario)


def _device(device: DeviceSpec, path: Place) -> Iterator[Violation]:
    asked = section_of(device.at)
    if asked.kind not in ("line", "transformer") or not asked.name or asked.conductors:
        yield (*path, "at"), 'should be "line:NAME" or "transformer:NAME"', device.at
    wrong = list(library_violations((*path, "entry"), "protection", device.entry))
    yield from wrong
    if not wrong and (kind := library.load("protection", device.entry).kind) != device.kind:
        yield (*path, "entry"), f"is a {kind}, not a {device.kind}", device.entry
    if device.kind == "sectionalizer" and device.rating_a is not None:
        yield (*path, "rating_a"), "a sectionalizer goes by the device before it; remove it", device.rating_a
    if device.kind in ("fuse", "sectionalizer") and device.ground_a is not None:
        yield (*path, "ground_a"), f"a {device.kind} does not look at the ground; remove it", device.ground_a


def _unprotected(scenario: Scenario) -> Iterator[Violation]:
    """Faults that nothing clears."""
    protection = scenario.protection
    if protection.scheme != "none" or protection.devices:
        if scenario.solver == "pandapower":
            message = 'cannot be simulated with solver = "pandapower"; use solver = "cosim"'
            yield ("protection", "scheme"), message, protection.scheme
        return
    remedy = 'nothing would clear it: give [protection] scheme = "fuse-saving" or "fuse-blowing"'
    for index, event in enumerate(scenario.events):
        if event.kind == "fault":
            yield ("events", index, "kind"), remedy, event.kind
    if scenario.faults.rates is not None:
        yield ("faults", "rates"), remedy.replace("it:", "faults:"), scenario.faults.rates
    if scenario.storms:
        yield ("storms",), remedy.replace("it:", "faults:"), None
