"""One home over a block of steps: habits, uses, refrigerator, water heater and house, put on its legs.

Steps are cut into parts of at most `PART_S`. What is drawn is split into power that is constant and power
that goes with the square of the voltage: of a load Z V^2 + I V + P the current's share is halved between
both, which keeps value and slope at rated voltage and errs by I/2 (1 - V)^2.
"""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.demand.house_kernels import (
    AIR_C,
    HOUSE_STATE,
    MODE,
    OFF,
    OUTDOOR_C,
    SINCE_S,
    STRIP_W,
    home_numbers,
    house_step,
    keep,
    modes_of,
    outside_at,
    state_numbers,
)
from cosim.demand.tank_kernels import ELEMENT_W, INDOORS, TANK_STATE, UPPER_C, tank_step
from cosim.demand.uses_kernels import (
    COOL_C,
    ELECTRONICS_NOW_W,
    FAN_LEG,
    FRIDGE_LEG,
    HEAT_C,
    IMPEDANCE,
    INRUSH_MIN,
    LEG_1_SHARE,
    LIGHTS_NOW_W,
    LOCKED_ROTOR,
    MIXED,
    PEOPLE_NOW_W,
    POWER_W,
    SUN_M2,
    TAN_PHI,
    TO_AIR,
    WATER_L_PER_MIN,
    WATER_MIN,
    address,
    fridge_step,
    update_now,
    use_power,
    window_air,
)

PART_S = 60.0
STRIP_ELEMENT_W = 5000.0  # strips are switched by the element where a limit asks for it
PER_MIN = 1.0 / 60e6  # minutes in a microsecond

# A home's state: its house, its water heater, its refrigerator, what it does now, and the energy it has drawn
# [J] by end use, of which the last are the kinds of use.
HOUSE_AT, TANK_AT, FRIDGE_AT, NOW_AT, ENERGY_AT = 0, 5, 8, 9, 15
HEATING, COOLING, RESISTANCE, FAN, WATER, REFRIGERATION, ELECTRONICS, LIGHTS, USES = range(9)

# Steady loads: reactive over real power, and share that follows the square of the voltage. Real parts and
# power factors from NREL OCHRE's table of ZIP parameters (Bokhari et al. 2014, Hajagos and Danai 1998,
# Lu et al. 2008), Z + I/2.
TAN_08, TAN_FAN = 0.75, math.tan(math.acos(0.87))
TAN_COOL, TAN_HEAT = math.tan(math.acos(0.96)), math.tan(math.acos(0.84))
TAN_TANK_PUMP = math.tan(math.acos(0.97))
Z_ELECTRONICS, Z_LIGHTS, Z_FRIDGE, Z_FAN = 0.3186, 0.79, 0.79, 0.71
Z_COOL, Z_HEAT, Z_STRIP, Z_TANK_PUMP = 0.255, 0.23, 0.97, 0.605

# A start of a compressor: engineering judgement (makers state 4 to 6 times for 0.2 to 0.5 s).
START_VA, START_S, START_PF = 5.0, 0.3, 0.5
START_SIN = math.sqrt(1.0 - START_PF * START_PF)

INDOOR_C, WATER_C, SHED_W, START = range(4)
SHOWN = 4


@kernel
def put(leg, s, watt, tan_phi, share, w, var, zw, zvar):
    """Add a load of one kind to a leg."""
    w[leg, s] += watt
    var[leg, s] += watt * tan_phi
    zw[leg, s] += watt * share
    zvar[leg, s] += watt * tan_phi * share


