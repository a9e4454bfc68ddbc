"""OpenDSS as a peer: the engine's own loop over a day with shapes inside it, nothing read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.electrical.circuit import Circuit, Complex, Float
from cosim.electrical.network import Network
from cosim.feeder.script import run_master

MINUTES = 1440
SHAPES = 100


def shapes(seed: int = 8500) -> Float:
    """(SHAPES, MINUTES) demand over its peak: an evening hump and minute-to-minute noise, 0.3 to 1."""
    rng = np.random.default_rng(seed)
    hour = np.arange(MINUTES) / 60.0
    peak, width = rng.normal(18.5, 1.5, (SHAPES, 1)), rng.uniform(2.0, 5.0, (SHAPES, 1))
    hump = 0.45 + 0.35 * np.exp(-(((hour - peak) / width) ** 2))
    return np.clip(hump + rng.uniform(-0.2, 0.2, (SHAPES, MINUTES)), 0.3, 1.0)


def shape_of(homes: int) -> np.ndarray:
    """Shape number of each home."""
    return np.arange(homes) * 37 % SHAPES


@dataclass
class Peer:
    """An engine that holds a circuit with a daily shape on every load, controls off."""

    engine: Any

    @classmethod
    def of_master(cls, master: Path, home_names: list[str]) -> Peer:
        """A master file with its controls' taps, its loads following their homes' shapes."""
        pytest.importorskip("dss", reason="needs dss-python")
        peer = cls(run_master(master, controls="solved").engine)
        number = dict(zip(home_names, shape_of(len(home_names)), strict=True))
        peer._define_shapes()
        loads = [name.lower() for name in peer.engine.ActiveCircuit.Loads.AllNames]
        assert set(loads) == set(number), "homes and loads must be the same"
        for name in loads:
            peer.send(f"load.{name}.daily=s{number[name]} status=variable")  # some are declared fixed
        return peer

    @classmethod
    def of_circuit(cls, circuit: Circuit, network: Network) -> Peer:
        """Any circuit, its admittance matrix rebuilt exactly from one-phase branches, one for each entry.

        The engine visits every element at every step, so this costs it more than a script of lines and units.
        """
        dss = pytest.importorskip("dss", reason="needs dss-python")
        peer = cls(dss.DSS.NewContext())
        (source,) = circuit.sources
        emf, z = source.emf_v[0], source.z_ohm[0, 0]
        assert np.allclose(source.z_ohm, np.diag(np.diag(source.z_ohm))), "an uncoupled source"
        bus = circuit.nodes[source.nodes[0]].rpartition(".")[0]
        kv = abs(emf) * np.sqrt(3.0) / 1e3
        peer.send("clear")
        peer.send(
            f"new circuit.peer bus1={bus} basekv={kv:.12g} pu=1 angle={np.degrees(np.angle(emf)):.12g} "
            f"phases=3 r1={z.real:.12g} x1={z.imag:.12g} r0={z.real:.12g} x0={z.imag:.12g}"
        )
        upper = np.abs(network.y_elements).tocoo()
        rows, columns = upper.row[upper.row < upper.col], upper.col[upper.row < upper.col]
        for k, (a, b) in enumerate(zip(rows, columns, strict=True)):
            peer._branch(f"b{k}", circuit.nodes[a], circuit.nodes[b], -network.y_elements[a, b])
        to_ground = np.asarray(network.y_elements.sum(axis=1)).ravel()
        for k in np.flatnonzero(np.abs(to_ground) > 1e-12):
            peer._branch(f"g{k}", circuit.nodes[k], "", to_ground[k])
        peer._define_shapes()
        peer._define_loads(circuit)
        peer.send("set mode=snapshot controlmode=off maxiterations=500")
        peer.send("makebuslist")
        peer.send("solve")
        return peer

    def send(self, text: str) -> None:
        """One command; the engine raises if it does not understand."""
        self.engine.Text.Command = text

    def _define_shapes(self) -> None:
        for k, values in enumerate(shapes()):
            listed = " ".join(f"{value:.17g}" for value in values)
            self.send(f"new loadshape.s{k} npts={MINUTES} minterval=1 mult=[{listed}]")

    def _branch(self, name: str, a: str, b: str, y: complex) -> None:
        z = 1.0 / y
        far = b or f"{a.rpartition('.')[0]}.0"
        self.send(f"new reactor.{name} phases=1 bus1={a} bus2={far} r={z.real:.17g} x={z.imag:.17g}")

    def _define_loads(self, circuit: Circuit) -> None:
        rows = circuit.injectors
        number = shape_of(int(rows.owner.max()) + 1)
        for k in np.flatnonzero((rows.p_w != 0.0) | (rows.q_var != 0.0)):
            assert rows.model[k] == 1, "constant power"
            bus, _, a = circuit.nodes[rows.node_a[k]].rpartition(".")
            far, b = rows.node_b[k], "0"
            if far >= 0:
                other, _, b = circuit.nodes[far].rpartition(".")
                assert other == bus, "a load stands at one bus"
            self.send(
                f"new load.l{k} phases=1 bus1={bus}.{a}.{b} kv={rows.v_nom[k] / 1e3:.17g} model=1 "
                f"kw={rows.p_w[k] / 1e3:.17g} kvar={rows.q_var[k] / 1e3:.17g} vminpu={rows.v_min_pu[k]:.9g} "
                f"vmaxpu={rows.v_max_pu[k]:.9g} vlowpu={rows.v_low_pu[k]:.9g} daily=s{number[rows.owner[k]]}"
            )

    def prepare(self, first_minute: int, tolerance_pu: float, number: int) -> None:
        """Stand before a minute of the day; `solve` then goes on `number` minutes."""
        self.send("set mode=daily controlmode=off maxiterations=500 stepsize=1m")
        self.send(f"set hour={first_minute // 60} sec={60 * (first_minute % 60)}")
        self.send(f"set number={number} tolerance={tolerance_pu:g}")

    def day(self, first_minute: int, minutes: int, tolerance_pu: float) -> None:
        """What is timed: the engine's loop over minutes of the day."""
        self.prepare(first_minute, tolerance_pu, minutes)
        self.engine.ActiveCircuit.Solution.Solve()

    def voltages(
        self, nodes: tuple[str, ...], first_minute: int, minutes: int, tolerance_pu: float
    ) -> tuple[Complex, float]:
        """(nodes, minutes) voltages, minute by minute, and mean iterations; every minute must converge."""
        self.prepare(first_minute, tolerance_pu, 1)
        circuit = self.engine.ActiveCircuit
        solution = circuit.Solution
        rank = {name.lower(): row for row, name in enumerate(circuit.YNodeOrder)}
        order = np.array([rank[name] for name in nodes])
        v = np.empty((len(nodes), minutes), dtype=np.complex128)
        iterations = 0
        for minute in range(minutes):
            solution.Solve()
            assert solution.Converged, f"OpenDSS did not converge in minute {first_minute + minute}"
            iterations += solution.Iterations
            v[:, minute] = np.asarray(circuit.YNodeVarray).view(np.complex128)[order]
        return v, iterations / minutes
