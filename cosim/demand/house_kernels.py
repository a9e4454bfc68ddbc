"""Envelope, heating and cooling of one home over one step.

Two nodes, air and mass (GridLAB-D's equivalent thermal parameters, house_e), in W, J/K and degC:

    C_a dT_a/dt = Q_a + UA (T_o - T_a) + H (T_m - T_a)
    C_m dT_m/dt = Q_m + H (T_a - T_m)

With what acts held constant the air is T_inf + a exp(r1 t) + b exp(r2 t), so a step is exact, and the
moment a thermostat switches is found inside it as the root of that curve. Nothing is rounded to the step:
its length matters only through what is held over it, the weather, gains, and the heat pump's performance.

The step takes and returns tuples of numbers, no arrays: Numba counts references to the arrays of a call
with atomic operations wherever control flow is too deep to prune them, which costs as much as the physics.
`state_numbers`, `home_numbers` and `outside_at` read a row of an array into a tuple; `run_house` shows how.
"""

import math

from numba import prange

from cosim.compiled import inlined_kernel, kernel, parallel_kernel

# A home's state.
AIR_C, MASS_C, MODE, SINCE_S, STRIPS = range(5)
HOUSE_STATE = 5
OFF, HEATING, COOLING = 0.0, 1.0, -1.0  # MODE

# A home's row of parameters.
(
    UA_W_PER_K,
    AIR_J_PER_K,
    MASS_J_PER_K,
    MASS_W_PER_K,
    SUN_TO_MASS,
    GAINS_TO_MASS,
    DEADBAND_K,
    MIN_ON_S,
    MIN_OFF_S,
    RESTART_S,  # wait of the compressor after power returns
    PUMP_HEAT_W,  # rated heat of a heat pump, 0: none
    PUMP_EIR,  # power over heat at rating
    FURNACE_HEAT_W,
    STRIP_W,  # resistance heat: the only one where there is neither pump nor furnace
    COOL_W,  # rated cooling, latent share included, 0: none
    COOL_EIR,
    HEAT_FAN_W,
    COOL_FAN_W,
    STRIP_BELOW_K,  # strips come on this far below the set point ...
    STRIP_BAND_K,  # ... and leave after this rise
    STRIP_DELAY_S,  # or come on after heating so long, and then stay
    STRIPS_ALONE,  # 1: strips replace the pump while they are on
    CRANKCASE_W,
) = range(23)
HOUSE = 23

# A kind of equipment at a step: what the weather makes of it, for all homes that have it.
(
    OUTDOOR_C,
    HEAT_0,  # heat over rating, HEAT_0 + HEAT_1 Ti + HEAT_2 Ti^2 of the indoor air
    HEAT_1,
    HEAT_2,
    FROST_LOSS,  # heat over rating that defrosting takes
    EIR_0,  # power over heat, over rating; of the heat before that loss
    EIR_1,
    EIR_2,
    FROST_EIR,  # power over rated heat that defrosting takes
    INDOOR_LOW_C,  # range of indoor air in which that holds
    INDOOR_HIGH_C,
    COOL_HEAT,  # heat taken from the air, over rating
    COOL_POWER,  # power over rating
    PUMP_RUNS,  # 0: too cold for the pump
    STRIPS_HELP,  # 1: cold enough for strips beside the pump
    CRANKCASE,  # 1: cold enough to heat the crankcase of a compressor that stands
) = range(16)
CONDITIONS = 16

NEVER = math.inf
INSTANT_S = 1e-9  # waits shorter than this are over


@kernel
def state_numbers(row):
    """A home's state as a tuple."""
    return row[0], row[1], row[2], row[3], row[4]


@kernel
def keep(row, now):
    """Write a state back."""
    row[0], row[1], row[2], row[3], row[4] = now


@kernel
def home_numbers(row):
    """A home's parameters as a tuple."""
    # fmt: off
    return (
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10], row[11],
        row[12], row[13], row[14], row[15], row[16], row[17], row[18], row[19], row[20], row[21], row[22],
    )
    # fmt: on


@kernel
def outside_at(conditions, s):
    """The conditions of step s as a tuple."""
    # fmt: off
    return (
        conditions[s, 0], conditions[s, 1], conditions[s, 2], conditions[s, 3],
        conditions[s, 4], conditions[s, 5], conditions[s, 6], conditions[s, 7],
        conditions[s, 8], conditions[s, 9], conditions[s, 10], conditions[s, 11],
        conditions[s, 12], conditions[s, 13], conditions[s, 14], conditions[s, 15],
    )
    # fmt: on


