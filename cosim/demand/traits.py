"""Who lives in each home: traits drawn from household archetypes, one row a home."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand import tank_kernels as t
from cosim.demand import uses_kernels as k
from cosim.household_entry import ApplianceEntry, HouseholdEntry
from cosim.randomness import uniforms

Float = NDArray[np.float64]
Ids = NDArray[np.uint64]

FACINGS = 8  # ways a home may face, an eighth of a turn apart
LEG_1, LEG_2, BOTH_LEGS = 0, 1, 2
# A heat-pump water heater, NREL OCHRE: 500 W and COP 1.1745 times a uniform energy factor of 3.45 (DOE's
# least for an ENERGY STAR mark is 3.30); its dead band, and that of elements.
PUMP_W, PUMP_COP, PUMP_BAND_K = 500.0, 1.174536 * 3.45, 8.17
ELEMENT_W, ELEMENT_BAND_K = 4500.0, 5.56
TANK_LOSS_W_PER_K = 1.4  # 50 gallons at an energy factor of 0.92 to 0.95; engineering judgement, 1 to 3
UPPER_SHARE = 1.0 / 3.0  # of the volume, above the lower edge of the upper element
FILLED = 0.95  # of the nominal volume


@dataclass(frozen=True)
class Electrification:
    """Shares of homes whose gas gives way to electricity; a larger share holds the homes of a smaller one.

    Parameters
    ----------
    heating
        Of homes heated by gas: a heat pump with strips, which cools as well.
    water_heating, heat_pump_water
        Of homes with a gas water heater: an electric one; of these, with a heat pump.
    cooking, drying
        Of homes that cook, or dry, with gas (or not at all): an electric range, or dryer.
    """

    heating: float = 0.0
    water_heating: float = 0.0
    heat_pump_water: float = 1.0
    cooking: float = 0.0
    drying: float = 0.0


@dataclass(frozen=True)
class HomeTraits:
    """Everything that tells one home's demand from another's; homes are rows.

    Parameters
    ----------
    id
        (h,) stable ids: what a home's draws are addressed by.
    household
        (h,) names of archetypes.
    heating
        (h,) ``"heat-pump"``, ``"resistance"``, ``"gas"`` or ``"none"``.
    envelope
        (h,) entries of ``models/envelopes``.
    floor_area_m2, cooled, cooling_cop, heat_pump_cop
        (h,) building and machines.
    facing
        (h,) eighths of a turn from north, eastward, that the front looks to.
    habits, tank
        (h, columns) of `uses_kernels` and `tank_kernels`.
    per_day, legs
        (h, k) expected uses on a weekday of each kind, and the conductor that serves it: a leg, or both.
    appliances, kinds, cdfs, weekend
        (k,) names, (k, columns), (k, 25), (k,): kinds of use, cumulative chances of a start over hours from
        4:00, uses on a weekend day over those on a weekday.
    pv_w, pv_tilt_deg, pv_azimuth_deg
        (h,) DC rating (0: none) and orientation, azimuth from north, east positive.
    """

    id: Ids
    household: NDArray[np.object_]
    heating: NDArray[np.object_]
    envelope: NDArray[np.object_]
    floor_area_m2: Float
    cooled: NDArray[np.bool_]
    cooling_cop: Float
    heat_pump_cop: Float
    facing: NDArray[np.int64]
    habits: Float
    tank: Float
    per_day: Float
    legs: NDArray[np.int64]
    appliances: tuple[str, ...]
    kinds: Float
    cdfs: Float
    weekend: Float
    pv_w: Float
    pv_tilt_deg: Float
    pv_azimuth_deg: Float

    def take(self, homes: NDArray[np.int64]) -> HomeTraits:
        """Traits of some homes, in the given order."""
        shared = ("appliances", "kinds", "cdfs", "weekend")
        own = [field.name for field in fields(self) if field.name not in shared]
        return replace(self, **{name: getattr(self, name)[homes] for name in own})


def draw_traits(
    ids: Ids,
    seed: int,
    *,
    household: Sequence[str] | None = None,
    electrification: Electrification | None = None,
    pv_kw: Float | None = None,
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
    electrification
        What gives way to electricity; nothing if not given.
    pv_kw
        (h,) DC rating of the array [kW]; 0: none.
    pv_tilt_deg, pv_azimuth_deg
        (h,) orientation; NaN or None: roofs between 15 and 35 degrees facing east over south to west.

    Raises
    ------
    LibraryError
        If an archetype is unknown or malformed, or names an unknown appliance.
    """
    count = len(ids)
    named = list(household) if household is not None else [""] * count
    stock = library.names("households")
    shares = np.cumsum([_household(name).stock_share.value for name in stock])
    pick = np.searchsorted(shares / shares[-1], uniforms(seed, "demand.household", ids), side="right")
    chosen = np.empty(count, dtype=object)
    chosen[:] = [name or stock[i] for name, i in zip(named, pick, strict=True)]
    appliances = library.names("appliances")
    entries = [_appliance(name) for name in appliances]
    zero, nan = np.zeros(count), np.full(count, np.nan)
    tilt = nan if pv_tilt_deg is None else pv_tilt_deg
    azimuth = nan if pv_azimuth_deg is None else pv_azimuth_deg
    weekend = np.array([entry.weekend_factor.value for entry in entries])
    drawn = _empty(count, len(appliances))
    for name in sorted(set(chosen)):
        rows = np.flatnonzero(chosen == name)
        own = _homes_of(_household(name), appliances, ids[rows], seed, electrification or Electrification())
        for key, values in own.items():
            drawn[key][rows] = values
    side = np.stack([uniforms(seed, f"demand.leg.{name}", ids) for name in appliances], axis=1)
    full = np.array([entry.volts == 240 for entry in entries])
    return HomeTraits(
        id=np.ascontiguousarray(ids, dtype=np.uint64),
        household=chosen,
        **drawn,
        facing=np.floor(FACINGS * uniforms(seed, "demand.facing", ids)).astype(np.int64),
        legs=np.where(full, BOTH_LEGS, np.where(side < 0.5, LEG_1, LEG_2)).astype(np.int64),
        appliances=tuple(appliances),
        kinds=np.array([_kind_row(entry) for entry in entries]),
        cdfs=np.array([cumulative(entry.hour_weights, first_hour=4) for entry in entries]),
        weekend=weekend,
        pv_w=1000.0 * (zero if pv_kw is None else pv_kw),
        pv_tilt_deg=np.where(np.isnan(tilt), 15.0 + 20.0 * uniforms(seed, "demand.tilt", ids), tilt),
        pv_azimuth_deg=np.where(
            np.isnan(azimuth), 90.0 + 180.0 * uniforms(seed, "demand.azimuth", ids), azimuth
        ),
    )


