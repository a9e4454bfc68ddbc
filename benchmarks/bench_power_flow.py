"""Power flow per step, accuracy for accuracy, beside OpenDSS's own engine loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from benchmarks.opendss_peer import MINUTES, Peer, shape_of, shapes
from cosim.electrical.circuit import Circuit, Complex, Float
from cosim.electrical.network import Network
from cosim.feeder.feeder import Feeder

EVENING = 16 * 60
NEEDS = {"ieee8500": "IEEE 8500-node feeder in ../shared", "generated": ""}
# Rebuilt branch by branch, a circuit costs the engine about three times its usual time (it visits every element at
# every step): good for checking and gating everywhere, not for claims.
PEER = {"ieee8500": "OpenDSS", "generated": "OpenDSS by branches"}
GENERATED_HOMES = 1200
EQUAL_PU = 2e-6  # what equal accuracy asks of the worst node
AGREEMENT_PU = 1e-6  # two engines solved tightly


@dataclass
class Case:
    """A feeder in both programs."""

    circuit: Circuit
    network: Network
    peer: Peer
    minutes: int

    @cached_property
    def multiplier(self) -> Float:
        """(injectors, MINUTES) over nominal."""
        owner = self.circuit.injectors.owner
        values = shapes()[shape_of(int(owner.max()) + 1)]
        return np.where(owner[:, None] >= 0, values[owner], 1.0)

    def powers(self, first: int, minutes: int) -> tuple[Float, Float]:
        """Powers of some minutes of the day."""
        rows, part = self.circuit.injectors, self.multiplier[:, first : first + minutes]
        return np.ascontiguousarray(rows.p_w[:, None] * part), np.ascontiguousarray(
            rows.q_var[:, None] * part
        )

    @cached_property
    def exact(self) -> Complex:
        """Voltages of the evening to rounding, on which both programs agree."""
        ours = self.network.solve(*self.powers(EVENING, self.minutes), tolerance_pu=1e-12)
        assert ours.converged.all()
        few = min(self.minutes, 10)
        theirs, _ = self.peer.voltages(self.circuit.nodes, EVENING, few, 1e-10)
        assert self.error(ours.v[:, :few], theirs) < AGREEMENT_PU
        return ours.v

    def error(self, v: Complex, exact: Complex) -> float:
        """Largest error of any node in any step [pu]."""
        return float(np.max(np.abs(v - exact) / self.circuit.base_v[:, None]))

    def day(self, smoke: bool) -> tuple[int, list[tuple[Float, Float]]]:
        """Minutes, and powers of a day in blocks as a run solves them."""
        minutes, block = (24, 12) if smoke else (MINUTES, 240)
        return minutes, [self.powers(first, block) for first in range(0, minutes, block)]

    def solve_day(self, blocks: list[tuple[Float, Float]], tolerance: float, *, parallel: bool) -> None:
        """Every block let go before the next, as in a run."""
        for p, q in blocks:
            assert self.network.solve(p, q, tolerance_pu=tolerance, parallel=parallel).converged.all()

    def worst(self, first: int, minutes: int, tolerance: float) -> float:
        """Largest error of any node in these minutes [pu]."""
        found = 0.0
        for at in range(first, first + minutes, 120):
            p, q = self.powers(at, min(120, first + minutes - at))
            exact = self.network.solve(p, q, tolerance_pu=1e-11)
            assert exact.converged.all()
            found = max(found, self.error(self.network.solve(p, q, tolerance_pu=tolerance).v, exact.v))
        return found

    def facts(self, tolerance: float) -> dict[str, float]:
        """Errors and iterations of both at one tolerance.

        Cosim must be at least as accurate, or within half of what the tolerance asks.
        """
        ours = self.network.solve(*self.powers(EVENING, self.minutes), tolerance_pu=tolerance)
        assert ours.converged.all()
        theirs, iterations = self.peer.voltages(self.circuit.nodes, EVENING, self.minutes, tolerance)
        own, peer = self.error(ours.v, self.exact), self.error(theirs, self.exact)
        assert own <= max(peer, 0.5 * tolerance), f"cosim errs by {own:.1e} pu, OpenDSS by {peer:.1e}"
        assert peer < 10.0 * tolerance, "the peer must do the same work"
        return {
            "error_pu": own,
            "peer_error_pu": peer,
            "iterations": float(ours.iterations.mean()),
            "peer_iterations": iterations,
        }


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest, smoke: bool) -> Callable[[str], Case]:
    """Both feeders, built when first asked for."""
    built: dict[str, Case] = {}

    def case(name: str) -> Case:
        if name not in built:
            built[name] = _build(name, request, 12 if smoke else 240)
        return built[name]

    return case


def _build(name: str, request: pytest.FixtureRequest, minutes: int) -> Case:
    if name == "generated":
        circuit = Feeder.generate(homes=GENERATED_HOMES).compile().circuit
        network = Network(circuit)
        return Case(circuit, network, Peer.of_circuit(circuit, network), minutes)
    master = request.getfixturevalue("ieee8500")
    feeder = Feeder.from_opendss(master)
    circuit = feeder.compile().circuit
    return Case(circuit, Network(circuit), Peer.of_master(master, feeder.home["name"].tolist()), minutes)


@pytest.mark.parametrize("threads", ["serial", "threads"])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("feeder", ["generated", "ieee8500"])
def bench_power_flow(
    pair: Callable[..., Any], cases: Callable[[str], Case], feeder: str, tolerance: float, threads: str
) -> None:
    """Evening minutes 16:00 to 20:00."""
    case = cases(feeder)
    p, q = case.powers(EVENING, case.minutes)

    def own() -> None:
        solved = case.network.solve(p, q, tolerance_pu=tolerance, parallel=threads == "threads")
        assert solved.converged.all()
        assert solved.v.shape == (len(case.circuit.nodes), case.minutes)

    pair(
        own,
        lambda: case.peer.day(EVENING, case.minutes, tolerance),
        unit="step",
        units=case.minutes,
        peer_name=PEER[feeder],
        rounds=5,
        needs=NEEDS[feeder],
        **case.facts(tolerance),
    )


def bench_power_flow_day(pair: Callable[..., Any], cases: Callable[[str], Case], smoke: bool) -> None:
    """A day of 1,440 minutes at OpenDSS's default tolerance, in blocks as a run solves them."""
    _day(pair, cases("ieee8500"), smoke, 1e-4, 1e-4)


