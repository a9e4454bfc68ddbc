"""Counter-based random numbers: every draw is a function of its address.

A draw is addressed by (seed, purpose, stable id, local-standard day, counter), so any
home's day can be drawn again alone, in any order, on any thread, with the same bits.
The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014), applied once per field of
the address; it passes through every bit of each field.
"""

import math

import numpy as np

from cosim.compiled import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@kernel
def mix(state, field):
    """State after absorbing one 64-bit field of the address."""
    z = (np.uint64(state) ^ np.uint64(field)) + _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@kernel
def uniform(seed, purpose, item, day, counter):
    """Uniform number in [0, 1) at an address; all fields are 64-bit integers."""
    z = mix(np.uint64(0), np.uint64(seed))
    z = mix(z, np.uint64(purpose))
    z = mix(z, np.uint64(item))
    z = mix(z, np.uint64(day))
    z = mix(z, np.uint64(counter))
    return np.float64(z >> _S11) * _TO_UNIT


@kernel
def draw(state, counter):
    """`uniform` from the state after its first fields, those before the counter."""
    return np.float64(mix(state, np.uint64(counter)) >> _S11) * _TO_UNIT


@kernel
def inverse_cdf(cumulative, u):
    """Place at which a cumulative curve, linear between its points 0, 1, 2 .., reaches u."""
    low, high = 0, cumulative.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if cumulative[middle] <= u:
            low = middle
        else:
            high = middle
    return low + (u - cumulative[low]) / (cumulative[high] - cumulative[low])


@kernel
def normal(seed, purpose, item, day, counter):
    """Standard normal number at an address (Box and Muller, 1958)."""
    u = 1.0 - uniform(seed, purpose, item, day, np.uint64(2) * np.uint64(counter))
    w = uniform(seed, purpose, item, day, np.uint64(2) * np.uint64(counter) + np.uint64(1))
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * w)


@kernel
def fill_uniform(seed, purpose, items, day, counter, out):
    """Write `uniform` of every item into `out`."""
    for i in range(items.shape[0]):
        out[i] = uniform(seed, purpose, items[i], day, counter)
