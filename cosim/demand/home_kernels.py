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
    FRIDGE_W,
    HEAT_C,
    IMPEDANCE,
    INRUSH_MIN,
    INSIDE_C,
    LEG_1_SHARE,
    LIGHTS_NOW_W,
    LOCKED_ROTOR,
    MIXED,
    PEOPLE_NOW_W,
    POWER_W,
    RUNS,
    SECOND_FRIDGE_W,
    SECOND_INSIDE_C,
    SECOND_RUNS,
    SUN_M2,
    TAN_PHI,
    TO_AIR,
    UNTIL_MIN,
    WATER_L_PER_MIN,
    WATER_MIN,
    address,
    fridge_figures,
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
HOUSE_AT, TANK_AT, FRIDGE_AT, NOW_AT, ENERGY_AT = 0, 5, 8, 12, 18
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
    var_out,
    zw_out,
    zvar_out,
    shown,
):
    """Advance one home over a block; `state` changes in place.

    state: a row of ENERGY_AT and USES + k columns; habits, house, tank: rows of parameters; draws: address
    of the home's draws of `update_now`; legs (k,) conductor of each kind of use; kinds (k, columns);
    first_us since the start of the run, at origin_min; step_us (steps,) lengths, usual_s that of a part of
    a whole step; day_end, day_shift, weekend (d,) of the days of uses; start, stop, kind (d, e) and count
    (d,): uses of those days; conditions (steps, CONDITIONS) of the home's equipment; sun [W/m2 of window],
    sun_up, mains_c (steps,); limit_w of the panel, inf for none; active (e,), kept (TANK_STATE,): scratch.
    Out: w, var_out, zw_out, zvar_out (3, steps), shown (SHOWN, steps).
    """
    events = start.shape[1]
    now, energy = state[NOW_AT:ENERGY_AT], state[ENERGY_AT:]
    fridges = state[FRIDGE_AT:NOW_AT]
    water = state[TANK_AT : TANK_AT + TANK_STATE]
    rooms_row = state[HOUSE_AT : HOUSE_AT + HOUSE_STATE]
    rooms, home = state_numbers(rooms_row), home_numbers(house)
    modes = modes_of(home, usual_s)
    half_k, full_k = fridge_figures(habits)
    fridge_w, second_w = habits[FRIDGE_W], habits[SECOND_FRIDGE_W]
    has_tank = tank[ELEMENT_W] > 0.0
    limited = limit_w < math.inf
    leg_1 = habits[LEG_1_SHARE]
    leg_2 = 1.0 - leg_1
    fridge_1 = 1.0 - habits[FRIDGE_LEG]
    fan_1 = 1.0 if habits[FAN_LEG] == 0.0 else 0.0
    fan_2 = 1.0 if habits[FAN_LEG] == 1.0 else 0.0
    fan_3 = 1.0 - fan_1 - fan_2
    heating_j, cooling_j, resistance_j = energy[HEATING], energy[COOLING], energy[RESISTANCE]
    fan_j, water_j, fridge_j = energy[FAN], energy[WATER], energy[REFRIGERATION]
    electronics_j, lights_j = energy[ELECTRONICS], energy[LIGHTS]

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
    next_min = day_end[day]  # when a use or a day of uses begins
    if coming < count[day]:
        next_min = min(start[day, coming], next_min)

    for s in range(step_us.shape[0]):
        parts = math.ceil(step_us[s] / (PART_S * 1e6) - 1e-9)
        seconds = step_us[s] * 1e-6 / parts
        share = 1.0 / parts
        w1, w2, w3, v1, v2, v3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        z1, z2, z3, y1, y2, y3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        shed_w, start_va = 0.0, 0.0
        outside = outside_at(conditions, s)
        step_min = origin_min + at_us * PER_MIN
        at_us += step_us[s]
        for part in range(parts):
            t0 = step_min + part * (seconds / 60.0)
            t1 = step_min + (part + 1) * (seconds / 60.0)
            if part == parts - 1:
                t1 = origin_min + at_us * PER_MIN
            minutes = t1 - t0

            while next_min < t1:
                if coming < count[day]:
                    active[running] = day * events + coming
                    running += 1
                    coming += 1
                else:
                    day += 1
                    coming = 0
                next_min = day_end[day]
                if coming < count[day]:
                    next_min = min(start[day, coming], next_min)
            if t0 >= now[UNTIL_MIN]:
                update_now(draws, habits, now, t0, day_shift[day], weekend[day], sun_up[s], plugs, lamps)

            # What people use. A use that an outage meets goes on where the clock stands.
            used, gains, hot_l, tap_l = 0.0, now[PEOPLE_NOW_W], 0.0, 0.0
            left = 0
            for i in range(running):
                which = active[i]
                d, e = which // events, which % events
                a = kind[d, e]
                since, until = max(start[d, e], t0), min(stop[d, e], t1)
                if powered and kinds[a, POWER_W] > 0.0 and until > since:
                    watt = use_power(kinds, a, start[d, e], since, until, minutes)
                    var = watt * kinds[a, TAN_PHI]
                    used += watt
                    gains += watt * kinds[a, TO_AIR]
                    zw, zv = watt * kinds[a, IMPEDANCE], var * kinds[a, IMPEDANCE]
                    if kinds[a, LOCKED_ROTOR] > 0.0 and start[d, e] >= t0:
                        rated = kinds[a, POWER_W] * math.sqrt(1.0 + kinds[a, TAN_PHI] * kinds[a, TAN_PHI])
                        rush = kinds[a, LOCKED_ROTOR] * rated
                        start_va = max(start_va, rush)
                        on = min(kinds[a, INRUSH_MIN], t1 - since) / minutes
                        more = (rush * START_PF - kinds[a, POWER_W]) * on
                        watt += more
                        zw += more
                        more = (rush * START_SIN - kinds[a, POWER_W] * kinds[a, TAN_PHI]) * on
                        var += more
                        zv += more
                    energy[USES + a] += watt * seconds
                    if legs[a] == 0:
                        w1, v1, z1, y1 = w1 + watt * share, v1 + var * share, z1 + zw * share, y1 + zv * share
                    elif legs[a] == 1:
                        w2, v2, z2, y2 = w2 + watt * share, v2 + var * share, z2 + zw * share, y2 + zv * share
                    else:
                        w3, v3, z3, y3 = w3 + watt * share, v3 + var * share, z3 + zw * share, y3 + zv * share
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

            around = rooms[AIR_C]
            fridges[INSIDE_C], fridges[RUNS] = fridge_step(
                fridges[INSIDE_C], fridges[RUNS], around, half_k, full_k, minutes, powered
            )
            fridge = fridge_w * fridges[RUNS]
            if second_w > 0.0:
                fridges[SECOND_INSIDE_C], fridges[SECOND_RUNS] = fridge_step(
                    fridges[SECOND_INSIDE_C], fridges[SECOND_RUNS], around, half_k, full_k, minutes, powered
                )
                fridge += second_w * fridges[SECOND_RUNS]
            if powered:
                electronics, lights = now[ELECTRONICS_NOW_W], now[LIGHTS_NOW_W]
                steady = electronics + lights + fridge
                used += steady
                gains += steady
                fridge_j += fridge * seconds
                electronics_j += electronics * seconds
                lights_j += lights * seconds
                both = (electronics + lights) * share
                w1 += both * leg_1 + fridge * share * fridge_1
                w2 += both * leg_2 + fridge * share * (1.0 - fridge_1)
                var_e, var_f = TAN_08 * electronics * share, TAN_08 * fridge * share
                v1 += var_e * leg_1 + var_f * fridge_1
                v2 += var_e * leg_2 + var_f * (1.0 - fridge_1)
                both = (Z_ELECTRONICS * electronics + Z_LIGHTS * lights) * share
                z1 += both * leg_1 + Z_FRIDGE * fridge * share * fridge_1
                z2 += both * leg_2 + Z_FRIDGE * fridge * share * (1.0 - fridge_1)
                y1 += Z_ELECTRONICS * var_e * leg_1 + Z_FRIDGE * var_f * fridge_1
                y2 += Z_ELECTRONICS * var_e * leg_2 + Z_FRIDGE * var_f * (1.0 - fridge_1)

            # Water heater and house; where a limit is passed, again with less: first without the water
            # heater, then with as many strips as it leaves room for, then without heating and cooling.
            gains -= window_air(habits, around, outside[OUTDOOR_C])
            if tank[INDOORS] == 0.0:
                around = 0.5 * (around + outside[OUTDOOR_C])
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
                    rooms, equipped, modes, outside, habits[SUN_M2] * sun[s], gains + tank[INDOORS] * to_air,
                    now[HEAT_C], now[COOL_C], seconds, powered, attempt == 3,
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
                shed_w += (wanted - total) * share

            resistance_j += strips * seconds
            w3 += strips * share
            z3 += Z_STRIP * strips * share
            if has_tank:
                water_j += (element + tank_pump) * seconds
                w3 += (element + tank_pump) * share
                v3 += TAN_TANK_PUMP * tank_pump * share
                z3 += (element + Z_TANK_PUMP * tank_pump) * share
                y3 += Z_TANK_PUMP * TAN_TANK_PUMP * tank_pump * share
            if fan > 0.0:
                fan_j += fan * seconds
                fan *= share
                w1, w2, w3 = w1 + fan * fan_1, w2 + fan * fan_2, w3 + fan * fan_3
                z1, z2, z3 = z1 + Z_FAN * fan * fan_1, z2 + Z_FAN * fan * fan_2, z3 + Z_FAN * fan * fan_3
                fan *= TAN_FAN
                v1, v2, v3 = v1 + fan * fan_1, v2 + fan * fan_2, v3 + fan * fan_3
                y1, y2, y3 = y1 + Z_FAN * fan * fan_1, y2 + Z_FAN * fan * fan_2, y3 + Z_FAN * fan * fan_3
            watt = heating + cooling
            if watt > 0.0:
                var = TAN_HEAT * heating + TAN_COOL * cooling
                zw = Z_HEAT * heating + Z_COOL * cooling
                zv = Z_HEAT * TAN_HEAT * heating + Z_COOL * TAN_COOL * cooling
                if rooms[MODE] != OFF and rooms[SINCE_S] < seconds + START_S:
                    # The mean power since the start stands for that of running.
                    ran = min(rooms[SINCE_S], seconds)
                    power = watt * seconds / ran if ran > 0.0 else 0.0
                    tan_phi = TAN_HEAT if heating > 0.0 else TAN_COOL
                    rush = START_VA * power * math.sqrt(1.0 + tan_phi * tan_phi)
                    on = min(rooms[SINCE_S], START_S) - min(max(rooms[SINCE_S] - seconds, 0.0), START_S)
                    on /= seconds
                    if rooms[SINCE_S] < seconds:
                        start_va = max(start_va, rush)
                    more = (rush * START_PF - power) * on
                    watt += more
                    zw += more
                    more = (rush * START_SIN - power * tan_phi) * on
                    var += more
                    zv += more
                if heating > 0.0:
                    heating_j += (watt - cooling) * seconds
                    cooling_j += cooling * seconds
                else:
                    cooling_j += watt * seconds
                w3, v3, z3, y3 = w3 + watt * share, v3 + var * share, z3 + zw * share, y3 + zv * share
        w[0, s], w[1, s], w[2, s] = w1, w2, w3
        var_out[0, s], var_out[1, s], var_out[2, s] = v1, v2, v3
        zw_out[0, s], zw_out[1, s], zw_out[2, s] = z1, z2, z3
        zvar_out[0, s], zvar_out[1, s], zvar_out[2, s] = y1, y2, y3
        shown[INDOOR_C, s] = rooms[AIR_C]
        shown[WATER_C, s] = water[UPPER_C] if has_tank else math.nan
        shown[SHED_W, s] = shed_w
        shown[START, s] = start_va
    keep(rooms_row, rooms)
    energy[HEATING], energy[COOLING], energy[RESISTANCE] = heating_j, cooling_j, resistance_j
    energy[FAN], energy[WATER], energy[REFRIGERATION] = fan_j, water_j, fridge_j
    energy[ELECTRONICS], energy[LIGHTS] = electronics_j, lights_j


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