@kernel
def run_home(
    state,
    habits,
    house,
    tank,
    draws,
    legs,
    kinds,
    plugs,
    lamps,
    first_us,
    origin_min,
    step_us,
    usual_s,
    day_end,
    day_shift,
    weekend,
    start,
    stop,
    kind,
    count,
    conditions,
    sun,
    sun_up,
    mains_c,
    powered,
    limit_w,
    active,
    kept,
    w,
    var,
    zw,
    zvar,
    shown,
):
    """Advance one home over a block; `state` changes in place.

    state: a row of ENERGY_AT and USES + k columns; habits, house, tank: rows of parameters; draws: address
    of the home's draws of `update_now`; legs (k,) conductor of each kind of use; kinds (k, columns);
    first_us since the start of the run, at origin_min; step_us (steps,) lengths, usual_s that of a part of
    a whole step; day_end, day_shift, weekend (d,) of the days of uses; start, stop, kind (d, e) and count
    (d,): uses of those days; conditions (steps, CONDITIONS) of the home's equipment; sun [W/m2 of window],
    sun_up, mains_c (steps,); limit_w of the panel, inf for none; active (e,), kept (TANK_STATE,): scratch.
    Out: w, var, zw, zvar (3, steps), shown (SHOWN, steps).
    """
    events = start.shape[1]
    now, energy = state[NOW_AT:ENERGY_AT], state[ENERGY_AT:]
    rooms_row = state[HOUSE_AT : HOUSE_AT + HOUSE_STATE]
    rooms, home = state_numbers(rooms_row), home_numbers(house)
    modes = modes_of(home, usual_s)
    water = state[TANK_AT : TANK_AT + TANK_STATE]
    has_tank = tank[ELEMENT_W] > 0.0
    fan_leg, fridge_leg = int(habits[FAN_LEG]), int(habits[FRIDGE_LEG])
    leg_1 = habits[LEG_1_SHARE]

    at_us = first_us
    begin = origin_min + at_us * PER_MIN
    day = 0
    while begin >= day_end[day]:
        day += 1
    coming, running = 0, 0
    while coming < count[day] and start[day, coming] < begin:
        if stop[day, coming] > begin:
            active[running] = day * events + coming
            running += 1
        coming += 1

    for s in range(step_us.shape[0]):
        parts = math.ceil(step_us[s] / (PART_S * 1e6) - 1e-9)
        seconds = step_us[s] * 1e-6 / parts
        share = 1.0 / parts
        for leg in range(3):
            w[leg, s] = 0.0
            var[leg, s] = 0.0
            zw[leg, s] = 0.0
            zvar[leg, s] = 0.0
        shown[SHED_W, s] = 0.0
        shown[START, s] = 0.0
        outside = outside_at(conditions, s)
        step_min = origin_min + at_us * PER_MIN
        at_us += step_us[s]
        for part in range(parts):
            t0 = step_min + part * (seconds / 60.0)
            t1 = step_min + (part + 1) * (seconds / 60.0)
            if part == parts - 1:
                t1 = origin_min + at_us * PER_MIN
            minutes = t1 - t0

            while True:
                while coming < count[day] and start[day, coming] < t1:
                    active[running] = day * events + coming
                    running += 1
                    coming += 1
                if t1 <= day_end[day]:
                    break
                day += 1
                coming = 0
            wall = (t0 + day_shift[day]) / 60.0
            update_now(
                draws, habits, now, t0, wall - 24.0 * math.floor(wall / 24.0), weekend[day], sun_up[s], plugs,
                lamps,
            )  # fmt: skip

            # What people use. A use that an outage meets goes on where the clock stands.
            used, gains, hot_l, tap_l = 0.0, now[PEOPLE_NOW_W], 0.0, 0.0
            left = 0
            for i in range(running):
                which = active[i]
                d, e = which // events, which % events
                a = kind[d, e]
                since, until = max(start[d, e], t0), min(stop[d, e], t1)
                if powered and kinds[a, POWER_W] > 0.0 and until > since:
                    power = use_power(kinds, a, start[d, e], since, until, minutes)
                    leg = legs[a]
                    put(leg, s, power * share, kinds[a, TAN_PHI], kinds[a, IMPEDANCE], w, var, zw, zvar)
                    energy[USES + a] += power * seconds
                    used += power
                    gains += power * kinds[a, TO_AIR]
                    if kinds[a, LOCKED_ROTOR] > 0.0 and start[d, e] >= t0:
                        rated = kinds[a, POWER_W] * math.sqrt(1.0 + kinds[a, TAN_PHI] * kinds[a, TAN_PHI])
                        rush = kinds[a, LOCKED_ROTOR] * rated
                        shown[START, s] = max(shown[START, s], rush)
                        part_on = min(kinds[a, INRUSH_MIN], t1 - since) / minutes * share
                        more = (rush * START_PF - kinds[a, POWER_W]) * part_on
                        energy[USES + a] += more * parts * seconds
                        w[leg, s] += more
                        zw[leg, s] += more
                        more = (rush * START_SIN - kinds[a, POWER_W] * kinds[a, TAN_PHI]) * part_on
                        var[leg, s] += more
                        zvar[leg, s] += more
                if kinds[a, WATER_L_PER_MIN] > 0.0:
                    litres = kinds[a, WATER_L_PER_MIN] * max(
                        min(until, start[d, e] + kinds[a, WATER_MIN]) - since, 0.0
                    )
                    if kinds[a, MIXED] > 0.0:
                        tap_l += litres
                    else:
                        hot_l += litres
                if stop[d, e] > t1:
                    active[left] = which
                    left += 1
            running = left

            state[FRIDGE_AT], fridge = fridge_step(habits, state[FRIDGE_AT], rooms[AIR_C], t0, t1, powered)
            if powered:
                electronics, lights = now[ELECTRONICS_NOW_W] * share, now[LIGHTS_NOW_W] * share
                put(0, s, electronics * leg_1, TAN_08, Z_ELECTRONICS, w, var, zw, zvar)
                put(1, s, electronics * (1.0 - leg_1), TAN_08, Z_ELECTRONICS, w, var, zw, zvar)
                put(0, s, lights * leg_1, 0.0, Z_LIGHTS, w, var, zw, zvar)
                put(1, s, lights * (1.0 - leg_1), 0.0, Z_LIGHTS, w, var, zw, zvar)
                put(fridge_leg, s, fridge * share, TAN_08, Z_FRIDGE, w, var, zw, zvar)
                energy[REFRIGERATION] += fridge * seconds
                energy[ELECTRONICS] += now[ELECTRONICS_NOW_W] * seconds
                energy[LIGHTS] += now[LIGHTS_NOW_W] * seconds
                steady = now[ELECTRONICS_NOW_W] + now[LIGHTS_NOW_W] + fridge
                used += steady
                gains += steady

            # Water heater and house; where a limit is passed, again with less: first without the water
            # heater, then with as many strips as it leaves room for, then without heating and cooling.
            around = rooms[AIR_C]
            open_w = window_air(habits, around, outside[OUTDOOR_C])
            if tank[INDOORS] == 0.0:
                around = 0.5 * (around + outside[OUTDOOR_C])
            limited = limit_w < math.inf
            if limited:
                for i in range(TANK_STATE):
                    kept[i] = water[i]
            wanted, total = 0.0, 0.0
            attempt = 0
            equipped = home
            while True:
                element, tank_pump, to_air = 0.0, 0.0, 0.0
                if has_tank:
                    element, tank_pump, to_air, _ = tank_step(
                        water, tank, mains_c[s], around, hot_l, tap_l, seconds, powered and attempt == 0
                    )
                after, heating, cooling, strips, fan = house_step(
                    rooms, equipped, modes, outside, habits[SUN_M2] * sun[s],
                    gains + tank[INDOORS] * to_air - open_w, now[HEAT_C], now[COOL_C], seconds, powered, attempt == 3,
                )  # fmt: skip
                total = used + element + tank_pump + heating + cooling + strips + fan
                if attempt == 0:
                    wanted = total
                if not limited or total <= limit_w or attempt == 3:
                    break
                attempt += 1
                for i in range(TANK_STATE):
                    water[i] = kept[i]
                if attempt == 2:
                    strip_w = house[STRIP_W]
                    room_w = max(limit_w - (total - strips), 0.0)
                    house[STRIP_W] = min(STRIP_ELEMENT_W * math.floor(room_w / STRIP_ELEMENT_W), strip_w)
                    equipped = home_numbers(house)
                    house[STRIP_W] = strip_w
            rooms = after
            if attempt > 0:
                shown[SHED_W, s] += (wanted - total) * share

            energy[HEATING] += heating * seconds
            energy[COOLING] += cooling * seconds
            energy[RESISTANCE] += strips * seconds
            energy[FAN] += fan * seconds
            energy[WATER] += (element + tank_pump) * seconds
            if element > 0.0:
                w[2, s] += element * share
                zw[2, s] += element * share
            if tank_pump > 0.0:
                put(2, s, tank_pump * share, TAN_TANK_PUMP, Z_TANK_PUMP, w, var, zw, zvar)
            if cooling > 0.0:
                put(2, s, cooling * share, TAN_COOL, Z_COOL, w, var, zw, zvar)
            if heating > 0.0:
                put(2, s, heating * share, TAN_HEAT, Z_HEAT, w, var, zw, zvar)
            if strips > 0.0:
                put(2, s, strips * share, 0.0, Z_STRIP, w, var, zw, zvar)
            if fan > 0.0:
                put(fan_leg, s, fan * share, TAN_FAN, Z_FAN, w, var, zw, zvar)
            if rooms[MODE] != OFF and rooms[SINCE_S] < seconds + START_S and heating + cooling > 0.0:
                # Mean power of the run so far stands for that of running.
                ran = min(rooms[SINCE_S], seconds)
                power = (heating + cooling) * seconds / ran if ran > 0.0 else 0.0
                tan_phi = TAN_HEAT if heating > 0.0 else TAN_COOL
                rush = START_VA * power * math.sqrt(1.0 + tan_phi * tan_phi)
                since = min(max(rooms[SINCE_S] - seconds, 0.0), START_S)
                part_on = (min(rooms[SINCE_S], START_S) - since) / seconds * share
                if rooms[SINCE_S] < seconds:
                    shown[START, s] = max(shown[START, s], rush)
                more = (rush * START_PF - power) * part_on
                energy[HEATING if heating > 0.0 else COOLING] += more * parts * seconds
                w[2, s] += more
                zw[2, s] += more
                more = (rush * START_SIN - power * tan_phi) * part_on
                var[2, s] += more
                zvar[2, s] += more
        shown[INDOOR_C, s] = rooms[AIR_C]
        shown[WATER_C, s] = water[UPPER_C] if has_tank else math.nan
    keep(rooms_row, rooms)


