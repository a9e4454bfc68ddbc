"""One home on a test bench: utility, service, contacts, panel and a source of its own, in time.

Phasors at each instant, every load an impedance. Voltages are to the transformer's earthed neutral. The utility is two
legs of 120 V behind an impedance; lost, they are open upstream and the neighbours' loads still hang on the service.
The source is two legs behind a small impedance (its regulator holds the rest) whose neutral is the panel's. An engine
asked for more than it can give slows at constant torque, and voltage with it, until it stalls (the flywheel is left
out). Where both sources are connected they are taken to be in phase: currents are then the least they can be.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.devices.transfer import REST, Machine
from cosim.events.physics import Act, Action, Crossing, Operation, Watch

if TYPE_CHECKING:
    from cosim.entries import BatteryEntry, Engine, GeneratorEntry

LEG_V = 120.0
HOME = "bench"
UTILITY_OHM = 0.02 + 0.02j  # transformer and drop, one leg: some 4 kA of fault current
NEUTRAL_OHM = 0.02 + 0.01j
CONTACT_OHM = 1e-3  # contactor, meter and jaws, one pole
SOURCE_OHM = 0.05 + 0.05j  # cord of 8 m of 10 AWG, and what the regulator does not hold
NEIGHBOURS_OHM = 20.0  # left on the dead service, each leg
HAND_SET_W = 10e3  # largest set that the transfer meter is stated for; it can overload a 30 A inlet
HAND_SET_A = 30.0  # rating of the inlet
US = 1_000_000

Pair = tuple[float, float]
S1, S2, P1, P2, PN, G1, G2 = range(7)


@dataclass(frozen=True)
class BenchSource:
    """The home's source: power it is rated for and can give, frequency without load and its droop, start, stall.

    `rated_a` is what its inlet or breaker is for; `kind` is "hand" for a set that a person starts, "standby" or
    "battery".
    """

    kind: str
    rated_w: float
    most_w: float
    rated_a: float
    no_load_hz: float
    droop: float
    start_s: float
    stall_speed: float


def source_for(supply: str, starts_itself: bool) -> BenchSource:
    """The source that a product is driven with: a battery, a standby set, or a portable set that fits its inlet."""
    if supply == "battery":
        battery = cast("BatteryEntry", library.load("der", "powerwall-3"))
        rated, most = battery.discharge_kw.value * 1e3, battery.fault_current_a.value * 2.0 * LEG_V
        return BenchSource("battery", rated, most, battery.continuous_a.value, 60.0, 0.0, 0.0, 0.0)
    name = "standby-generator-12" if starts_itself else "portable-generator-6.25"
    engine = cast("Engine", cast("GeneratorEntry", library.load("der", name)).engine)
    own = engine.rated_kw.value * 1e3
    rated = own if starts_itself else HAND_SET_W
    return BenchSource(
        "standby" if starts_itself else "hand",
        rated,
        rated * engine.most_kw.value * 1e3 / own,
        rated / (2.0 * LEG_V) if starts_itself else HAND_SET_A,
        engine.no_load_hz.value,
        engine.droop.value,
        engine.start_s.value,
        engine.stall_speed.value,
    )


@dataclass(frozen=True)
class Outside:
    """What the disturbance decides: voltage of the utility's legs, share of the source's legs, load, presence.

    `utility_pu` of 0 is an open leg. `source_pu` is what the source can make of each leg; `present` whether there is
    one that can be started, `runs` whether it runs.
    """

    utility_pu: Pair = (1.0, 1.0)
    source_pu: Pair = (1.0, 1.0)
    present: bool = True
    runs: bool = False
    load_w: float = 3500.0


class Row(NamedTuple):
    """The circuit from `time_s` on: volts to the neutral, amperes and Hz of the source, poles closed."""

    time_s: float
    utility: Pair
    service_v: Pair
    panel_v: Pair
    source_v: Pair
    source_a: Pair
    source_hz: float
    service: str
    contact: str


class Bench:
    """Physics of one home (see `cosim.events.physics.TransferPhysics`) under a script of disturbances.

    Parameters
    ----------
    machine
        Whose levels are watched.
    source
        The home's source.
    outside
        What is so at the start.
    script
        (second, changes of `Outside`) in order of time.
    """

    def __init__(
        self,
        machine: Machine,
        source: BenchSource,
        outside: Outside,
        script: Sequence[tuple[float, Mapping[str, Any]]],
    ) -> None:
        self.levels, self.unit, self.outside = machine.levels, source, outside
        self.script = [(round(second * US), order, dict(what)) for order, (second, what) in enumerate(script)]
        self.now_us, self.shed, self._order = 0, False, len(script)
        state = machine.states[machine.initial]
        self.service, self.contact = state.service, state.source
        self.rows: list[Row] = []
        self._solve()
        rest = {name: np.ravel(getattr(REST, name)) for names in TOPICS.values() for name in names}
        self.seen = {
            topic: self._between(topic, rest) for topic in TOPICS
        }  # what stands otherwise is told first

    # -- the clock's side ---------------------------------------------------------------------

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        """Move to `until_us`, or to where a quantity goes over a level."""
        self.now_us = start_us
        while True:
            for topic in TOPICS:
                if (found := self._buckets(topic)) != self.seen[topic]:
                    self.seen[topic] = found
                    return Crossing(self.now_us, topic, HOME, self._told(topic), (HOME,))
            if not self.script or self.script[0][0] > until_us:
                self.now_us = until_us
                return None
            self.now_us, _, change = heappop(self.script)
            self.outside = replace(self.outside, **change)
            self._solve()

    def apply(self, action: Action) -> tuple[str, ...]:
        """Work a contactor or the engine."""
        poles = set(action.subject)
        match action.kind:
            case Act.OPEN_SERVICE:
                self.service = "".join(sorted(set(self.service) - poles))
            case Act.CLOSE_SERVICE:
                self.service = "".join(sorted(set(self.service) | poles))
            case Act.DISCONNECT_SOURCE:
                self.contact = "".join(sorted(set(self.contact) - poles))
            case Act.CONNECT_SOURCE:
                self.contact = "".join(sorted(set(self.contact) | poles))
            case Act.START_SOURCE:
                if self.outside.present and not self.outside.runs:
                    at = self.now_us + round(self.unit.start_s * US)
                    heappush(self.script, (at, self._order, {"runs": True}))
                    self._order += 1
            case Act.STOP_SOURCE:
                self.outside = replace(self.outside, runs=False)
            case Act.RESET_SOURCE:
                pass  # sets of the bench have no breaker of their own
            case Act.CONNECT_CORDS | Act.DISCONNECT_CORDS:
                pass  # what hangs on cords is beside the panel
            case Act.SHED_LOADS | Act.RESTORE_LOADS:
                self.shed = action.kind == Act.SHED_LOADS
            case _:
                raise ValueError(f"the bench knows no {action.kind!r}")
        self._solve()
        return ()

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        """No study runs on a bench."""
        raise ValueError(f"the bench runs no {kind!r}")

    def operate(self, controls: tuple[str, ...]) -> tuple[Operation, ...]:
        """No voltage control stands on a bench."""
        raise ValueError(f"the bench has no {controls}")

    def delay_us(self, control: str) -> int | None:
        """No voltage control stands on a bench."""
        return None

    def service_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(1, 2) voltage on the grid's side of the contactor."""
        return _pair(self.rows[-1].service_v) / LEG_V

    def panel_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(1, 2) voltage at the panel."""
        return _pair(self.rows[-1].panel_v) / LEG_V

    def source_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(1, 2) voltage at the source's terminals."""
        return _pair(self.rows[-1].source_v) / LEG_V

    def source_hz(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(1,) frequency of the source."""
        return np.array([self.rows[-1].source_hz])

    def source_a(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(1, 2) current of the source."""
        return _pair(self.rows[-1].source_a)

    def _buckets(self, topic: Watch) -> tuple[tuple[int, int], ...]:
        """Between which levels the quantities stand now."""
        return self._between(topic, {name: getattr(self, name)((HOME,)).ravel() for name in TOPICS[topic]})

    def _between(
        self, topic: Watch, values: Mapping[str, NDArray[np.float64]]
    ) -> tuple[tuple[int, int], ...]:
        return tuple(
            (bisect_left(levels, value), bisect_right(levels, value)) if value == value else (-1, -1)
            for name in TOPICS[topic]
            for levels in (self.levels.get(name, ()),)
            for value in values[name].tolist()
        )

    def _told(self, topic: Watch) -> str:
        row = self.rows[-1]
        if topic == Watch.SERVICE_CHANGED:
            return f"service {row.service_v[0]:.0f} V, {row.service_v[1]:.0f} V"
        return f"source {row.source_v[0]:.0f} V, {row.source_v[1]:.0f} V, {max(row.source_a):.1f} A"

    # -- the circuit --------------------------------------------------------------------------

    def _solve(self) -> None:
        """The circuit as it stands now; an engine that cannot bear it stalls."""
        volts, amperes, power = self._phasors(1.0)
        speed = 1.0
        if power > self.unit.most_w:
            speed = self.unit.most_w / power
            if speed < self.unit.stall_speed:
                self.outside = replace(self.outside, runs=False)
            volts, amperes, power = self._phasors(speed)
        hertz = math.nan
        if self.outside.runs:
            governed = self.unit.no_load_hz - 60.0 * self.unit.droop * power / self.unit.rated_w
            hertz = governed * speed
        v = np.abs(volts)
        neutral = volts[PN]
        source_v = (float(abs(volts[G1] - neutral)), float(abs(volts[G2] - neutral)))
        panel_v = (float(abs(volts[P1] - neutral)), float(abs(volts[P2] - neutral)))
        row = Row(
            self.now_us / US, self.outside.utility_pu, (float(v[S1]), float(v[S2])), panel_v, source_v,
            amperes, hertz, self.service, self.contact,
        )  # fmt: skip
        if self.rows and self.rows[-1].time_s == row.time_s:
            self.rows.pop()  # what lasted no time
        if not self.rows or self.rows[-1][1:] != row[1:]:
            self.rows.append(row)

    def _phasors(self, speed: float) -> tuple[NDArray[np.complex128], Pair, float]:
        """Node voltages, current of the source by leg, and the power it gives at a share of its speed."""
        y = np.zeros((7, 7), dtype=np.complex128)
        i = np.zeros(7, dtype=np.complex128)

        def branch(a: int, b: int, siemens: complex) -> None:
            for node, other in ((a, b), (b, a)):
                if node >= 0:
                    y[node, node] += siemens
                    if other >= 0:
                        y[node, other] -= siemens

        earth, signs = -1, (1.0, -1.0)
        for node, pu, sign in zip((S1, S2), self.outside.utility_pu, signs, strict=True):
            branch(node, earth, 1.0 / NEIGHBOURS_OHM)
            if pu > 0.0:
                branch(node, earth, 1.0 / UTILITY_OHM)
                i[node] += sign * pu * LEG_V / UTILITY_OHM
        branch(PN, earth, 1.0 / NEUTRAL_OHM)
        load_w = self.outside.load_w * (0.5 if self.shed else 1.0)
        for node in (P1, P2):
            branch(node, PN, 0.25 * load_w / LEG_V**2)
        branch(P1, P2, 0.5 * load_w / (2.0 * LEG_V) ** 2)
        for pole, ends, others in (("1", (S1, P1), (G1, P1)), ("2", (S2, P2), (G2, P2))):
            branch(*ends, 1.0 / CONTACT_OHM if pole in self.service else 0.0)
            branch(*others, 1.0 / CONTACT_OHM if pole in self.contact else 0.0)
        emf = [
            s * pu * speed * LEG_V * self.outside.runs
            for s, pu in zip(signs, self.outside.source_pu, strict=True)
        ]
        for node, e in zip((G1, G2), emf, strict=True):
            if e:
                branch(node, PN, 1.0 / SOURCE_OHM)
                i[node] += e / SOURCE_OHM
                i[PN] -= e / SOURCE_OHM
            branch(node, PN, 1e-9)  # a voltmeter, so that an open leg has a voltage
        volts = np.linalg.solve(y, i).astype(np.complex128, copy=False)
        given = [
            (e - (volts[n] - volts[PN])) / SOURCE_OHM if e else 0j for n, e in zip((G1, G2), emf, strict=True)
        ]
        power = math.fsum(float((e * c.conjugate()).real) for e, c in zip(emf, given, strict=True))
        closed = [pole in self.contact for pole in "12"]
        amperes = tuple(float(abs(c)) if shut else 0.0 for c, shut in zip(given, closed, strict=True))
        return volts, (amperes[0], amperes[1]), power


TOPICS = {
    Watch.SERVICE_CHANGED: ("service_pu",),
    Watch.SOURCE_CHANGED: ("source_pu", "source_hz", "source_a", "panel_pu"),
}
"""Which quantities each signal tells of."""


def _pair(values: Pair) -> NDArray[np.float64]:
    return np.array([values])