@kernel
def modes_of(home, seconds):
    """Rates, ratios and decays of a home's two modes for steps of `seconds`, as a tuple.

    The rates solve (C_a r + UA + H)(C_m r + H) = H^2; a mode moves the mass `RATIO` times as far as the air.
    """
    ua, h = home[UA_W_PER_K], home[MASS_W_PER_K]
    ca, cm = home[AIR_J_PER_K], home[MASS_J_PER_K]
    a = ca * cm
    b = ca * h + cm * (ua + h)
    fast = -(b + math.sqrt(b * b - 4.0 * a * ua * h)) / (2.0 * a)
    slow = ua * h / (a * fast)  # the product of the rates is UA H / (C_a C_m): no cancellation
    ratio_1, ratio_2 = h / (cm * slow + h), h / (cm * fast + h)
    return (
        slow,
        fast,
        ratio_1,
        ratio_2,
        1.0 / (ratio_2 - ratio_1),
        math.exp(slow * seconds),
        math.exp(fast * seconds),
        seconds,
        1.0 / ua,
        1.0 / h,
    )


@kernel
def meets(offset, a, b, r1, r2, sign, early, late, t):
    """Time at which sign (offset + a exp(r1 t) + b exp(r2 t)) turns positive between two times that bracket it.

    Newton's steps from a guess t, halving where they leave the bracket; the curve is monotone between the
    times. After a step of 1e-4 s what is left is its square over the air's time constant of minutes.
    """
    for _ in range(60):
        x, y = a * math.exp(r1 * t), b * math.exp(r2 * t)
        f = offset + x + y
        if f * sign < 0.0:
            early = t
        else:
            late = t
        after = t - f / (r1 * x + r2 * y)
        if not (early <= after <= late):
            after = 0.5 * (early + late)
        moved = abs(after - t)
        t = after
        if moved < 1e-4:
            break
    return t


@kernel
def first_exit(end, a, b, r1, r2, d1, d2, low, high, limit):
    """Time within `limit` at which the air leaves [low, high], and -1, +1 or 0 for never: below, above, not.

    d1, d2 are the decays over `limit`. The air turns at most once on its way.
    """
    now, last = end + a + b, end + a * d1 + b * d2
    s0, s1 = a * r1 + b * r2, a * r1 * d1 + b * r2 * d2
    since = 0.0
    if s0 * s1 < 0.0:
        turn = min(max(math.log(-b * r2 / (a * r1)) / (r1 - r2), 0.0), limit)
        peak = end + a * math.exp(r1 * turn) + b * math.exp(r2 * turn)
        if peak < low:
            return meets(end - low, a, b, r1, r2, -1.0, 0.0, turn, 0.0), -1
        if peak > high:
            return meets(end - high, a, b, r1, r2, 1.0, 0.0, turn, 0.0), 1
        now, since = peak, turn
    if last < low:
        guess = since + (limit - since) * (now - low) / (now - last)
        return meets(end - low, a, b, r1, r2, -1.0, since, limit, guess), -1
    if last > high:
        guess = since + (limit - since) * (high - now) / (last - now)
        return meets(end - high, a, b, r1, r2, 1.0, since, limit, guess), 1
    return limit, 0