@kernel
def homes_serial(
    seed, purpose, items, state, habits, house, equipment, tank, legs, facing, kinds, plugs, lamps, first_us,
    origin_min, step_us, usual_s, day_end, day_shift, weekend, start, stop, kind, count, conditions, sun,
    sun_up, mains_c, powered, limit_w, active, kept, w, var, zw, zvar, shown,
):  # fmt: skip
    """`run_home` of every home: sun (facings, steps) and conditions (kinds, steps, CONDITIONS) by the home's."""
    for h in range(items.shape[0]):
        run_home(
            state[h], habits[h], house[h], tank[h], address(seed, purpose, items[h]), legs[h], kinds, plugs,
            lamps, first_us[h], origin_min, step_us, usual_s, day_end, day_shift, weekend, start[h], stop[h],
            kind[h], count[h], conditions[equipment[h]], sun[facing[h]], sun_up, mains_c, powered[h],
            limit_w[h], active[h], kept[h], w[h], var[h], zw[h], zvar[h], shown[h],
        )  # fmt: skip


@parallel_kernel
def homes_parallel(
    seed, purpose, items, state, habits, house, equipment, tank, legs, facing, kinds, plugs, lamps, first_us,
    origin_min, step_us, usual_s, day_end, day_shift, weekend, start, stop, kind, count, conditions, sun,
    sun_up, mains_c, powered, limit_w, active, kept, w, var, zw, zvar, shown,
):  # fmt: skip
    """`homes_serial` with homes on threads."""
    for h in prange(items.shape[0]):
        run_home(
            state[h], habits[h], house[h], tank[h], address(seed, purpose, items[h]), legs[h], kinds, plugs,
            lamps, first_us[h], origin_min, step_us, usual_s, day_end, day_shift, weekend, start[h], stop[h],
            kind[h], count[h], conditions[equipment[h]], sun[facing[h]], sun_up, mains_c, powered[h],
            limit_w[h], active[h], kept[h], w[h], var[h], zw[h], zvar[h], shown[h],
        )  # fmt: skip


@kernel
def window_sun(ghi, dni, dhi, east, north, shares, albedo, out):
    """Irradiance on a home's windows [W/m2], by the way it faces: an eighth of a turn from each to the next.

    shares (4,): windows in front, to the right, behind, to the left. Upright panes under an even sky;
    out (facings, steps).
    """
    step = 2.0 * math.pi / out.shape[0]
    for s in range(ghi.shape[0]):
        even = 0.5 * (dhi[s] + albedo * ghi[s])
        for f in range(out.shape[0]):
            beam = 0.0
            for side in range(4):
                azimuth = step * f + 0.5 * math.pi * side
                beam += shares[side] * max(east[s] * math.sin(azimuth) + north[s] * math.cos(azimuth), 0.0)
            out[f, s] = even + dni[s] * beam
