"""Laws of a sprung contact, one at a time, and the ageing of many homes over years.

Symbols and sources: docs/contacts.md. `c` is the row of constants that `cosim.thermal.contact.constants` makes,
read by the names below; temperatures are in degC, currents r.m.s. The state of a contact is four numbers: `hold`,
the share of its force as new that it would have without relaxation; `tau`, seconds of relaxation at the reference
temperature; `rim`, the square of the depth [m2] to which its spots are oxidised; `film` [ohm m2], what fretting
left. Ageing is quasi-steady: a season is a set of bins of current and air, each at its steady temperatures, and
the state moves on by their mean rates, in pieces so short that no piece changes a contact much.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel

KELVIN = 273.15
REFERENCE_C = 20.0
GAS = 8.31446  # J/(mol K)
LORENZ = 2.44e-8  # V2/K2
YEAR_S = 365.25 * 86400.0
LEAST_PIECE_S = 3600.0
ROUNDS, SETTLED_K = 60, 0.02

FORCE_N, FINGERS, SPOTS, HARDNESS, SLOPE = 0, 1, 2, 3, 4
SOFTENING_C, MELTING_C = 5, 6
RELAX_DECADE, RELAX_ONSET_S, RELAX_C, RELAX_J = 7, 8, 9, 10
STEEL, INSERTION = 11, 12
OXIDE, OXIDE_C, OXIDE_J, TARNISH = 13, 14, 15, 16
FRET, FRET_MOST, FRET_C, FRET_CYCLES, SLIP, ELASTIC, WIPE_N = 17, 18, 19, 20, 21, 22, 23
GLOW_W, GLOW_A, GLOW_POWER, GLOW_ABOVE, GLOW_LEAST_A = 24, 25, 26, 27, 28
CONSTANTS = 29

HOT_C, ALARM_C, TRIP_C, SENSOR = 0, 1, 2, 3  # the row of limits of `age_home`
HOT, ALARM, TRIP, GLOW = 0, 1, 2, 3  # columns of its first times [years]


@kernel
def arrhenius(joule, reference_c, at_c):
    """Rate at a temperature over that at the reference."""
    return math.exp(joule / GAS * (1.0 / (reference_c + KELVIN) - 1.0 / (at_c + KELVIN)))


@kernel
def force(c, hold, tau):
    """Normal force of one finger [N]: the brass relaxes linearly in log time, the steel clip does not."""
    brass = 1.0 - c[RELAX_DECADE] * math.log10(1.0 + tau / c[RELAX_ONSET_S])
    return c[FORCE_N] * hold * (c[STEEL] + (1.0 - c[STEEL]) * max(brass, 0.0))


@kernel
def resistance(c, new_ohm, newton, rim, film, softness):
    """Resistance [ohm] at 20 degC of a contact that has `new_ohm` as new, at a finger's force.

    softness: hardness over that at room temperature.
    """
    if newton <= 0.0:
        return np.inf
    constriction = new_ohm * math.sqrt(c[FORCE_N] * softness / newton)
    radius = math.sqrt(newton / (c[SPOTS] * math.pi * c[HARDNESS] * softness))
    bare = max(0.0, 1.0 - math.sqrt(rim) / radius)
    per_film = c[HARDNESS] * softness / (c[FINGERS] * newton)  # 1 over the touching area
    through = bare / constriction + (1.0 - bare * bare) / (constriction + c[TARNISH] * per_film)
    return 1.0 / through + film * per_film


@kernel
def hottest(volt, bulk_c):
    """Temperature of the spots [degC] at a contact voltage: Kohlrausch's relation."""
    kelvin = bulk_c + KELVIN
    return math.sqrt(kelvin * kelvin + volt * volt / (4.0 * LORENZ)) - KELVIN


