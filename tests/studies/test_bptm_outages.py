"""A thousand random outages of a backup power transfer meter: within 14 s when it must, never when it must not."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cosim import library
from cosim.randomness import uniforms
from cosim.studies.transfer_bench import (
    BACK,
    FED,
    LOST,
    LOST_S,
    Change,
    Disturbance,
    Trace,
    at_median,
    drive,
    fed,
)
from cosim.studies.transfer_circuit import LEG_V

OUTAGES = 1000
WITHIN_S = 14.0
STORIES = ("ready", "late", "absent", "dying", "leg missing", "returns", "one leg lost", "flapping")
ENTRY = library.load("transfer", "tesco-bptm")
MACHINE = at_median(ENTRY.machine())
LOCKOUT_S = (
    MACHINE.conditions["service-lost"].lasting_us + MACHINE.states["confirming"].leave[1].after_us
) / 1e6
NOTHING: Change = {"source_pu": (0.0, 0.0)}
GOOD: Change = {"source_pu": (1.0, 1.0)}


def tell(story: str, draws: np.ndarray) -> tuple[Trace, float | None]:
    """One outage, and from when the utility is lost and the source good on both legs (None: never for long)."""
    first, second, lost_s = float(draws[0]), float(draws[1]), LOST_S + float(draws[2]) * 10.0
    script: list[tuple[float, Change]] = [(lost_s, LOST)]
    both_s: float | None = lost_s
    match story:
        case "late":
            both_s = lost_s + 200.0 * first
            script += [(0.0, NOTHING), (both_s, GOOD)]
        case "absent":
            both_s = None
        case "dying":  # falls by a tenth each 50 to 550 ms, and is gone before the meter could close it
            both_s, each = None, 0.05 + 0.5 * second
            dies_s = lost_s + 9.0 * first
            script += [(dies_s + k * each, {"source_pu": (1.0 - 0.1 * k,) * 2}) for k in range(1, 11)]
        case "leg missing":
            both_s = None
            script += [(0.0, {"source_pu": (1.0, 0.0) if first < 0.5 else (0.0, 1.0)})]
        case "returns":  # anywhere inside the lockout, for good
            both_s = None
            script += [(lost_s + LOCKOUT_S * (0.001 + 0.998 * first), BACK)]
        case "one leg lost":
            script = [(lost_s, {"utility_pu": (1.0, 0.2 * second) if first < 0.5 else (0.2 * second, 1.0)})]
        case "flapping":  # never good for as long as the meter looks
            both_s = None
            script += [(k * 3.5, NOTHING if k % 2 else GOOD) for k in range(60)]
            script = [(at if what is not GOOD else at + 0.6 + first, what) for at, what in script]
    source = "absent" if story == "absent" else "ready"
    disturbance = Disturbance(story, story, tuple(script), 300.0, source)  # type: ignore[arg-type]
    return drive(MACHINE, disturbance, "generator"), both_s


def test_a_thousand_outages() -> None:
    items = np.arange(OUTAGES, dtype=np.uint64)
    draws = np.stack([uniforms(6, "bptm outages", items, counter=k) for k in range(4)], axis=1)
    told: Counter[str] = Counter()
    slowest = 0.0
    for row in draws:
        story = STORIES[int(row[3] * len(STORIES))]
        trace, both_s = tell(story, row)
        told[story] += 1
        closed = [r for r in trace.rows if r.contact]
        if both_s is None:
            assert not closed, (story, row, closed[0])
            if story == "returns":
                assert all(r.service == "12" for r in trace.rows), (story, row)
        else:
            assert closed, (story, row)
            taken_s = closed[0].time_s - both_s
            assert 0.0 < taken_s <= WITHIN_S, (story, row, taken_s)
            assert fed(closed[0])
            slowest = max(slowest, taken_s)
        for r in trace.rows:
            assert not (r.service and r.contact), (story, r)
            assert not r.contact or min(r.source_v) > FED * LEG_V, (story, r)
    assert min(told[story] for story in STORIES) > 80, told
    assert sum(told.values()) == OUTAGES
    assert 9.0 < slowest < 10.0, slowest  # the sum of the parts in models/transfer


def test_the_parts_add_up() -> None:
    """Detection, lockout, opening, dead time and closing of the entry give the stated whole, or less."""
    ways = {name: state.leave for name, state in MACHINE.states.items()}

    def delay(state: str, to: str) -> float:
        return next(way.after_us for way in ways[state] if way.to == to) / 1e6

    parts = (
        LOCKOUT_S,
        delay("opening", "dead-time"),
        delay("dead-time", "closing"),
        delay("closing", "on-generator"),
    )
    assert sum(parts) <= WITHIN_S
    late = MACHINE.conditions["source-qualified"].lasting_us / 1e6 + sum(parts[1:])
    assert late <= WITHIN_S