def bench_power_flow_day_accurate(
    pair: Callable[..., Any], cases: Callable[[str], Case], smoke: bool
) -> None:
    """The same day at equal accuracy: no node in any step errs by more than 2e-6 pu, for which OpenDSS needs 1e-6."""
    case = cases("ieee8500")
    worst = case.worst(0, 24 if smoke else MINUTES, 1e-5)
    assert worst <= EQUAL_PU, f"cosim errs by {worst:.1e} pu"
    _day(pair, case, smoke, 1e-5, 1e-6, error_pu=worst)


def bench_power_flow_day_default(pair: Callable[..., Any], cases: Callable[[str], Case], smoke: bool) -> None:
    """The accurate day beside OpenDSS at its loose default."""
    _day(pair, cases("ieee8500"), smoke, 1e-5, 1e-4)


def bench_power_flow_day_threads(pair: Callable[..., Any], cases: Callable[[str], Case], smoke: bool) -> None:
    """The accurate day on all threads; the peer is cosim on one."""
    case = cases("ieee8500")
    minutes, blocks = case.day(smoke)
    pair(
        lambda: case.solve_day(blocks, 1e-5, parallel=True),
        lambda: case.solve_day(blocks, 1e-5, parallel=False),
        unit="step",
        units=minutes,
        peer_name="one thread",
        needs=NEEDS["ieee8500"],
    )


def _day(
    pair: Callable[..., Any], case: Case, smoke: bool, tolerance: float, peer_tolerance: float, **facts: float
) -> None:
    """One thread; all node voltages and injector currents are returned."""
    minutes, blocks = case.day(smoke)
    pair(
        lambda: case.solve_day(blocks, tolerance, parallel=False),
        lambda: case.peer.day(0, minutes, peer_tolerance),
        unit="step",
        units=minutes,
        peer_name="OpenDSS",
        rounds=3,
        needs=NEEDS["ieee8500"],
        **facts,
    )