@kernel
def voltage_at(spot_c, bulk_c):
    """Contact voltage at which the spots reach a temperature, 0 if the bulk already has."""
    spot, bulk = spot_c + KELVIN, bulk_c + KELVIN
    return math.sqrt(max(0.0, 4.0 * LORENZ * (spot * spot - bulk * bulk)))


@kernel
def softness_at(c, spot_c):
    """Hardness over that at room temperature: 1 up to softening, falling linearly to a tenth at melting."""
    share = (spot_c - c[SOFTENING_C]) / (c[MELTING_C] - c[SOFTENING_C])
    return 1.0 - 0.9 * min(1.0, max(0.0, share))


@kernel
def spot_slope(c, volt, bulk_c):
    """Resistance over that without the spots' own heat: two thirds of their rise count (Holm)."""
    rise = hottest(volt, bulk_c) - bulk_c
    return 1.0 + c[SLOPE] * 2.0 / 3.0 * rise / (1.0 + c[SLOPE] * (bulk_c - REFERENCE_C))


@kernel
def needed(c, new_ohm, newton, rim, film, amp, volt, bulk_c):
    """Voltage that a current needs if the spots are as hot and soft as `volt` makes them."""
    softness = softness_at(c, hottest(volt, bulk_c))
    ohm = resistance(c, new_ohm, newton, rim, film, softness) * (1.0 + c[SLOPE] * (bulk_c - REFERENCE_C))
    return amp * ohm * spot_slope(c, volt, bulk_c)


@kernel
def contact_voltage(c, new_ohm, newton, rim, film, amp, bulk_c):
    """Voltage [V] that a current would need, its own heat in the spots and their softening counted.

    It may exceed what metal can bear, `voltage_at(melting)`: then it does not stay metal.
    """
    hard = amp * resistance(c, new_ohm, newton, rim, film, 1.0) * (1.0 + c[SLOPE] * (bulk_c - REFERENCE_C))
    most = voltage_at(c[MELTING_C], bulk_c)
    volt = hard
    for _ in range(3):
        volt = hard * spot_slope(c, min(volt, most), bulk_c)
    low = voltage_at(c[SOFTENING_C], bulk_c)
    if volt <= low or newton <= 0.0:
        return volt
    # Softening widens the spots as the voltage rises: the voltage needed falls, so there is one crossing.
    high = min(volt, most)
    end = needed(c, new_ohm, newton, rim, film, amp, high, bulk_c)
    if end >= high:
        return end
    for _ in range(24):
        middle = 0.5 * (low + high)
        if needed(c, new_ohm, newton, rim, film, amp, middle, bulk_c) > middle:
            low = middle
        else:
            high = middle
    return high


@kernel
def glow_w(c, amp):
    """Power [W] of a glowing contact: the power law through the two published points, and beyond; 0 if out."""
    if amp < c[GLOW_LEAST_A]:
        return 0.0
    return c[GLOW_W] * (amp / c[GLOW_A]) ** (c[GLOW_POWER] if amp <= c[GLOW_A] else c[GLOW_ABOVE])


@kernel
def power(c, new_ohm, newton, rim, film, glowing, amp, bulk_c):
    """Heat [W] of a contact: metal up to its melting voltage, else the glow branch."""
    if glowing > 0.0:
        return glow_w(c, amp)
    if amp <= 0.0 or newton <= 0.0:
        return 0.0
    volt = contact_voltage(c, new_ohm, newton, rim, film, amp, bulk_c)
    return amp * min(volt, voltage_at(c[MELTING_C], bulk_c))


@kernel
def slip_share(c, newton, swing_k):
    """Share of a thermal cycle's slip that friction does not hold elastically."""
    slip = c[SLIP] * swing_k
    return max(0.0, 1.0 - c[ELASTIC] * newton / slip) if slip > 0.0 else 0.0


