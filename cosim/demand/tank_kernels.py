"""Storage water heaters of two nodes: resistance elements, one at a time, or a heat pump with an element.

Each node is fully mixed. Drawn water leaves the upper node, which takes as much from the lower one, which
takes it from the mains; warmer water below mixes with that above. Energy in a step is balanced exactly:

    C_u dT_u + C_l dT_l = (heat - loss) dt - c v (T_u - T_mains)
"""

import math

from cosim.compiled import kernel

# A home's tank.
(
    UPPER_J_PER_K,
    LOWER_J_PER_K,
    UPPER_LOSS_W_PER_K,
    LOWER_LOSS_W_PER_K,
    SET_C,
    DEADBAND_K,
    ELEMENT_W,  # 0: no electric water heater
    PUMP_W,  # rated power of the heat pump, 0: none
    PUMP_COP,
    INDOORS,  # 1: stands in heated rooms, 0: in a garage or cellar half as warm
) = range(10)
TANK = 10

# Its state.
UPPER_C, LOWER_C, SOURCE = range(3)
TANK_STATE = 3
NOTHING, UPPER, LOWER, PUMP, BACKUP = 0.0, 1.0, 2.0, 3.0, 4.0  # SOURCE: what heats

LITRE_J_PER_K = 4180.0 * 0.99  # of water at about 45 degC
PUMP_FAN_W = 35.0  # beside the compressor (OCHRE)
TAP_C = 40.5  # of mixed water, 105 F: Building America House Simulation Protocols
BACKUP_BELOW_K, BACKUP_TO_K = 13.0, 15.0  # element of a heat pump: upper node on, lower node off (OCHRE)
PUMP_LEAST_C, PUMP_MOST_C = 2.8, 62.8  # air in which the compressor runs, 37 to 145 F (makers' manuals)

# Stull (2011), wet bulb from dry bulb, at a relative humidity of 50 %.
_RH = 50.0
_WET_FACTOR = math.atan(0.151977 * math.sqrt(_RH + 8.313659))
_WET_OFFSET = -math.atan(_RH - 1.676331) + 0.00391838 * _RH**1.5 * math.atan(0.023101 * _RH) - 4.686035


@kernel
def wet_bulb(air_c):
    """Wet-bulb temperature of air half saturated [degC]."""
    return air_c * _WET_FACTOR + math.atan(air_c + _RH) + _WET_OFFSET


@kernel
def pump_figures(tank, air_c, water_c):
    """Heat and power of the heat pump that runs [W]: OCHRE's biquadratic curves of wet bulb and lower node."""
    t, u = wet_bulb(air_c), water_c
    capacity = 0.563 + t * (0.0437 + 0.000039 * t - 0.000145 * u) + u * (0.0055 - 0.000148 * u)
    cop = 1.1332 + t * (0.063 - 0.0000979 * t - 0.000686 * u) + u * (-0.00972 - 0.0000214 * u)
    heat = tank[PUMP_W] * tank[PUMP_COP] * capacity
    return heat, heat / (tank[PUMP_COP] * cop)


@kernel
def settle(tank, state):
    """Warm water below rises: the nodes mix if the lower one is warmer."""
    if state[LOWER_C] > state[UPPER_C]:
        cu, cl = tank[UPPER_J_PER_K], tank[LOWER_J_PER_K]
        both = (cu * state[UPPER_C] + cl * state[LOWER_C]) / (cu + cl)
        state[UPPER_C] = both
        state[LOWER_C] = both


@kernel
def heat_below(tank, state, target_c, power_w, seconds):
    """Heat from below until the lower node reaches the target; returns the time it takes, at most `seconds`."""
    need = tank[LOWER_J_PER_K] * (target_c - state[LOWER_C])
    need += tank[UPPER_J_PER_K] * max(target_c - state[UPPER_C], 0.0)
    used = min(max(need, 0.0) / power_w, seconds)
    state[LOWER_C] += power_w * used / tank[LOWER_J_PER_K]
    settle(tank, state)
    return used


