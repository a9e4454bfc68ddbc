"""Clouds that move with the wind: a fractal field of thickness, and the light that a place sees through it."""
# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs, no-warn-return-any

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.random_kernels import mix

SAMPLE_S = 15.0  # a cell of the field is what passes in this time
LEVELS = 9  # features of 15 s to 64 min
ACROSS = 2  # rows of the field stand this many cells apart
ROUGHNESS = 1.0 / 3.0  # growth of amplitude with size: a spectrum of power -5/3
SMOOTH_LEVELS = (
    2  # finer features fade twice as fast as they halve (spectrum of power -3): light is scattered sideways
)
EDGE = 1.0  # thickness over which light fades, in standard deviations of the field: an estimate, 0.35 to 3
REACH = 5.0  # all light passes at a level this high above the mean, none at one this low
UNIT = 2.0**30  # light of a cell is kept in whole parts of this: sums have no rounding


@kernel
def _amplitude(level):
    """Strength of a level's lattice."""
    if level >= SMOOTH_LEVELS:
        return 2.0 ** (ROUGHNESS * level)
    return 2.0 ** (ROUGHNESS * SMOOTH_LEVELS + level - SMOOTH_LEVELS)


@kernel
def _spread():
    """Standard deviation of the sum of all levels: interpolation in two directions leaves 4/9 of a lattice's 1/3."""
    total = 0.0
    for level in range(LEVELS):
        total += 4.0 / 27.0 * _amplitude(level) ** 2
    return math.sqrt(total)


@kernel
def _node(state, place):
    return (
        np.float64(mix(state, np.uint64(np.int64(place))) >> np.uint64(11)) * (2.0 / 9007199254740992.0) - 1.0
    )


@kernel
def thickness(state, row, first, out):
    """Thickness along a row of the field, standard normal in effect.

    state: of the day's draws; row: number of the row across the wind; first: number of the first cell along it;
    out (n,). A sum of lattices of uniform numbers, each twice as coarse as the one before and stronger,
    linear between its nodes and shifted by a draw of its own.
    """
    for i in range(out.shape[0]):
        out[i] = 0.0
    unit = 1.0 / _spread()
    for level in range(LEVELS):
        size = 1 << level
        own = mix(state, np.uint64(level))
        shift = mix(own, np.uint64(1))
        along0 = np.int64(shift & np.uint64(0xFFFF))
        across = row * ACROSS + np.int64((shift >> np.uint64(16)) & np.uint64(0xFFFF)) + 0.5
        j = math.floor(across / size)
        part = across / size - j
        low, high = mix(own, np.uint64(2 * np.int64(j) + 5)), mix(own, np.uint64(2 * np.int64(j) + 7))
        weight = unit * _amplitude(level)
        node = (first + along0) // size
        i = node * size - (first + along0)
        here = (1.0 - part) * _node(low, node) + part * _node(high, node)
        while i < out.shape[0]:
            node += 1
            there = (1.0 - part) * _node(low, node) + part * _node(high, node)
            step = weight * (there - here) / size
            for k in range(max(i, 0), min(i + size, out.shape[0])):
                out[k] += weight * here + step * (k - i + 0.5)
            here = there
            i += size


@kernel
def _passes(level, thick):
    """Share of the beam that passes: one where the field is well below the level, none well above."""
    return min(max(0.5 + (level - thick) / EDGE, 0.0), 1.0)