@kernel
def fretting_rate(c, newton, swing_k, bulk_c):
    """Film [ohm m2/s] that daily cycles leave: slip, less what the force wipes, oxidised at its temperature."""
    per_cycle = c[FRET] * slip_share(c, newton, swing_k) * math.exp(-newton / c[WIPE_N])
    # Oxide of one cycle is parabolic in its time: half of the activation energy.
    return per_cycle * arrhenius(0.5 * c[OXIDE_J], c[FRET_C], bulk_c) * c[FRET_CYCLES] / 86400.0


@kernel
def response(grid, row, watt):
    """Rise [K] that a contact's extra heat brings, linear between the points of a table and beyond them."""
    k = 1
    while k < grid.shape[0] - 1 and watt > grid[k]:
        k += 1
    return row[k - 1] + (row[k] - row[k - 1]) * (watt - grid[k - 1]) / (grid[k] - grid[k - 1])


@kernel
def settle(c, new_ohm, as_new_ohm, newton, rim, film, glowing, amp, base_c, grid, table, watt, temp):
    """Temperatures of contacts and meter in one bin: the loop of heat, resistance, heat.

    amp, base_c: currents of the contacts; temperatures of the rows with contacts as new at the body's own ohms;
    grid (g,), table (rows, contacts, g): rise of a row by the extra heat of a contact. Fills watt (contacts,) and
    temp (rows,). Beyond the threshold of runaway it ends where melting or the glow caps the heat.
    """
    count, rows = new_ohm.shape[0], base_c.shape[0]
    for j in range(rows):
        temp[j] = base_c[j]
    for _ in range(ROUNDS):
        for k in range(count):
            made = power(c, new_ohm[k], newton[k], rim[k], film[k], glowing[k], amp[k], temp[k])
            ohm = as_new_ohm[k] * (1.0 + c[SLOPE] * (base_c[k] - REFERENCE_C))
            watt[k] = made - amp[k] * amp[k] * ohm
        change = 0.0
        for j in range(rows):
            now = base_c[j]
            for k in range(count):
                now += response(grid, table[j, k], watt[k])
            change = max(change, abs(now - temp[j]))
            temp[j] = now
        if change < SETTLED_K:
            break


@kernel
def sensor_c(limits, temp, count):
    """What the meter's sensor reads [degC]: between the meter's inside and its warmer blade."""
    return (1.0 - limits[SENSOR]) * temp[count] + limits[SENSOR] * max(temp[count + 1], temp[count + 2])