def cumulative(weights: Sequence[float], first_hour: int = 0) -> Float:
    """Cumulative chance at the 25 borders of the hours, from `first_hour` on."""
    turned = np.roll(np.array(weights, dtype=np.float64), -first_hour)
    total = np.concatenate([[0.0], np.cumsum(turned)])
    curve: Float = total / total[-1]
    return curve


def _empty(count: int, kinds: int) -> dict[str, Any]:
    """Arrays for what is drawn archetype by archetype."""
    numbers = ("floor_area_m2", "cooling_cop", "heat_pump_cop")
    return {
        **{name: np.empty(count) for name in numbers},
        "heating": np.empty(count, dtype=object),
        "envelope": np.empty(count, dtype=object),
        "cooled": np.empty(count, dtype=bool),
        "habits": np.empty((count, k.HABITS)),
        "tank": np.empty((count, t.TANK)),
        "per_day": np.empty((count, kinds)),
    }


def _homes_of(
    e: HouseholdEntry, appliances: list[str], ids: Ids, seed: int, switched: Electrification
) -> dict[str, Any]:
    """What is drawn of homes of one archetype: medians from the entry, spread by independent draws."""

    def u(purpose: str) -> Float:
        return uniforms(seed, f"demand.{purpose}", ids)

    def spread(purpose: str, low: float, high: float) -> Float:
        return low + (high - low) * u(purpose)

    def turned(purpose: str, share: float) -> NDArray[np.bool_]:
        return u(f"electrify.{purpose}") < share

    area = e.floor_area_m2.value * (
        1.0 + spread("area", -e.floor_area_spread.value, e.floor_area_spread.value)
    )
    people = _people(e.people.value, u("people"))
    heating = np.full(len(ids), e.heating, dtype=object)
    pumped = (heating == "gas") & turned("heating", switched.heating)
    heating[pumped] = "heat-pump"
    cooled = (u("cooled") < e.cooled.value) | (heating == "heat-pump")

    levels = np.cumsum([envelope.share.value for envelope in e.envelopes])
    level = np.searchsorted(levels / levels[-1], u("envelope"), side="right")
    names = np.array([envelope.level for envelope in e.envelopes], dtype=object)

    wanted = e.electronics_w.value + e.electronics_w_per_person.value * people
    wanted = (wanted + e.electronics_w_per_m2.value * area) * spread("electronics", 0.5, 1.5)
    setback = np.where(u("setback") < e.setback_share.value, e.setback_k.value, 0.0)
    swing = e.set_spread_k.value
    heat_c = e.heat_set_c.value + spread("heat-set", -swing, swing)
    cool_c = np.maximum(e.cool_set_c.value + spread("cool-set", -swing, swing), heat_c + LEAST_GAP_K)
    habits = np.zeros((len(ids), k.HABITS))
    columns: dict[int, Float | float] = {
        k.STANDBY_W: wanted * e.standby_share.value,
        k.PLUGS_W: wanted * (1.0 - e.standby_share.value),
        k.LIGHTS_W: e.lights_w_per_m2.value * area * spread("lights", 0.4, 1.6),
        k.AT_HOME: np.where(u("at-home") < e.at_home.value, 1.0, 0.0),
        k.PEOPLE: people,
        k.SHIFT_H: spread("shift", -1.5, 1.5),
        k.HEAT_SET_C: heat_c,
        k.COOL_SET_C: cool_c,
        k.SETBACK_K: setback,
        k.SETUP_K: setback,
        k.LEG_1_SHARE: spread("leg", 0.3, 0.7),
        k.FRIDGE_W: e.refrigerator_w.value * spread("fridge", 0.8, 1.2),
        k.FRIDGE_DUTY: e.refrigerator_duty.value * spread("fridge-duty", 0.8, 1.2),
        k.FRIDGE_PERIOD_MIN: e.refrigerator_period_min.value * spread("fridge-period", 0.7, 1.3),
        k.SECOND_FRIDGE_W: np.where(
            u("second-fridge") < e.second_refrigerator.value, e.refrigerator_w.value, 0.0
        ),
        k.FRIDGE_LEG: np.floor(spread("fridge-leg", 0.0, 2.0)),
        # A furnace's fan is a 120 V motor, that of an air handler stands between the legs.
        k.FAN_LEG: np.where(heating == "gas", np.floor(spread("fan-leg", 0.0, 2.0)), BOTH_LEGS),
    }
    for column, values in columns.items():
        habits[:, column] = values
    return {
        "floor_area_m2": area,
        "heating": heating,
        "envelope": names[level],
        "cooled": cooled,
        "cooling_cop": e.cooling_cop.value * spread("cool-cop", 0.85, 1.15),
        "heat_pump_cop": e.heat_pump_cop.value * spread("pump-cop", 0.85, 1.15),
        "habits": habits,
        "tank": _tanks(e, ids, seed, switched),
        "per_day": _uses(e, appliances, people, ids, seed, switched),
    }


