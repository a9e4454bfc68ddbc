"""Cars and their chargers: when they come and go, what they need, and what they draw or give.

Load convention: positive power is consumed at the plug, negative is given to the home (vehicle-to-home). Habits are
those of EVI-Pro's simulated drivers, see ``models/der/ev-habits.toml`` and docs/der.md; a car's days are drawn by
(seed, id, local-standard day) and do not depend on where a block begins, on other cars or on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.demand.calendar import MINUTE_US, Calendar
from cosim.devices import ev_kernels as k
from cosim.devices.periods import Clock, Periods
from cosim.randomness import stable_id, uniforms

if TYPE_CHECKING:
    from cosim.entries import EvHabitsEntry, VehicleEntry

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

J_PER_KWH = 3.6e6
LEAST_A = 6.0
"""Smallest current of a level 2 charger's control pilot (SAE J1772) [A]."""
SETTLING_DAYS = 3
DAY_MIN = 1440.0


@dataclass(frozen=True)
class Plan:
    """When a car may charge.

    Parameters
    ----------
    periods
        Price ranks; None: the car charges on arrival, as fast as it can.
    spread
        Charge as slowly as fills the car by its departure, in place of as fast as it can.
    strict
        Never charge outside the cheapest rank, even if the car is not full by its departure.
    """

    periods: Periods | None = None
    spread: bool = False
    strict: bool = False


@dataclass(frozen=True)
class EvBlock:
    """A block of steps.

    Parameters
    ----------
    power_w
        (k, steps) mean power at the plug, positive consumed [W].
    charge_j
        (k, steps) stored energy at the end of each step [J].
    """

    power_w: Float
    charge_j: Float


@dataclass(frozen=True)
class Departures:
    """Cars that leave, in the order of the cars and of time.

    Parameters
    ----------
    car
        (n,) rows.
    time_us
        (n,) when [us of the scenario].
    missing_j
        (n,) what is missing to full [J].
    """

    car: Int
    time_us: Int
    missing_j: Float