@kernel
def age_home(
    c, limits, disconnects, new_ohm, as_new_ohm, amp, base_c, weight, grid, table,
    insertion, hits, pulled, step_s, steps, hold, tau, rim, film, glowing, first, hours, worst, work,
):  # fmt: skip
    """Age the contacts of one home until its meter trips, a contact glows, or time is up; returns the years lived.

    Parameters
    ----------
    c, limits
        Constants (CONSTANTS,) and (hot, alarm, trip temperature, place of the sensor).
    disconnects
        Whether its meter opens at the trip temperature.
    new_ohm, as_new_ohm
        (k,) resistances as drawn and as the body's network has them.
    amp, base_c, weight
        (seasons, bins, k), (seasons, bins, k + 3) temperatures of the contacts, of the meter's inside and of its
        blades on both legs at rest with contacts as new, (bins,) share of time. Bins rise in current; the last but
        one is a usual day's highest hour, the last is rare and left out of the daily swing.
    grid, table
        (g,), (k + 3, k, g), see `settle`.
    insertion, hits, pulled
        (n,) step at whose start a blade goes in, (n, k) share of its force each contact keeps, (k,) which contacts
        a change of meters concerns; the insertion of step 0 concerns all.
    step_s, steps
        Length of a season's step [s], number of steps.
    hold, tau, rim, film, glowing
        (k,) state, changed in place.
    first, hours, worst
        (4,) years until the first hot jaw, alarm, trip and glow; (2,) hours of a hot jaw (a glowing one until its
        season ends, unless the meter opens) and at the sensor's trip temperature; (2,) hottest contact [degC] and
        largest resistance over that as new. Changed in place.
    work
        (7, k + 3) scratch.
    """
    count, seasons, bins = new_ohm.shape[0], amp.shape[0], weight.shape[0]
    newton, watt, temp, coolest = work[0, :count], work[1, :count], work[2], work[3, :count]
    rate_tau, rate_rim, warmest = work[4, :count], work[5, :count], work[6, :count]
    clock = 0.0
    next_in = 0
    for step in range(steps):
        season = step % seasons
        while next_in < insertion.shape[0] and insertion[next_in] <= step:
            for k in range(count):
                if pulled[k] or step == 0:
                    hold[k] *= hits[next_in, k] * (1.0 - c[INSERTION] if step > 0 else 1.0)
                    left = math.exp(-force(c, hold[k], tau[k]) / c[WIPE_N])
                    rim[k] *= left
                    film[k] *= left
            next_in += 1
        to_go = step_s
        while to_go > 0.0:
            for k in range(count):
                newton[k] = force(c, hold[k], tau[k])
                rate_tau[k], rate_rim[k] = 0.0, 0.0
                ratio = resistance(c, new_ohm[k], newton[k], rim[k], film[k], 1.0) / new_ohm[k]
                worst[1] = max(worst[1], ratio)
            hot_share, trip_share = 0.0, 0.0
            lit = False
            for b in range(bins):
                now = amp[season, b]
                settle(
                    c, new_ohm, as_new_ohm, newton, rim, film, glowing,
                    now, base_c[season, b], grid, table, watt, temp,
                )  # fmt: skip
                top = -1e9
                for k in range(count):
                    top = max(top, temp[k])
                    if b < bins - 1:
                        coolest[k] = temp[k] if b == 0 else min(coolest[k], temp[k])
                        warmest[k] = temp[k] if b == 0 else max(warmest[k], temp[k])
                    rate_tau[k] += weight[b] * arrhenius(c[RELAX_J], c[RELAX_C], min(temp[k], c[MELTING_C]))
                    watt[k] = 0.0
                    if glowing[k] == 0.0:
                        most = voltage_at(c[MELTING_C], temp[k])
                        volt = 0.0
                        if now[k] > 0.0:
                            volt = contact_voltage(c, new_ohm[k], newton[k], rim[k], film[k], now[k], temp[k])
                        spot = hottest(min(volt, most), temp[k])
                        rate_rim[k] += weight[b] * c[OXIDE] * arrhenius(c[OXIDE_J], c[OXIDE_C], spot)
                        if volt >= most and now[k] >= c[GLOW_LEAST_A]:
                            lit = True
                            watt[
                                k
                            ] = -1.0  # marked; lit after the bin, so that all contacts of a bin see the same
                worst[0] = max(worst[0], top)
                sensor = sensor_c(limits, temp, count)
                if top > limits[HOT_C]:
                    hot_share += weight[b]
                    first[HOT] = min(first[HOT], clock / YEAR_S)
                if sensor >= limits[ALARM_C]:
                    first[ALARM] = min(first[ALARM], clock / YEAR_S)
                if sensor >= limits[TRIP_C]:
                    trip_share += weight[b]
                    first[TRIP] = min(first[TRIP], clock / YEAR_S)
                if lit:
                    for k in range(count):
                        if glowing[k] == 0.0 and watt[k] < 0.0:
                            glowing[k] = 1.0
                    break
            if lit:  # seen again in all bins, now glowing: what does the meter notice?
                first[GLOW] = min(first[GLOW], clock / YEAR_S)
                hot_share = 0.0
                for b in range(bins):
                    settle(
                        c, new_ohm, as_new_ohm, newton, rim, film, glowing,
                        amp[season, b], base_c[season, b], grid, table, watt, temp,
                    )  # fmt: skip
                    top = -1e9
                    for k in range(count):
                        top = max(top, temp[k])
                    worst[0] = max(worst[0], top)
                    if top > limits[HOT_C]:
                        first[HOT] = min(first[HOT], clock / YEAR_S)
                        hot_share += weight[b]
                    sensor = sensor_c(limits, temp, count)
                    if sensor >= limits[ALARM_C]:
                        first[ALARM] = min(first[ALARM], clock / YEAR_S)
                    if sensor >= limits[TRIP_C]:
                        first[TRIP] = min(first[TRIP], clock / YEAR_S)
                if not (disconnects and first[TRIP] < np.inf):
                    hours[0] += hot_share * to_go / 3600.0  # until it is found, at the end of its season
                return clock / YEAR_S
            if disconnects and first[TRIP] < np.inf:
                return clock / YEAR_S
            piece = to_go
            for k in range(count):
                if newton[k] <= 0.0:
                    continue
                radius = math.sqrt(newton[k] / (c[SPOTS] * math.pi * c[HARDNESS]))
                depth = math.sqrt(rim[k]) + 0.05 * radius
                if rate_rim[k] > 0.0 and depth < 1.05 * radius:
                    piece = min(piece, (depth * depth - rim[k]) / rate_rim[k])
                piece = min(piece, (0.3 * tau[k] + 0.3 * c[RELAX_ONSET_S]) / rate_tau[k])
                grown = fretting_rate(c, newton[k], warmest[k] - coolest[k], warmest[k])
                if grown > 0.0 and film[k] < c[FRET_MOST]:  # until the film adds a tenth of the resistance
                    per_film = c[HARDNESS] / (c[FINGERS] * newton[k])
                    now_ohm = resistance(c, new_ohm[k], newton[k], rim[k], film[k], 1.0)
                    piece = min(piece, 0.1 * now_ohm / (grown * per_film))
            piece = min(to_go, max(piece, LEAST_PIECE_S))
            for k in range(count):
                grown = fretting_rate(c, newton[k], warmest[k] - coolest[k], warmest[k])
                film[k] = min(c[FRET_MOST], film[k] + grown * piece)
                tau[k] += rate_tau[k] * piece
                rim[k] += rate_rim[k] * piece
            hours[0] += hot_share * piece / 3600.0
            hours[1] += trip_share * piece / 3600.0
            clock += piece
            to_go -= piece
    return clock / YEAR_S