LEAST_GAP_K = 2.0  # between the set points: more than a thermostat's dead band
LARGEST_HOUSEHOLD = 6


def _people(mean: float, u: Float) -> Float:
    """Whole numbers of people: one and a Poisson number of others, at most `LARGEST_HOUSEHOLD`."""
    others = np.arange(LARGEST_HOUSEHOLD)
    chance = np.array([(mean - 1.0) ** int(n) / math.factorial(int(n)) for n in others])
    total = np.cumsum(chance) / chance.sum()
    return np.asarray(1.0 + np.searchsorted(total[:-1], u, side="right"), dtype=np.float64)


def _tanks(e: HouseholdEntry, ids: Ids, seed: int, switched: Electrification) -> Float:
    """(h, columns) water heaters; ELEMENT_W is 0 where gas heats the water."""
    kind = uniforms(seed, "demand.water", ids)
    pump = kind < e.heat_pump_water.value
    electric = kind < e.heat_pump_water.value + e.resistance_water.value
    turned = ~electric & (uniforms(seed, "demand.electrify.water", ids) < switched.water_heating)
    pump |= turned & (uniforms(seed, "demand.electrify.pump-water", ids) < switched.heat_pump_water)
    electric |= turned
    heat = t.LITRE_J_PER_K * FILLED * e.tank_l.value * (0.8 + 0.4 * uniforms(seed, "demand.tank", ids))
    loss = TANK_LOSS_W_PER_K * (0.7 + 0.6 * uniforms(seed, "demand.tank-loss", ids))
    tank = np.zeros((len(ids), t.TANK))
    tank[:, t.UPPER_J_PER_K], tank[:, t.LOWER_J_PER_K] = UPPER_SHARE * heat, (1.0 - UPPER_SHARE) * heat
    tank[:, t.UPPER_LOSS_W_PER_K], tank[:, t.LOWER_LOSS_W_PER_K] = (
        UPPER_SHARE * loss,
        (1.0 - UPPER_SHARE) * loss,
    )
    tank[:, t.SET_C] = e.tank_set_c.value + 4.0 * uniforms(seed, "demand.tank-set", ids) - 2.0
    tank[:, t.DEADBAND_K] = np.where(pump, PUMP_BAND_K, ELEMENT_BAND_K)
    tank[:, t.ELEMENT_W] = np.where(electric, ELEMENT_W, 0.0)
    tank[:, t.PUMP_W], tank[:, t.PUMP_COP] = np.where(pump, PUMP_W, 0.0), PUMP_COP
    tank[:, t.INDOORS] = np.where(uniforms(seed, "demand.tank-place", ids) < e.tank_indoors.value, 1.0, 0.0)
    tank[~electric, t.INDOORS] = 0.0  # a gas heater's losses go up its flue
    return tank