@inlined_kernel
def advance(now, modes, around, thermostat, machine, strip, seconds, idle):
    """The state after `seconds`, and the joules used; equipment that a home lacks has 0 W.

    A run lasts until the next switching, or the end of the step.
    """
    air, mass, mode, since, strips = now
    r1, r2, k1, k2, split, d1_step, d2_step, step_s, per_ua, per_mass = modes
    outdoor_c, to_air, to_mass = around
    half, heat_c, cool_c, min_on_s, min_off_s = thermostat
    pump_heat_w, pump_w, furnace_heat_w, cooled_w, cool_w, heat_fan_w, cool_fan_w, crankcase_w = machine
    strip_w, strip_below_k, strip_band_k, strip_delay_s, strips_help, strips_alone = strip
    strips_first = strip_w > 0.0 and pump_heat_w == 0.0 and furnace_heat_w == 0.0
    strips_next = strips_help > 0.0 and strip_w > 0.0 and pump_heat_w > 0.0
    heats = strip_w > 0.0 or pump_heat_w > 0.0 or furnace_heat_w > 0.0
    if idle and mode != OFF:
        mode, since, strips = OFF, 0.0, 0.0
    heating_j, cooling_j, resistance_j, fan_j = 0.0, 0.0, 0.0, 0.0
    left = seconds
    while left > 0.0:
        low, high, limit = -NEVER, NEVER, left
        heat, heating_w, cooling_w, resistance_w, fan_w = 0.0, 0.0, 0.0, 0.0, 0.0
        if mode == OFF:
            resistance_w = crankcase_w
            wait = min_off_s - since
            if not idle and wait > INSTANT_S:
                limit = min(left, wait)
            elif not idle:
                if heats:
                    low = heat_c - half
                if cooled_w > 0.0:
                    high = cool_c + half
                if air < low:
                    mode, since = HEATING, 0.0
                    continue
                if air > high:
                    mode, since = COOLING, 0.0
                    continue
        elif mode == HEATING:
            wait = min_on_s - since
            if wait > INSTANT_S:
                limit = min(left, wait)
            elif air > heat_c + half or not heats:
                mode, since, strips = OFF, 0.0, 0.0
                continue
            else:
                high = heat_c + half
            if strips_next:
                delay = strip_delay_s - since
                on_below = heat_c - strip_below_k
                if delay <= INSTANT_S or air < on_below:
                    strips = 1.0
                elif air > on_below + strip_band_k:
                    strips = 0.0
                if delay > INSTANT_S:
                    limit = min(limit, delay)
                    if strips == 0.0:
                        low = on_below
                    else:
                        high = min(high, on_below + strip_band_k)
            else:
                strips = 1.0 if strips_first else 0.0
            fan_w = heat_fan_w
            heat = furnace_heat_w + fan_w
            if strips == 0.0 or strips_alone == 0.0:
                heating_w = pump_w
                heat += pump_heat_w
            if strips != 0.0:
                resistance_w = strip_w
                heat += strip_w
        else:
            wait = min_on_s - since
            if wait > INSTANT_S:
                limit = min(left, wait)
            elif air < cool_c - half or cooled_w == 0.0:
                mode, since = OFF, 0.0
                continue
            else:
                low = cool_c - half
            cooling_w = cool_w
            fan_w = cool_fan_w
            heat = fan_w - cooled_w

        end = outdoor_c + (to_air + heat + to_mass) * per_ua
        mass_end = end + to_mass * per_mass
        b = (mass - mass_end - k1 * (air - end)) * split
        a = air - end - b
        if limit == step_s:
            d1, d2 = d1_step, d2_step
        else:
            d1, d2 = math.exp(r1 * limit), math.exp(r2 * limit)
        run, leaves = first_exit(end, a, b, r1, r2, d1, d2, low, high, limit)
        if run != limit:
            d1, d2 = math.exp(r1 * run), math.exp(r2 * run)
        air = end + a * d1 + b * d2
        mass = mass_end + k1 * a * d1 + k2 * b * d2
        heating_j += heating_w * run
        cooling_j += cooling_w * run
        resistance_j += resistance_w * run
        fan_j += fan_w * run
        since += run
        left -= run
        # Switched here and not by comparing again: the air stands at the threshold but for rounding.
        if leaves != 0:
            if mode == OFF:
                mode, since = (HEATING if leaves < 0 else COOLING), 0.0
            elif mode == COOLING:
                mode, since = OFF, 0.0
            elif leaves < 0:
                strips = 1.0
            elif high < heat_c + half:
                strips = 0.0
            else:
                mode, since, strips = OFF, 0.0, 0.0
    return (air, mass, mode, since, strips), heating_j, cooling_j, resistance_j, fan_j


