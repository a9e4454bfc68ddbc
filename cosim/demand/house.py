"""Houses as the kernels take them: envelope from floor area and insulation, equipment from its entry.

SI inside; the formulas and their constants are those of GridLAB-D's house_e (residential/house_e.cpp),
which states them in feet, pounds and Btu. Everything is vectorised over homes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosim import library
from cosim.demand import house_kernels as k
from cosim.demand.house_weather import hvac

if TYPE_CHECKING:
    from cosim.house_entry import EnvelopeEntry

Float = NDArray[np.float64]

FOOT_M, POUND_KG, FAHRENHEIT_K, HOUR_S = 0.3048, 0.45359237, 5.0 / 9.0, 3600.0
BTU_J = 1055.05585262  # international table
BTU_PER_H_W = BTU_J / HOUR_S

AIR_KG_PER_M3 = 0.0735 * POUND_KG / FOOT_M**3
AIR_J_PER_KG_K = 0.2402 * BTU_J / POUND_KG / FAHRENHEIT_K
AIR_NODE = 3.0  # the air node holds this many times the air: surfaces follow the air
TOTAL_J_PER_M2_K = 2.0 * BTU_J / FOOT_M**2 / FAHRENHEIT_K  # of house and contents per floor area
SURFACE_W_PER_M2_K = 1.46 * BTU_PER_H_W / FOOT_M**2 / FAHRENHEIT_K
INNER_WALLS = 1.5  # inner wall area over outer
DOOR_M2 = 3.0 * 6.5 * FOOT_M**2

GAINS_W = 167.09 * BTU_PER_H_W  # design gains of a home of one square foot; they grow with area ** 0.442
PEAK_SUN_W_PER_M2 = 195.0 * BTU_PER_H_W / FOOT_M**2
COOLING_STEP_W = 6000.0 * BTU_PER_H_W  # machines come in half tons
LATENT_SHARE = 0.3


@dataclass(frozen=True)
class Envelope:
    """Two-node envelopes of h houses.

    Parameters
    ----------
    ua_w_per_k
        (h,) heat loss through the envelope and by air change.
    air_j_per_k, mass_j_per_k, mass_w_per_k
        (h,) heat capacity of the air node and of the mass, and conductance between them.
    aperture_m2
        (h,) window area times what it lets through, for the irradiance of the mean facade.
    """

    ua_w_per_k: Float
    air_j_per_k: Float
    mass_j_per_k: Float
    mass_w_per_k: Float
    aperture_m2: Float


def envelope(
    levels: Sequence[str],
    floor_area_m2: ArrayLike,
    *,
    storeys: ArrayLike = 1.0,
    ceiling_m: ArrayLike = 8.0 * FOOT_M,
    aspect: ArrayLike = 1.5,
    window_share: ArrayLike = 0.15,
    doors: ArrayLike = 4.0,
    shgc: ArrayLike = 0.67,
    shading: ArrayLike = 0.6,
) -> Envelope:
    """Envelopes of houses with a rectangular plan.

    Parameters
    ----------
    levels
        (h,) names in ``models/envelopes``.
    floor_area_m2
        (h,) of all storeys.
    storeys, ceiling_m, aspect
        Storeys, height of one, length over width of the plan.
    window_share
        Windows over outer walls.
    doors
        Number of outer doors of 1.81 m2.
    shgc, shading
        Solar heat gain coefficient (0.67: two clear panes in a thermally broken frame) and what screens and
        shade outside leave.
    """
    entries = {name: cast("EnvelopeEntry", library.load("envelopes", name)) for name in set(levels)}

    def of(field: str) -> Float:
        return np.array([getattr(entries[name], field).value for name in levels])

    area, n, height, ar, share, door_count, g, shade = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (floor_area_m2, storeys, ceiling_m, aspect, window_share)),
        *(np.asarray(x, float) for x in (doors, shgc, shading)),
        np.empty(len(levels)),
    )[:-1]
    wall = 2.0 * n * (ar + 1.0) * height * np.sqrt(area / ar / n)
    window, door = share * wall, door_count * DOOR_M2
    net_wall, plan = wall - window - door, area / n
    air_kg = AIR_KG_PER_M3 * height * area
    exchange = of("air_changes_per_h") / HOUR_S * air_kg * AIR_J_PER_KG_K
    ua = (
        plan / of("r_roof_m2k_per_w")
        + plan / of("r_floor_m2k_per_w")
        + net_wall / of("r_wall_m2k_per_w")
        + window * of("u_window_w_per_m2k")
        + door / of("r_door_m2k_per_w")
        + exchange
    )
    return Envelope(
        ua_w_per_k=ua,
        air_j_per_k=AIR_NODE * AIR_J_PER_KG_K * air_kg,
        mass_j_per_k=TOTAL_J_PER_M2_K * area - 2.0 * AIR_J_PER_KG_K * air_kg,
        mass_w_per_k=SURFACE_W_PER_M2_K * (net_wall + INNER_WALLS * wall + n * plan),
        aperture_m2=window * g * shade,
    )


def design_cooling_w(shell: Envelope, floor_area_m2: ArrayLike, outdoor_c: float = 35.0) -> Float:
    """(h,) rated cooling that a designer would choose, latent share included, in steps of half a ton."""
    gains = GAINS_W * (np.asarray(floor_area_m2, float) / FOOT_M**2) ** 0.442
    indoor_c = (75.0 - 32.0) * FAHRENHEIT_K
    load = shell.ua_w_per_k * (outdoor_c - indoor_c) + gains + PEAK_SUN_W_PER_M2 * shell.aperture_m2
    steps = np.ceil((1.0 + LATENT_SHARE) * load / COOLING_STEP_W)
    return np.asarray(steps * COOLING_STEP_W)


def design_heating_w(shell: Envelope, outdoor_c: float, *, step_w: float = 5000.0) -> Float:
    """(h,) heat lost at a design temperature from 21.1 degC indoors, up to the next step (a 5 kW strip)."""
    load = shell.ua_w_per_k * ((70.0 - 32.0) * FAHRENHEIT_K - outdoor_c)
    return np.asarray(np.ceil(load / step_w) * step_w)


@dataclass(frozen=True)
class Houses:
    """h houses, ready for the kernels.

    Parameters
    ----------
    rows
        (h, HOUSE) parameters.
    kind
        (h,) which of `equipment` a house has.
    equipment
        Names in ``models/hvac``.
    aperture_m2
        (h,) of the envelopes.
    """

    rows: Float
    kind: NDArray[np.int64]
    equipment: tuple[str, ...]
    aperture_m2: Float


def houses(
    shell: Envelope,
    equipment: Sequence[str],
    *,
    pump_heat_w: ArrayLike = 0.0,
    heating_cop: ArrayLike = 2.5,
    furnace_heat_w: ArrayLike = 0.0,
    strip_w: ArrayLike = 0.0,
    cool_w: ArrayLike = 0.0,
    cooling_cop: ArrayLike = 3.5,
    heat_fan_w: ArrayLike = 0.0,
    cool_fan_w: ArrayLike = 0.0,
    to_mass: ArrayLike = 0.5,
    restart: ArrayLike | None = None,
) -> Houses:
    """Houses with their equipment; a size of 0 W is equipment a house lacks.

    Parameters
    ----------
    shell
        Envelopes.
    equipment
        (h,) names in ``models/hvac``: how pump, air conditioner and thermostat behave.
    pump_heat_w, heating_cop
        Heat and COP of a heat pump at 8.3 degC outdoors, without its fan.
    furnace_heat_w
        Heat of a gas furnace.
    strip_w
        Electric resistance heat: beside the pump where there is one, else the only heat.
    cool_w, cooling_cop
        Cooling, latent share included, and COP at 35 degC, without its fan.
    heat_fan_w, cool_fan_w
        Fan while it heats or cools; its power becomes heat in the house. 0: baseboards.
    to_mass
        Share of sun and gains that the mass takes.
    restart
        (h,) in [0, 1]: where in the range of its entry a home's wait after an outage lies; None: the value.
    """
    names = tuple(dict.fromkeys(equipment))
    entries = [hvac(name) for name in names]
    kind = np.array([names.index(name) for name in equipment], np.int64)
    rows = np.zeros((len(kind), k.HOUSE))

    def put(column: int, values: ArrayLike) -> None:
        rows[:, column] = values

    def of(values: list[float]) -> Float:
        return np.array(values)[kind]

    put(k.UA_W_PER_K, shell.ua_w_per_k)
    put(k.AIR_J_PER_K, shell.air_j_per_k)
    put(k.MASS_J_PER_K, shell.mass_j_per_k)
    put(k.MASS_W_PER_K, shell.mass_w_per_k)
    put(k.SUN_TO_MASS, to_mass)
    put(k.GAINS_TO_MASS, to_mass)
    put(k.DEADBAND_K, of([e.deadband_k.value for e in entries]))
    put(k.MIN_ON_S, of([e.min_on_s.value for e in entries]))
    put(k.MIN_OFF_S, of([e.min_off_s.value for e in entries]))
    wait = [e.restart_s for e in entries]
    if restart is None:
        put(k.RESTART_S, of([w.value for w in wait]))
    else:
        low, high = (of([(w.range or (w.value, w.value))[end] for w in wait]) for end in (0, 1))
        put(k.RESTART_S, low + (high - low) * np.asarray(restart, float))
    put(k.PUMP_HEAT_W, pump_heat_w)
    put(k.PUMP_EIR, 1.0 / np.asarray(heating_cop, float))
    put(k.FURNACE_HEAT_W, furnace_heat_w)
    put(k.STRIP_W, strip_w)
    put(k.COOL_W, cool_w)
    put(k.COOL_EIR, 1.0 / np.asarray(cooling_cop, float))
    put(k.HEAT_FAN_W, heat_fan_w)
    put(k.COOL_FAN_W, cool_fan_w)
    put(
        k.STRIP_BELOW_K,
        of([e.strip_below_k.value if e.strip_below_k else e.deadband_k.value for e in entries]),
    )
    put(k.STRIP_BAND_K, of([e.strip_band_k.value if e.strip_band_k else e.deadband_k.value for e in entries]))
    put(k.STRIP_DELAY_S, of([e.strip_delay_s.value if e.strip_delay_s else math.inf for e in entries]))
    put(k.STRIPS_ALONE, of([float(e.strips_alone) for e in entries]))
    compressor = (rows[:, k.PUMP_HEAT_W] > 0.0) | (rows[:, k.COOL_W] > 0.0)
    put(k.CRANKCASE_W, of([e.crankcase_w.value for e in entries]) * compressor)
    return Houses(rows, kind, names, shell.aperture_m2)


def initial(rows: Float, outdoor_c: float, heat_c: ArrayLike, cool_c: ArrayLike, phase: ArrayLike) -> Float:
    """(h, HOUSE_STATE) states at rest, air and mass alike, for a run that starts with some hours to settle.

    Parameters
    ----------
    rows
        (h, HOUSE) parameters.
    outdoor_c, heat_c, cool_c
        Outdoor air, set points.
    phase
        (h,) in [0, 1]: where in its dead band a house stands.
    """
    half = 0.5 * rows[:, k.DEADBAND_K]
    middle = np.clip(
        outdoor_c + 3.0, heat_c, cool_c
    )  # gains and sun keep a house a little warmer than outdoors
    state = np.zeros((len(rows), k.HOUSE_STATE))
    state[:, k.AIR_C] = middle + half * (2.0 * np.asarray(phase) - 1.0)
    state[:, k.MASS_C] = state[:, k.AIR_C]
    state[:, k.SINCE_S] = rows[:, k.MIN_OFF_S]
    return state


@dataclass(frozen=True)
class HouseBlock:
    """What houses did over a block: (h, steps) means, and the air [degC] at each step's end.

    Parameters
    ----------
    heating_w, cooling_w, resistance_w, fan_w
        Compressor that heats, compressor that cools, strips and crankcase, fan.
    air_c
        Indoor air.
    end
        (h, HOUSE_STATE) state after the block.
    """

    heating_w: Float
    cooling_w: Float
    resistance_w: Float
    fan_w: Float
    air_c: Float
    end: Float

    @property
    def total_w(self) -> Float:
        """All of them together."""
        return self.heating_w + self.cooling_w + self.resistance_w + self.fan_w


def run(
    homes: Houses,
    state: Float,
    *,
    conditions: Float,
    sun_w: Float | float = 0.0,
    gains_w: Float | float = 0.0,
    heat_c: Float | float = 21.1,
    cool_c: Float | float = 23.9,
    seconds: Float,
    powered: NDArray[np.bool_] | bool = True,
    held_off: NDArray[np.bool_] | bool = False,
    parallel: bool = True,
) -> HouseBlock:
    """Run houses alone over a block of steps; what is not (h, steps) is broadcast to it.

    Parameters
    ----------
    homes, state
        Houses and (h, HOUSE_STATE) state at the start, which stays as it is.
    conditions
        (kinds, steps, CONDITIONS) by `house_weather.conditions` for `homes.equipment`.
    sun_w, gains_w
        Heat through windows, and of people and appliances.
    heat_c, cool_c
        Set points.
    seconds
        (steps,) lengths.
    powered, held_off
        Whether there is voltage, and whether load control holds off heating and cooling.
    parallel
        On all threads; the bits are the same.
    """
    h, steps = len(homes.rows), len(seconds)

    def full(value: ArrayLike, kind: type = float) -> NDArray[Any]:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), (h, steps)))

    set_c = np.stack([full(heat_c), full(cool_c)], axis=1)
    band = homes.rows[:, k.DEADBAND_K]
    if not (set_c[:, 1] - set_c[:, 0] >= band[:, None] - 1e-9).all():
        raise ValueError("set points must be at least a dead band apart")
    end = np.array(state, float)
    power, air = np.empty((h, 4, steps)), np.empty((h, steps))
    advance: Callable[..., None] = k.run_houses_parallel if parallel else k.run_houses
    advance(
        end,
        homes.rows,
        homes.kind,
        np.ascontiguousarray(conditions),
        full(sun_w),
        full(gains_w),
        set_c,
        np.ascontiguousarray(seconds, float),
        full(powered, bool),
        full(held_off, bool),
        power,
        air,
    )
    return HouseBlock(power[:, 0], power[:, 1], power[:, 2], power[:, 3], air, end)
