"""Who lives in each home: traits drawn from household archetypes, one row a home."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand import kernels as k
from cosim.household_entry import ApplianceEntry, HouseholdEntry
from cosim.randomness import uniforms

Float = NDArray[np.float64]

# Chance that the car arrives home, by the hour from 12:00, weekdays and weekends alike: engineering
# judgement, with an evening peak at 17 to 19 h.
CAR_ARRIVAL_WEIGHTS = (3, 3, 4, 5, 9, 14, 16, 12, 9, 7, 6, 4, 3, 1.5, 0.5, 0, 0, 0, 0, 0, 0.5, 1, 1, 1.5)


@dataclass(frozen=True)
class HomeTraits:
    """Everything that tells one home's demand from another's; homes are rows.

    Parameters
    ----------
    id
        (h,) stable ids: what a home's draws are addressed by.
    table
        (h, TRAITS) numbers by the columns of `cosim.demand.kernels`.
    uses
        (h, a) mean uses a day of each appliance.
    appliances, cdfs
        (a, columns) and (a, 25): appliances, and cumulative chances of a start over hours from 4:00.
    pv_w, pv_tilt_deg, pv_azimuth_deg
        (h,) DC rating (0: none) and orientation, azimuth from north, east positive.
    household
        Archetype of each home.
    """

    id: NDArray[np.uint64]
    table: Float
    uses: Float
    appliances: Float
    cdfs: Float
    pv_w: Float
    pv_tilt_deg: Float
    pv_azimuth_deg: Float
    household: tuple[str, ...]

    def take(self, homes: NDArray[np.int64]) -> HomeTraits:
        """Traits of some homes, in the given order."""
        return HomeTraits(
            self.id[homes],
            self.table[homes],
            self.uses[homes],
            self.appliances,
            self.cdfs,
            self.pv_w[homes],
            self.pv_tilt_deg[homes],
            self.pv_azimuth_deg[homes],
            tuple(self.household[h] for h in homes),
        )


def draw_traits(
    ids: NDArray[np.uint64],
    seed: int,
    *,
    household: Sequence[str] | None = None,
    pv_kw: Float | None = None,
    ev_kw: Float | None = None,
    pv_tilt_deg: Float | None = None,
    pv_azimuth_deg: Float | None = None,
) -> HomeTraits:
    """Draw what a scenario leaves open about its homes.

    Parameters
    ----------
    ids
        (h,) stable ids.
    seed
        Seed of the scenario.
    household
        Entry of ``models/households`` for each home; empty text or None: drawn by ``stock_share``.
    pv_kw, ev_kw
        (h,) DC rating of the array and power of the car's charger [kW]; 0: none.
    pv_tilt_deg, pv_azimuth_deg
        (h,) orientation; NaN or None: roofs between 15 and 35 degrees facing east over south to west.

    Raises
    ------
    LibraryError
        If an archetype is unknown or malformed.
    """
    count = len(ids)
    named = list(household) if household is not None else [""] * count
    stock = library.names("households")
    shares = np.cumsum([_household(name).stock_share.value for name in stock])
    pick = np.searchsorted(shares / shares[-1], uniforms(seed, "demand.household", ids), side="right")
    chosen = tuple(name or stock[i] for name, i in zip(named, pick, strict=True))
    appliances = library.names("appliances")
    table = np.zeros((count, k.TRAITS))
    uses = np.zeros((count, len(appliances)))
    for name in sorted(set(chosen)):
        rows = np.array([i for i, own in enumerate(chosen) if own == name])
        table[rows], uses[rows] = _homes_of(_household(name), appliances, ids[rows], seed)
    zero = np.zeros(count)
    table[:, k.EV_W] = 1000.0 * (zero if ev_kw is None else ev_kw)
    nan = np.full(count, np.nan)
    tilt, azimuth = (
        nan if pv_tilt_deg is None else pv_tilt_deg,
        nan if pv_azimuth_deg is None else pv_azimuth_deg,
    )
    return HomeTraits(
        id=np.ascontiguousarray(ids, dtype=np.uint64),
        table=table,
        uses=uses,
        appliances=np.array([_appliance_row(name) for name in appliances]),
        cdfs=np.array([cumulative(_appliance(name).hour_weights, first_hour=4) for name in appliances]),
        pv_w=1000.0 * (zero if pv_kw is None else pv_kw),
        pv_tilt_deg=np.where(np.isnan(tilt), 15.0 + 20.0 * uniforms(seed, "demand.tilt", ids), tilt),
        pv_azimuth_deg=np.where(
            np.isnan(azimuth), 90.0 + 180.0 * uniforms(seed, "demand.azimuth", ids), azimuth
        ),
        household=chosen,
    )


def cumulative(weights: Sequence[float], first_hour: int = 0) -> Float:
    """Cumulative chance at the 25 borders of the hours, from `first_hour` on."""
    turned = np.roll(np.array(weights, dtype=np.float64), -first_hour)
    total = np.concatenate([[0.0], np.cumsum(turned)])
    curve: Float = total / total[-1]
    return curve


def _homes_of(
    entry: HouseholdEntry, appliances: list[str], ids: NDArray[np.uint64], seed: int
) -> tuple[Float, Float]:
    """Traits and uses of homes of one archetype: medians from the entry, spread by independent draws."""

    def spread(purpose: str, low: float, high: float) -> Float:
        return low + (high - low) * uniforms(seed, f"demand.{purpose}", ids)

    e = entry
    area = e.floor_area_m2.value * (
        1.0 + spread("area", -e.floor_area_spread.value, e.floor_area_spread.value)
    )
    people = spread("people", 0.5, 1.5)  # of the archetype's mean: scales habits
    loss = spread("envelope", 0.7, 1.3)
    table = np.zeros((len(ids), k.TRAITS))
    columns: dict[int, Float | float] = {
        k.STANDBY_W: e.standby_w.value * spread("standby", 0.5, 1.5),
        k.PLUGS_W: e.plugs_w.value * people * spread("plugs", 0.6, 1.4),
        k.LIGHTS_W: e.lights_w.value
        * (0.3 + 0.7 * area / e.floor_area_m2.value)
        * spread("lights", 0.5, 1.5),
        k.AT_HOME: np.where(uniforms(seed, "demand.at-home", ids) < e.at_home.value, 1.0, 0.0),
        k.FRIDGE_W: e.refrigerator_w.value * spread("fridge", 0.8, 1.3),
        k.FRIDGE_DUTY: e.refrigerator_duty.value * spread("fridge-duty", 0.8, 1.2),
        k.FRIDGE_PERIOD_MIN: e.refrigerator_period_min.value * spread("fridge-period", 0.7, 1.4),
        k.FRIDGE_PHASE: spread("fridge-phase", 0.0, 1.0),
        k.UA_W_PER_K: e.ua_w_per_m2_k.value * area * loss,
        k.HEAT_BALANCE_C: e.heating_balance_c.value + spread("heat-set", -1.5, 1.5),
        k.COOL_BALANCE_C: e.cooling_balance_c.value + spread("cool-set", -1.5, 1.5),
        k.APERTURE_M2: e.aperture_m2_per_m2.value * area * spread("windows", 0.6, 1.4),
        k.PUMP_HEAT_W: e.heat_pump_w_per_m2.value * area * loss,
        k.PUMP_COP: e.heat_pump_cop.value * spread("pump-cop", 0.85, 1.15),
        k.STRIP_W: e.strip_w_per_m2.value * area,
        k.GAS_HEAT_W: e.gas_heat_w_per_m2.value * area,
        k.FAN_W: e.fan_w.value * np.sqrt(area / e.floor_area_m2.value),
        k.COOL_W: e.cooling_w_per_m2.value * area * loss,
        k.COOL_COP: e.cooling_cop.value * spread("cool-cop", 0.85, 1.15),
        k.HVAC_PERIOD_MIN: e.hvac_period_min.value * spread("hvac-period", 0.7, 1.4),
        k.HVAC_PHASE: spread("hvac-phase", 0.0, 1.0),
        k.LEG_1_SHARE: spread("leg", 0.3, 0.7),
        k.FRIDGE_LEG: np.floor(spread("fridge-leg", 0.0, 2.0)),
        k.EV_MILES: e.car_miles_per_day.value * spread("miles", 0.4, 1.6),
    }
    for column, values in columns.items():
        table[:, column] = values
    per_day = {use.appliance: use.per_day.value for use in e.uses}
    for name in per_day:
        library.entry_path("appliances", name)  # names the nearest if there is no such appliance
    uses = np.stack(
        [per_day.get(name, 0.0) * people * spread(f"uses.{name}", 0.7, 1.3) for name in appliances]
    )
    return table, np.ascontiguousarray(uses.T)


def _appliance_row(name: str) -> list[float]:
    a = _appliance(name)
    row = [0.0] * k.APPLIANCE_COLUMNS
    row[k.POWER_W], row[k.MINUTES], row[k.SPREAD] = a.power_w.value, a.minutes.value, a.spread.value
    row[k.DUTY], row[k.CYCLE_MIN], row[k.WEEKEND] = a.duty.value, a.cycle_min.value, a.weekend_factor.value
    row[k.TAN_PHI] = math.tan(math.acos(a.power_factor.value))
    row[k.LINE_TO_LINE] = float(a.volts == 240)
    return row


@cache
def _household(name: str) -> HouseholdEntry:
    return cast("HouseholdEntry", library.load("households", name))


@cache
def _appliance(name: str) -> ApplianceEntry:
    return cast("ApplianceEntry", library.load("appliances", name))