@dataclass(frozen=True, eq=False)
class EvFleet:
    """Cars side by side; the object holds no state: stored energy goes in and comes out.

    Parameters
    ----------
    calendar
        Clock of the scenario; steps may be of any length.
    seed
        Seed of the scenario.
    id
        (k,) stable ids of the homes.
    cars
        (k, columns) numbers by the columns of `cosim.devices.ev_kernels`, see `fleet_of`.
    habits
        (2, 2, 25) cumulative chances over the hours from 4:00: leaves or returns, weekday or weekend.
    plan
        (k,) when each may charge.
    day_factor
        Energy a mile over that of a mild day, for local-standard days; 1 if not given.
    """

    calendar: Calendar
    seed: int
    id: NDArray[np.uint64]
    cars: Float
    habits: Float
    plan: Sequence[Plan]
    day_factor: Callable[[Int], Float] | None = None

    def __post_init__(self) -> None:
        count = len(self.id)
        wrong = []
        if self.cars.shape != (count, k.CAR) or not np.isfinite(self.cars).all():
            wrong.append(f"cars must hold ({count}, {k.CAR}) finite numbers")
        elif count:
            low, full, top = (self.cars[:, column] for column in (k.EMPTY_J, k.FULL_J, k.CAPACITY_J))
            taper, reserve = self.cars[:, k.TAPER_J], self.cars[:, k.RESERVE_J]
            if not (
                (low >= 0.0) & (low <= reserve) & (reserve <= full) & (full <= top) & (taper < top)
            ).all():
                wrong.append(
                    "energies must rise: empty, reserve, full, capacity; the taper begins below capacity"
                )
            if not ((self.cars[:, k.TAPER_FLOOR] > 0.0) & (self.cars[:, k.TAPER_FLOOR] < 1.0)).all():
                wrong.append("taper_floor must lie between 0 and 1")
            if not (self.cars[:, k.CHARGE_W] >= self.cars[:, k.LEAST_W]).all():
                wrong.append("chargers must give at least the smallest current of their control pilot")
        if self.habits.shape != (2, 2, 25) or not (np.diff(self.habits) >= 0.0).all():
            wrong.append("habits must hold (2, 2, 25) cumulative chances")
        if len(self.plan) != count:
            wrong.append(f"plan must name {count} plans")
        if wrong:
            raise ValueError("; ".join(wrong))

    def __len__(self) -> int:
        return len(self.id)

    @property
    def capacity_j(self) -> Float:
        """(k,) what the batteries hold [J]."""
        capacity: Float = self.cars[:, k.CAPACITY_J]
        return capacity

    @cached_property
    def _clock(self) -> Clock:
        distinct = list({id(p.periods): p.periods for p in self.plan if p.periods is not None}.values())
        return Clock(self.calendar, distinct or [Periods.always()])

    @cached_property
    def _plan_row(self) -> Int:
        place = {id(periods): row for row, periods in enumerate(self._clock.periods)}
        rows = [-1 if p.periods is None else place[id(p.periods)] for p in self.plan]
        return np.array(rows, dtype=np.int64)

    @cached_property
    def _rows(self) -> Float:
        """Cars with what their plans say of spreading and of the dearer hours."""
        rows = np.ascontiguousarray(self.cars, dtype=np.float64).copy()
        rows[:, k.SPREAD] = [p.spread for p in self.plan]
        rows[:, k.STRICT] = [p.strict for p in self.plan]
        k.fill_taper(rows)
        return rows

    @cached_property
    def _states(self) -> NDArray[np.uint64]:
        states = np.empty(len(self), dtype=np.uint64)
        k.fill_states(np.uint64(self.seed), np.uint64(stable_id("device.ev")), self.id, states)
        return states

    def initial(self) -> Float:
        """Stored energy at the start (k,) [J]: as some days of the same habits, full before, leave it."""
        steps = SETTLING_DAYS * 96
        start_us = (np.arange(steps, dtype=np.int64) - steps) * (15 * MINUTE_US)
        net_w = np.zeros((len(self), steps))
        full_j = np.ascontiguousarray(self.cars[:, k.FULL_J])
        block = self.advance(full_j, start_us, np.full(steps, 900.0), net_w, parallel=False)
        return np.ascontiguousarray(block.charge_j[:, -1])

    def advance(
        self,
        charge_j: Float,
        start_us: Int,
        seconds: Float,
        net_w: Float,
        limit_w: Float | None = None,
        powered: Bool | None = None,
        backup: Bool | None = None,
        *,
        parallel: bool = True,
    ) -> EvBlock:
        """Move the fleet over a block of consecutive steps.

        Parameters
        ----------
        charge_j
            (k,) stored energy at the start [J].
        start_us
            (steps,) starts of the steps [us of the scenario].
        seconds
            (steps,) their lengths [s].
        net_w
            (k, steps) net power of the rest of each home, load convention [W].
        limit_w
            (k, steps) most that a car may draw; no limit if not given. Below the pilot's smallest current a car draws
            nothing.
        powered
            (k,) whether the charger has voltage; all if not given.
        backup
            (k,) whether the car alone holds its home up; none if not given.
        parallel
            Whether to use threads.
        """
        count, steps = len(self), len(seconds)
        limit = np.full((count, 1), np.inf) if limit_w is None else np.ascontiguousarray(limit_w)
        shaped = limit_w is None or limit.shape == (count, steps)
        if charge_j.shape != (count,) or net_w.shape != (count, steps) or not shaped:
            raise ValueError(
                f"{count} cars over {steps} steps need charge_j ({count},), net_w and limit_w ({count}, {steps}), "
                f"got {charge_j.shape}, {net_w.shape}, {limit.shape}"
            )
        power_w, out_j = np.empty((count, steps)), np.empty((count, steps))
        if not count:
            return EvBlock(power_w, out_j)
        edges = self._edges_minute(start_us, seconds)
        days, shifts, weekend, factor = self._days(edges)
        lines = self._clock.over(int(days[0]), len(days) + 2)
        run: Callable[..., None] = k.advance_parallel if parallel else k.advance_serial
        run(
            self._rows, self._plan_row, self._states, self.habits, days, shifts, weekend, factor, lines.rank,
            lines.until, lines.first_slot, edges, np.ascontiguousarray(net_w), limit,
            np.ones(count, dtype=np.bool_) if powered is None else powered,
            np.zeros(count, dtype=np.bool_) if backup is None else backup,
            charge_j, np.empty((count, 3, len(days))), power_w, out_j,
        )  # fmt: skip
        return EvBlock(power_w, out_j)

    def plugged(self, start_us: Int, seconds: Float) -> Bool:
        """Whether each car is at home at the start of each step, (k, steps)."""
        edges = self._edges_minute(start_us, seconds)
        times = self._times(edges)
        home = np.zeros((len(self), len(seconds)), dtype=np.bool_)
        for d in range(times.shape[2] - 1):
            home |= (edges[:-1] >= times[:, 1, d, None]) & (edges[:-1] < times[:, 0, d + 1, None])
        return home

    def departures(self, start_us: Int, seconds: Float, charge_j: Float) -> Departures:
        """Cars that leave within a block, and what is missing to full.

        charge_j is that of the block, (k, steps). A car does not charge between its departure and the end of that
        step; the trip of one that is back within the same step is added again.
        """
        edges = self._edges_minute(start_us, seconds)
        times = self._times(edges)
        leaves = times[:, k.LEAVES]
        car, day = np.nonzero((leaves >= edges[0]) & (leaves < edges[-1]))
        day_ok = day > 0  # the first day is there for the days after it
        car, day = car[day_ok], day[day_ok]
        step = np.searchsorted(edges, leaves[car, day], side="right") - 1
        trip = np.where(times[car, k.RETURNS, day] < edges[step + 1], times[car, k.TRIP_J, day], 0.0)
        missing = np.maximum(self.cars[car, k.FULL_J] - charge_j[car, step] - trip, 0.0)
        origin = self._local_us(0)
        time_us = np.rint(leaves[car, day] * MINUTE_US).astype(np.int64) - origin
        return Departures(car.astype(np.int64), time_us, missing)

    def _local_us(self, scenario_us: int) -> int:
        return self.calendar.start_utc_us + self.calendar.standard_offset_us + scenario_us

    def _edges_minute(self, start_us: Int, seconds: Float) -> Float:
        """Borders of the steps, minutes of local-standard time since 1970."""
        end_us = int(start_us[-1]) + round(float(seconds[-1]) * 1e6)
        edges: Float = (np.append(start_us, end_us) + self._local_us(0)) / MINUTE_US
        return edges

    def _days(self, edges: Float) -> tuple[Int, Float, Int, Float]:
        """Days that may reach into a block, their daylight saving [min], whether weekend, and energy a mile."""
        days = np.arange(int(edges[0] // DAY_MIN) - 3, int(edges[-1] // DAY_MIN) + 2)
        factor = np.ones(len(days)) if self.day_factor is None else self.day_factor(days)
        return (
            days,
            self.calendar.day_shift_minutes(days),
            ((days + 3) % 7 >= 5).astype(np.int64),
            np.ascontiguousarray(factor),
        )

    def _times(self, edges: Float) -> Float:
        days, shifts, weekend, factor = self._days(edges)
        times = np.empty((len(self), 3, len(days)))
        k.fill_times(self._rows, self._states, self.habits, days, shifts, weekend, factor, times)
        return times


def fleet_of(
    calendar: Calendar,
    seed: int,
    ids: NDArray[np.uint64],
    charger_w: Float,
    vehicles: Sequence[VehicleEntry],
    habits: EvHabitsEntry,
    plan: Sequence[Plan],
    *,
    gives: Bool | None = None,
    volts: float = 240.0,
    day_factor: Callable[[Int], Float] | None = None,
) -> EvFleet:
    """Fleet of library entries.

    Parameters
    ----------
    charger_w
        (k,) what each charger gives at most [W].
    vehicles
        (k,) the cars.
    habits
        When they come and go, and how far they go; a home's mean is drawn within `miles_spread`.
    plan
        (k,) when each may charge.
    gives
        (k,) whether the car may feed the home; none if not given.
    volts
        Voltage at the plug, for the smallest current.
    day_factor
        As in `EvFleet`.
    """
    count = len(ids)
    cars = np.zeros((count, k.CAR))
    for row, car in enumerate(vehicles):
        capacity = car.capacity_kwh.value * J_PER_KWH
        cars[row, k.CHARGE_W] = charger_w[row]
        cars[row, k.LEAST_W] = min(LEAST_A * volts, charger_w[row])
        if gives is not None and gives[row]:
            cars[row, k.DISCHARGE_W] = min(car.discharge_kw.value * 1e3, charger_w[row])
        cars[row, k.CHARGE_EFFICIENCY] = car.efficiency_charge.value
        cars[row, k.DISCHARGE_EFFICIENCY] = car.efficiency_discharge.value
        cars[row, k.FULL_J] = cars[row, k.CAPACITY_J] = capacity
        cars[row, k.TAPER_J] = capacity * car.taper_soc.value
        cars[row, k.TAPER_FLOOR] = car.taper_floor.value
        cars[row, k.RESERVE_J] = capacity * car.reserve_soc.value
        cars[row, k.EMPTY_J] = capacity * car.least_soc.value
        cars[row, k.TRIP_J_PER_MILE] = car.wh_per_mile.value * 3600.0
        cars[row, k.MOST_MILES] = (1.0 - car.least_soc.value) * capacity / cars[row, k.TRIP_J_PER_MILE]
    spread = habits.miles_spread.value
    u = uniforms(seed, "device.ev.miles", ids)
    cars[:, k.MILES] = habits.miles_per_day.value * (1.0 - spread + 2.0 * spread * u)
    curves = np.array(
        [
            [cumulative(habits.leaves_weekday), cumulative(habits.leaves_weekend)],
            [cumulative(habits.returns_weekday), cumulative(habits.returns_weekend)],
        ]
    )
    return EvFleet(calendar, seed, np.asarray(ids, dtype=np.uint64), cars, curves, plan, day_factor)


def cumulative(weights: Sequence[float]) -> Float:
    """Cumulative chance at the 25 borders of 24 hours."""
    total = np.concatenate([[0.0], np.cumsum(np.array(weights, dtype=np.float64))])
    curve: Float = total / total[-1]
    return curve