@kernel
def level_at(levels, sample, blend):
    """Level at a cell: the hour's own, blended linearly with the next one's over `blend` cells about their border.

    Constant beyond the ends of the day.
    """
    cells = int(3600.0 / SAMPLE_S)
    h = min(max(sample // cells, 0), levels.shape[0] - 1)
    place = sample - h * cells
    if place < blend and h > 0:
        share = 0.5 + 0.5 * max(place + 0.5, 0.0) / blend
        return share * levels[h] + (1.0 - share) * levels[h - 1]
    if place >= cells - blend and h < levels.shape[0] - 1:
        share = 0.5 + 0.5 * max(cells - place - 0.5, 0.0) / blend
        return share * levels[h] + (1.0 - share) * levels[h + 1]
    return levels[h]


@kernel
def _light(levels, h, thick, weight, blend):
    """Weighted light of an hour's cells."""
    cells = int(3600.0 / SAMPLE_S)
    first, found = h * cells, 0.0
    for i in range(blend):
        found += weight[first + i] * _passes(level_at(levels, first + i, blend), thick[first + i])
    level = levels[h]
    for i in range(first + blend, first + cells - blend):
        found += weight[i] * _passes(level, thick[i])
    for i in range(first + cells - blend, first + cells):
        found += weight[i] * _passes(level_at(levels, i, blend), thick[i])
    return found


@kernel
def fit_levels(thick, weight, share, target, blend, sweeps, levels, factor):
    """Levels at which the station's hours have their means.

    thick, weight (cells of a day,): field over the station, and light where there is no cloud; share (24,): of that
    light the hours have, one for an hour without clouds; target (24,): sums of light over the hours' cells.
    levels (24,): solved for, hour by hour in sweeps, by bisection; factor (24,): what is left over, 0.8 to 1.25.
    """
    for h in range(levels.shape[0]):
        levels[h] = REACH if share[h] >= 1.0 else 0.0
        if target[h] <= 0.0 and share[h] < 1.0:
            levels[h] = -REACH
    for _ in range(sweeps):
        for h in range(levels.shape[0]):
            if target[h] <= 0.0 or share[h] >= 1.0:
                continue
            low, high = -REACH, REACH
            for _ in range(18):
                levels[h] = 0.5 * (low + high)
                if _light(levels, h, thick, weight, blend) < target[h]:
                    low = levels[h]
                else:
                    high = levels[h]
    for h in range(levels.shape[0]):
        found = _light(levels, h, thick, weight, blend)
        factor[h] = 1.0
        if found > 0.0:
            factor[h] = min(max(target[h] / found, 0.8), 1.25)


@kernel
def fill_row(state, row, first, levels, factor, blend, thick, sums):
    """Running sum of the light along one row, in whole parts of `UNIT`; thick (n,), sums (n + 1,)."""
    thickness(state, row, first, thick)
    cells = 3600 // int(SAMPLE_S)
    sums[0] = 0.0
    for i in range(thick.shape[0]):
        sample = first + i
        h = min(max(sample // cells, 0), levels.shape[0] - 1)
        light = factor[h] * _passes(level_at(levels, sample, blend), thick[i])
        sums[i + 1] = sums[i] + math.floor(light * UNIT + 0.5)


@kernel
def rows_serial(state, rows, first, levels, factor, blend, thick, sums):
    """`fill_row` of every row; rows (r,), thick (r, n), sums (r, n + 1)."""
    for r in range(rows.shape[0]):
        fill_row(state, rows[r], first, levels, factor, blend, thick[r], sums[r])


@parallel_kernel
def rows_parallel(state, rows, first, levels, factor, blend, thick, sums):
    """`rows_serial` with rows on threads."""
    for r in prange(rows.shape[0]):
        fill_row(state, rows[r], first, levels, factor, blend, thick[r], sums[r])


@kernel
def _until(line, place, first):
    """Light up to a place along a row, in cells, flat beyond the ends: of whole cells, and of the last one's part.

    They are kept apart, as are whole cells and parts of the place, so that where a row begins moves no bit.
    """
    whole = math.floor(place)
    i = int(whole) - first
    if i < 0:
        return 0.0, 0.0
    if i >= line.shape[0] - 1:
        return line[line.shape[0] - 1], 0.0
    return line[i], (place - whole) * (line[i + 1] - line[i])


@kernel
def _seen_at(line, delay, first, edges, unit, out):
    """`seen_serial` of one place."""
    whole0, part0 = _until(line, edges[0] - delay, first)
    for s in range(out.shape[0]):
        whole1, part1 = _until(line, edges[s + 1] - delay, first)
        out[s] = ((whole1 - whole0) + (part1 - part0)) * unit
        whole0, part0 = whole1, part1


@kernel
def seen_serial(sums, row, delay, first, edges, unit, out):
    """Mean share of the beam over steps at places.

    sums (r, n + 1): of `fill_row`, from cell number first; row (h,): which of them; delay (h,): how much later than
    at the station clouds pass; edges (s + 1,): borders of steps, both in cells since the day's beginning; unit: share
    per light of a step; out (h, s).
    """
    for h in range(row.shape[0]):
        _seen_at(sums[row[h]], delay[h], first, edges, unit, out[h])


@parallel_kernel
def seen_parallel(sums, row, delay, first, edges, unit, out):
    """`seen_serial` with places on threads."""
    for h in prange(row.shape[0]):
        _seen_at(sums[row[h]], delay[h], first, edges, unit, out[h])
