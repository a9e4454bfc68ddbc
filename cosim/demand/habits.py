"""How plugs and lamps go with the hour: relative use from 0:00 and back to it, weekday and weekend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

# Engineering judgement throughout. The first pair is a household that is out by day, the second one with
# somebody in; the curve of ANSI/RESNET/ICC 301-2022, a mean over all homes, is flatter than both.
_OUT = (0.7, 0.45, 0.35, 0.3, 0.3, 0.4, 0.8, 1.2, 0.9, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.6, 1.0, 1.6)
_IN = (0.7, 0.45, 0.35, 0.3, 0.3, 0.4, 0.7, 1.1, 1.3, 1.3, 1.3, 1.3, 1.4, 1.3, 1.2, 1.3, 1.5, 1.8)
_OUT_WEEKEND = (0.8, 0.5, 0.4, 0.3, 0.3, 0.3, 0.5, 0.8, 1.1, 1.2, 1.2, 1.2, 1.2, 1.1, 1.1, 1.1, 1.3, 1.6)
_IN_WEEKEND = (0.8, 0.5, 0.4, 0.3, 0.3, 0.3, 0.5, 0.8, 1.2, 1.4, 1.4, 1.4, 1.4, 1.3, 1.3, 1.3, 1.5, 1.7)
_EVENING = (2.0, 2.3, 2.3, 2.2, 1.8, 1.2)  # 18 to 23 h
_LAMPS = (0.25, 0.12, 0.08, 0.06, 0.08, 0.2, 0.55, 0.7, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.5, 0.7, 0.9)
_LAMPS_WEEKEND = (
    0.3, 0.15, 0.1, 0.06, 0.06, 0.1, 0.3, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.7, 0.9,
)  # fmt: skip


def _closed(curves: object) -> Float:
    """Curves over 24 hours with midnight repeated at the end, so that they can be interpolated."""
    values = np.array(curves, dtype=np.float64)
    return np.ascontiguousarray(np.concatenate([values, values[..., :1]], axis=-1))


def _plugs() -> Float:
    """(2, 2, 25) by (out or in, weekday or weekend, hour); the mean over a week is 1."""
    rows = np.array(
        [[[*_OUT, *_EVENING], [*_OUT_WEEKEND, *_EVENING]], [[*_IN, *_EVENING], [*_IN_WEEKEND, *_EVENING]]]
    )
    week = (5.0 * rows[:, 0].mean(axis=1) + 2.0 * rows[:, 1].mean(axis=1)) / 7.0
    return _closed(rows / week[:, None, None])


PLUGS = _plugs()
LAMPS = _closed(
    ((*_LAMPS, 1.0, 1.0, 1.0, 0.95, 0.75, 0.45), (*_LAMPS_WEEKEND, 1.0, 1.0, 1.0, 0.95, 0.8, 0.5))
)  # (2, 25) of all usual lamps