@kernel
def age_one(
    h, c, limits, disconnects, scale, as_new_ohm, kind, exposure, heat, events, span, state, found, work
):
    """`age_home` of home h, its rows taken from arrays of all homes."""
    amp, base_c, weight = exposure
    grid, table = heat
    insertion, hits, pulled = events
    step_s, steps = span
    hold, tau, rim, film, glowing = state
    first, hours, worst, lived = found
    found_years = age_home(
        c, limits, disconnects[h], scale[h], as_new_ohm, amp[kind[h]], base_c[kind[h]], weight, grid, table,
        insertion, hits[h], pulled, step_s, steps, hold[h], tau[h], rim[h], film[h], glowing[h],
        first[h], hours[h], worst[h], work,
    )  # fmt: skip
    lived[h] = found_years


@kernel
def age_serial(
    c, limits, disconnects, scale, as_new_ohm, kind, exposure, heat, events, span, state, found, work
):
    """All homes, one after another; work (homes, 7, k + 3)."""
    for h in range(disconnects.shape[0]):
        age_one(
            h, c, limits, disconnects, scale, as_new_ohm, kind,
            exposure, heat, events, span, state, found, work[h],
        )  # fmt: skip


@parallel_kernel
def age_parallel(
    c, limits, disconnects, scale, as_new_ohm, kind, exposure, heat, events, span, state, found, work
):
    """As `age_serial`, homes spread over threads."""
    for h in prange(disconnects.shape[0]):
        age_one(
            h, c, limits, disconnects, scale, as_new_ohm, kind,
            exposure, heat, events, span, state, found, work[h],
        )  # fmt: skip