def _uses(
    e: HouseholdEntry, appliances: list[str], people: Float, ids: Ids, seed: int, switched: Electrification
) -> Float:
    """(h, k) uses on a mean day; half of an appliance's uses go with the number of people, all of water's."""
    found = {use.appliance: use for use in e.uses}
    for name in found:
        library.entry_path("appliances", name)  # names the nearest if there is no such appliance
    out = np.zeros((len(ids), len(appliances)))
    crowd = people / e.people.value
    more = {"range": switched.cooking, "dryer": switched.drying}
    for i, name in enumerate(appliances):
        if name not in found:
            continue
        owned = uniforms(seed, f"demand.owned.{name}", ids) < found[name].owned.value
        owned |= uniforms(seed, f"demand.electrify.{name}", ids) < more.get(name, 0.0)
        wet = _appliance(name).power_w.value == 0.0
        own = 0.7 + 0.6 * uniforms(seed, f"demand.uses.{name}", ids)
        out[:, i] = found[name].per_day.value * own * (crowd if wet else 0.5 + 0.5 * crowd) * owned
    return out


def _kind_row(a: ApplianceEntry) -> list[float]:
    row = [0.0] * k.KIND_COLUMNS
    row[k.POWER_W], row[k.MINUTES], row[k.SPREAD] = a.power_w.value, a.minutes.value, a.spread.value
    row[k.DUTY], row[k.CYCLE_MIN] = a.duty.value, a.cycle_min.value
    row[k.TAN_PHI] = math.tan(math.acos(a.power_factor.value))
    row[k.IMPEDANCE] = a.constant_impedance.value + 0.5 * a.constant_current.value
    row[k.TO_AIR] = a.heat_to_air.value
    if a.motor is not None:
        row[k.LOCKED_ROTOR], row[k.INRUSH_MIN] = a.motor.locked_rotor.value, a.motor.inrush_s.value / 60.0
    if a.water is not None:
        row[k.WATER_L_PER_MIN], row[k.WATER_MIN] = a.water.flow_l_per_min.value, a.water.minutes.value
        row[k.MIXED] = float(a.water.mixed)
    return row


@cache
def _household(name: str) -> HouseholdEntry:
    return cast("HouseholdEntry", library.load("households", name))


@cache
def _appliance(name: str) -> ApplianceEntry:
    return cast("ApplianceEntry", library.load("appliances", name))
