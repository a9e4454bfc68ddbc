"""What a home's source serves through an outage: a tank that empties, a battery that the sun may fill again.

Pieces of constant demand, in closed form. A battery is full when the outage begins; it serves what solar leaves of the
load and takes what solar has over, up to its charging power and full. Empty, it waits until the sun has charged the
share of `RESTART_SOC`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from cosim import library
from cosim.devices import generator_kernels as engines
from cosim.devices.generator import GeneratorFleet
from cosim.devices.island import RESTART_SOC
from cosim.entries import BatteryEntry, GeneratorEntry
from cosim.errors import LibraryError, Problem
from cosim.studies.contributions import SERVICE_V


class Piece(NamedTuple):
    """A stretch of an outage in which the source stands ready: demand and solar power are constant."""

    start_us: int
    end_us: int
    load_w: float
    sun_w: float


class Served(NamedTuple):
    """A stretch during which the source serves so much."""

    start_us: int
    end_us: int
    watts: float


@cache
def entry_of(source: str) -> BatteryEntry | GeneratorEntry:
    """Entry of a source; raises `LibraryError` if it is neither battery nor generator."""
    entry = library.load("der", source)
    if not isinstance(entry, BatteryEntry | GeneratorEntry):
        raise LibraryError(Problem("is no battery or generator", key="source", value=source))
    return entry


@cache
def engine_of(source: str) -> GeneratorFleet:
    """The engine of a generator."""
    entry = entry_of(source)
    assert isinstance(entry, GeneratorEntry)
    return GeneratorFleet.from_entries([entry])


def rated_w(source: str) -> float:
    """What a source serves at most; demand beyond is shed."""
    entry = entry_of(source)
    if isinstance(entry, BatteryEntry):
        return min(entry.discharge_kw.value * 1e3, entry.continuous_a.value * SERVICE_V)
    return float(engine_of(source).units[0, engines.RATED_W])


def served(source: str, pieces: Sequence[Piece]) -> tuple[list[Served], bool]:
    """What a source serves through pieces in order of time, and whether it ever ran dry."""
    if not pieces:
        return [], False
    entry = entry_of(source)
    return _battery(entry, pieces) if isinstance(entry, BatteryEntry) else _tank(source, pieces)


def _tank(source: str, pieces: Sequence[Piece]) -> tuple[list[Served], bool]:
    fleet = engine_of(source)
    state = fleet.initial()
    state[:, engines.DOES] = engines.RUNNING
    watts = np.array([[p.load_w for p in pieces]])
    seconds = np.array([(p.end_us - p.start_us) / 1e6 for p in pieces])
    done = fleet.advance(state, watts, seconds, np.array([True]), parallel=False)
    left_us = int(done.first_us[0]) if done.first_us[0] >= 0 else math.inf
    found, used = [], 0
    for p in pieces:
        length = min(p.end_us - p.start_us, left_us - used)
        if length > 0:
            found.append(Served(p.start_us, p.start_us + int(length), p.load_w))
        used += p.end_us - p.start_us
    return found, used > left_us


def _battery(entry: BatteryEntry, pieces: Sequence[Piece]) -> tuple[list[Served], bool]:
    full_j = entry.capacity_kwh.value * 3.6e6 * (entry.soc_max.value - entry.soc_min.value)
    standby_w = 0.0 if entry.standby_w is None else entry.standby_w.value
    most_w, give, take = (
        entry.charge_kw.value * 1e3, entry.efficiency_discharge.value, entry.efficiency_charge.value
    )  # fmt: skip
    stored_j, up, dry, found = full_j, True, False, list[Served]()
    for p in pieces:
        now = float(p.start_us)
        while now < p.end_us:
            over_w = p.sun_w - p.load_w if up else p.sun_w
            rate = -standby_w + (min(over_w, most_w) * take if over_w > 0.0 else over_w / give)
            # What may change within the piece: serving, it runs dry; empty, it reaches its restart.
            goal_j = 0.0 if up else RESTART_SOC * full_j
            towards = rate < 0.0 if up else rate > 0.0
            reach_us = abs(goal_j - stored_j) / abs(rate) * 1e6 if towards else math.inf
            end = min(now + reach_us, float(p.end_us))
            if up and round(end) > round(now):
                found.append(Served(round(now), round(end), p.load_w))
            if now + reach_us <= p.end_us:
                stored_j, up = goal_j, not up
                dry |= not up
            else:
                stored_j = min(max(stored_j + rate * (end - now) / 1e6, 0.0), full_j)
            now = end
    return found, dry