@inlined_kernel
def house_step(now, home, modes, outside, sun_w, gains_w, heat_c, cool_c, seconds, powered, held_off):
    """Advance one home by one step.

    Parameters
    ----------
    now
        State, a tuple of the (HOUSE_STATE,) row that `house.initial` gave: `state_numbers(row)`.
    home
        Parameters, `home_numbers(row)` of a (HOUSE,) row of `house.Houses.rows`.
    modes
        `modes_of(home, length)` for the usual step length; a step of another length (the first and last of
        a block) is right too, and costs two exponentials more.
    outside
        `outside_at(conditions, s)` at the step, of the (steps, CONDITIONS) of the home's kind of equipment
        by `house_weather.conditions`.
    sun_w, gains_w
        Heat through the windows, and of people and appliances inside [W], means over the step.
    heat_c, cool_c
        Set points, the middles of their dead bands; at least a dead band apart.
    seconds
        Length, at most 60 s or so: weather, gains, set points and performance are held over it.
    powered
        False: everything stands still, and the compressor waits `RESTART_S` after power returns.
    held_off
        True: heating and cooling are held off by somebody else (load control); they may start again
        after `MIN_OFF_S`.

    Returns
    -------
    now
        State after the step; `keep(row, now)` writes it back at the end of a block.
    heating_w, cooling_w, resistance_w, fan_w
        Mean electric power of the compressor while it heats, while it cools, of strips and crankcase, of
        the fan. They differ in power factor and in how they follow the voltage.
    """
    indoor = min(max(now[AIR_C], outside[INDOOR_LOW_C]), outside[INDOOR_HIGH_C])
    pump = home[PUMP_HEAT_W] * outside[PUMP_RUNS]
    heat = outside[HEAT_0] + indoor * (outside[HEAT_1] + indoor * outside[HEAT_2])
    eir = outside[EIR_0] + indoor * (outside[EIR_1] + indoor * outside[EIR_2])
    pump_w = pump * ((heat + outside[FROST_LOSS]) * eir * home[PUMP_EIR] + outside[FROST_EIR])
    to_mass = home[SUN_TO_MASS] * sun_w + home[GAINS_TO_MASS] * gains_w
    around = (outside[OUTDOOR_C], sun_w + gains_w - to_mass, to_mass)
    thermostat = (0.5 * home[DEADBAND_K], heat_c, cool_c, home[MIN_ON_S], home[MIN_OFF_S])
    machine = (
        pump * heat,
        pump_w,
        home[FURNACE_HEAT_W],
        home[COOL_W] * outside[COOL_HEAT],
        home[COOL_W] * home[COOL_EIR] * outside[COOL_POWER],
        home[HEAT_FAN_W],
        home[COOL_FAN_W],
        home[CRANKCASE_W] * outside[CRANKCASE] if powered else 0.0,
    )
    strip = (
        home[STRIP_W],
        home[STRIP_BELOW_K],
        home[STRIP_BAND_K],
        home[STRIP_DELAY_S],
        outside[STRIPS_HELP],
        home[STRIPS_ALONE],
    )
    now, heating_j, cooling_j, resistance_j, fan_j = advance(
        now, modes, around, thermostat, machine, strip, seconds, held_off or not powered
    )
    air, mass, mode, since, strips = now
    if not powered:
        since = home[MIN_OFF_S] - home[RESTART_S]
    per_s = 1.0 / seconds
    now = (air, mass, mode, since, strips)
    return now, heating_j * per_s, cooling_j * per_s, resistance_j * per_s, fan_j * per_s


@kernel
def run_house(state, house, conditions, sun_w, gains_w, set_c, seconds, powered, held_off, power_w, air_c):
    """One home over a block of steps; writes (4, steps) powers and the air at the end of each step.

    `set_c` is (2, steps): heating and cooling set points; the rest as in `house_step`, steps last.
    """
    now, home = state_numbers(state), home_numbers(house)
    modes = modes_of(home, seconds[seconds.shape[0] // 2])
    for s in range(seconds.shape[0]):
        now, heating_w, cooling_w, resistance_w, fan_w = house_step(
            now,
            home,
            modes,
            outside_at(conditions, s),
            sun_w[s],
            gains_w[s],
            set_c[0, s],
            set_c[1, s],
            seconds[s],
            powered[s],
            held_off[s],
        )
        power_w[0, s] = heating_w
        power_w[1, s] = cooling_w
        power_w[2, s] = resistance_w
        power_w[3, s] = fan_w
        air_c[s] = now[AIR_C]
    keep(state, now)


@kernel
def run_houses(
    state, houses, kind, conditions, sun_w, gains_w, set_c, seconds, powered, held_off, power_w, air_c
):
    """All homes, one after another: arrays as in `run_house` with homes first, `conditions` by `kind`."""
    for h in range(state.shape[0]):
        run_house(
            state[h],
            houses[h],
            conditions[kind[h]],
            sun_w[h],
            gains_w[h],
            set_c[h],
            seconds,
            powered[h],
            held_off[h],
            power_w[h],
            air_c[h],
        )


@parallel_kernel
def run_houses_parallel(
    state, houses, kind, conditions, sun_w, gains_w, set_c, seconds, powered, held_off, power_w, air_c
):
    """`run_houses` on all threads."""
    for h in prange(state.shape[0]):
        run_house(
            state[h],
            houses[h],
            conditions[kind[h]],
            sun_w[h],
            gains_w[h],
            set_c[h],
            seconds,
            powered[h],
            held_off[h],
            power_w[h],
            air_c[h],
        )