@kernel
def tank_step(state, tank, mains_c, around_c, hot_l, tap_l, seconds, allowed):
    """Advance a water heater by one step; its state row changes in place.

    Parameters
    ----------
    state, tank
        (TANK_STATE,) and (TANK,) rows.
    mains_c, around_c
        Cold water; air around the tank and its heat pump.
    hot_l, tap_l
        Water drawn hot, and drawn mixed at the tap [litre]; at most the upper node in all.
    seconds
        Length, at most 60 s or so.
    allowed
        False: no power or held off; it is drawn from and cools.

    Returns
    -------
    element_w, pump_w, to_air_w, drawn_j
        Mean power of elements and heat pump; heat to the air around it, negative while the pump takes more
        than the tank loses; energy drawn above the mains.
    """
    cu, cl = tank[UPPER_J_PER_K], tank[LOWER_J_PER_K]
    upper = state[UPPER_C]
    drawn = 0.0
    litres = hot_l
    if tap_l > 0.0:
        litres += tap_l * min(max((TAP_C - mains_c) / max(upper - mains_c, 0.1), 0.0), 1.0)
    if litres > 0.0:
        moved = min(litres * LITRE_J_PER_K, min(cu, cl))
        drawn = moved * (upper - mains_c)
        state[UPPER_C] = upper + moved / cu * (state[LOWER_C] - upper)
        state[LOWER_C] += moved / cl * (mains_c - state[LOWER_C])
    lost_u = tank[UPPER_LOSS_W_PER_K] * (state[UPPER_C] - around_c)
    lost_l = tank[LOWER_LOSS_W_PER_K] * (state[LOWER_C] - around_c)
    state[UPPER_C] -= lost_u * seconds / cu
    state[LOWER_C] -= lost_l * seconds / cl
    settle(tank, state)
    to_air = lost_u + lost_l
    if not allowed:
        state[SOURCE] = NOTHING
        return 0.0, 0.0, to_air, drawn

    target, band, element = tank[SET_C], tank[DEADBAND_K], tank[ELEMENT_W]
    source = state[SOURCE]
    per_s = 1.0 / seconds
    if tank[PUMP_W] > 0.0:
        works = PUMP_LEAST_C <= around_c <= PUMP_MOST_C
        if state[UPPER_C] < target - BACKUP_BELOW_K:
            source = BACKUP
        elif source == NOTHING and state[LOWER_C] < target - band:
            source = PUMP
        if source != NOTHING and not works:
            source = BACKUP
        if source == BACKUP:
            goal = target if not works else target - BACKUP_TO_K
            used = min(max(cu * (target - state[UPPER_C]), 0.0) / element, seconds)
            state[UPPER_C] += element * used / cu
            below = 0.0
            if used < seconds:
                below = heat_below(tank, state, goal, element, seconds - used)
                if used + below < seconds:
                    source = PUMP if works and state[LOWER_C] < target else NOTHING
            state[SOURCE] = source
            return element * (used + below) * per_s, 0.0, to_air, drawn
        if source == PUMP:
            heat, power = pump_figures(tank, around_c, state[LOWER_C])
            used = heat_below(tank, state, target, heat, seconds)
            if used < seconds:
                source = NOTHING
            share = used * per_s
            state[SOURCE] = source
            return 0.0, (power + PUMP_FAN_W) * share, to_air + (power + PUMP_FAN_W - heat) * share, drawn
        state[SOURCE] = source
        return 0.0, 0.0, to_air, drawn

    used = 0.0
    if source == UPPER or state[UPPER_C] < target - band:
        source = UPPER
        used = min(max(cu * (target - state[UPPER_C]), 0.0) / element, seconds)
        state[UPPER_C] += element * used / cu
        if used < seconds:
            source = NOTHING
    if source != UPPER and (source == LOWER or state[LOWER_C] < target - band):
        source = LOWER
        left = seconds - used
        below = heat_below(tank, state, target, element, left)
        used += below
        if below < left:
            source = NOTHING
    state[SOURCE] = source
    return element * used * per_s, 0.0, to_air, drawn
