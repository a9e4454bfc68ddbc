"""Small circuits drawn in a few lines, and random ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cosim.devices.inverter import InverterSettings
from cosim.electrical.circuit import Circuit, Complex, Element, Injectors, LoadModel, Source
from cosim.electrical.elements import line_block, wye_block
from cosim.electrical.transformer import TransformerData, transformer_block


class Sketch:
    """Collects nodes, elements, sources and injectors; `circuit()` freezes them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.base: list[float] = []
        self.elements: list[Element] = []
        self.sources: list[Source] = []
        self.rows: list[tuple[float, ...]] = []

    def node(self, name: str, base_v: float) -> int:
        self.names.append(name)
        self.base.append(base_v)
        return len(self.names) - 1

    def bus(self, name: str, base_v: float, count: int = 3) -> list[int]:
        return [self.node(f"{name}.{i + 1}", base_v) for i in range(count)]

    def source(self, nodes: list[int], emf_v: Complex, z_ohm: Complex) -> None:
        self.sources.append(Source(f"vsource.{len(self.sources)}", np.array(nodes), z_ohm, emf_v))

    def add(self, name: str, nodes: list[int], y: Complex, conductors: tuple[int, ...]) -> int:
        self.elements.append(Element(name, np.array(nodes), y, conductors))
        return len(self.elements) - 1

    def line(self, a: list[int], b: list[int], z_ohm: Complex, shunt_s: float = 0.0) -> int:
        k = len(a)
        return self.add("line", a + b, line_block(z_ohm, 1j * shunt_s * np.eye(k)), (k, k))

    def shunt(self, a: int, b: int, y: complex) -> int:
        return self.add("shunt", [a, b], wye_block(np.array([y])), (2,))

    def centre_tap(
        self, primary: int, legs: list[int], data: TransformerData, neutral: int = -1, other: int = -1
    ) -> int:
        nodes = [primary, other, legs[0], neutral, neutral, legs[1]]
        return self.add("transformer", nodes, transformer_block(data), (2, 2, 2))

    def load(
        self, a: int, b: int, s_va: complex, v_nom: float, model: int = LoadModel.POWER,
        band: tuple[float, float, float] = (0.7, 1.3, 0.4), exponents: tuple[float, float] = (1.0, 2.0),
        polynomial: tuple[float, ...] = (0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0),
    ) -> int:  # fmt: skip
        self.rows.append((a, b, model, s_va.real, s_va.imag, v_nom, *band, *exponents, *polynomial))
        return len(self.rows) - 1

    def circuit(self) -> Circuit:
        r = np.array(self.rows, dtype=float).reshape(-1, 18)
        injectors = Injectors(
            np.full(len(r), -1), r[:, 0].astype(int), r[:, 1].astype(int), r[:, 2].astype(np.int8),
            *(np.ascontiguousarray(r[:, i]) for i in range(3, 11)),
            zip_p=r[:, 11:14].copy(), zip_q=r[:, 14:17].copy(), v_cut_pu=r[:, 17].copy(),
        )  # fmt: skip
        return Circuit(
            tuple(self.names), np.array(self.base), tuple(self.elements), tuple(self.sources), injectors
        )


def interlaced(
    rated_va: float, r: float, x: float, primary_v: float = 7200.0, core: tuple[float, float] = (0.0, 0.0)
) -> TransformerData:
    """Centre-tapped unit of interlaced construction from its full-winding test values."""
    return TransformerData(
        phases=1,
        winding_v=np.array([primary_v, 120.0, 120.0]),
        rated_va=rated_va,
        r_pu=np.array([0.5 * r, r, r]),
        x_pu=np.array([1.2 * x, 1.2 * x, 0.8 * x]),
        tap_pu=np.ones(3),
        delta=np.zeros(3, dtype=bool),
        noload_loss_pu=core[0],
        magnetising_pu=core[1],
        antifloat_ppm=0.0,
    )


def line_matrix(rng: np.random.Generator, k: int, length: float) -> Complex:
    """A coupled, untransposed line."""
    mutual = rng.uniform(0.1, 0.2, (k, k)) + 1j * rng.uniform(0.3, 0.5, (k, k))
    z = 0.5 * (mutual + mutual.T)
    np.fill_diagonal(z, rng.uniform(0.35, 0.6, k) + 1j * rng.uniform(0.9, 1.1, k))
    return z * length


def random_feeder(seed: int, buses: int, ties: int, homes: int) -> Circuit:
    """Three-phase primary, a random tree with `ties` loops, and split-phase homes of every load model."""
    return _random_sketch(np.random.default_rng(seed), buses, ties, homes)[0].circuit()


def _random_sketch(
    rng: np.random.Generator, buses: int, ties: int, homes: int
) -> tuple[Sketch, list[list[int]]]:
    sketch = Sketch()
    a = np.exp(-2j * np.pi / 3 * np.arange(3))
    primary = [sketch.bus("b0", 7200.0)]
    sketch.source(primary[0], 7200.0 * a, (0.2 + 1.5j) * np.eye(3))
    for i in range(1, buses):
        primary.append(sketch.bus(f"b{i}", 7200.0))
        start = primary[int(rng.integers(0, i))]
        sketch.line(start, primary[i], line_matrix(rng, 3, rng.uniform(0.2, 2.0)), 1e-6)
    for _ in range(ties):
        i, j = rng.choice(buses, 2, replace=False)
        sketch.line(primary[i], primary[j], line_matrix(rng, 3, 1.0))
    for h in range(homes):
        top = primary[int(rng.integers(0, buses))][int(rng.integers(0, 3))]
        lv = sketch.bus(f"x{h}", 120.0, 2)
        data = interlaced(25e3, rng.uniform(0.01, 0.02), rng.uniform(0.013, 0.02), core=(0.005, 0.01))
        sketch.centre_tap(top, lv, data)
        home = sketch.bus(f"h{h}", 120.0, 3)
        triplex = line_matrix(rng, 3, 0.02)
        sketch.line([*lv, -1], home, triplex)
        sketch.shunt(home[2], -1, 1 / 25.0)
        for leg, other, nominal in ((0, 2, 120.0), (1, 2, 120.0), (0, 1, 240.0)):
            model = int(rng.choice([1, 2, 4, 5, 8]))
            polynomial = (0.5, 0.2, 0.3, 0.4, 0.4, 0.2, 0.0)
            power = complex(rng.uniform(-2e3, 5e3), rng.uniform(-500, 1500))
            sketch.load(home[leg], home[other], power, nominal, model, polynomial=polynomial)
    return sketch, primary


SOLAR_VA = 6000.0


def varied_feeder(
    seed: int, buses: int, ties: int, homes: int, mode: InverterSettings | None = None
) -> Circuit:
    """As `random_feeder`, with delta loads and banks, a neutral on its rod, and, given a mode, solar at every home."""
    rng = np.random.default_rng(seed)
    sketch, primary = _random_sketch(rng, buses, ties, homes)
    for model in (1, 2, 4, 5, 8):
        bus = primary[int(rng.integers(0, buses))]
        i, j = rng.choice(3, 2, replace=False)
        power = complex(rng.uniform(-2e4, 5e4), rng.uniform(-5e3, 2e4))
        polynomial = (0.5, 0.2, 0.3, 0.4, 0.4, 0.2, 0.0)
        sketch.load(bus[i], bus[j], power, 7200.0 * np.sqrt(3.0), model, polynomial=polynomial)
    for name, delta in (("dy", (True, False)), ("yd", (False, True))):
        _bank(sketch, rng, name, primary[int(rng.integers(0, buses))], delta)
    [rod] = sketch.bus("rod", 7200.0, 1)
    sketch.shunt(rod, -1, 1 / rng.uniform(5.0, 50.0))
    sketch.load(primary[-1][0], rod, rng.uniform(1e3, 2e4) + 0j, 7200.0)
    circuit = sketch.circuit()
    if mode is None:
        return circuit
    rows = np.arange(2, 3 * homes, 3)
    circuit.injectors.p_w[rows] = -SOLAR_VA
    return replace(circuit, inverters=mode.inverters(rows, np.full(len(rows), SOLAR_VA)))


def _bank(
    sketch: Sketch, rng: np.random.Generator, name: str, top: list[int], delta: tuple[bool, bool]
) -> None:
    """A three-phase transformer to 480 V with loads between its phases, and to neutral where it has one."""
    low = sketch.bus(name, 480.0 / np.sqrt(3.0), 3)
    data = TransformerData(
        phases=3,
        winding_v=np.where(delta, 1.0, 1.0 / np.sqrt(3.0)) * [12470.0, 480.0],
        rated_va=150e3,
        r_pu=np.array([0.005, 0.005]),
        x_pu=np.array([0.04]),
        tap_pu=np.array([1.0, rng.uniform(0.975, 1.025)]),
        delta=np.array(delta),
        noload_loss_pu=0.002,
        magnetising_pu=0.005,
        antifloat_ppm=1.0,
    )
    sketch.add(name, [*top, -1, *low, -1], transformer_block(data), (4, 4))
    for i in range(3):
        power = complex(rng.uniform(0.0, 2e4), rng.uniform(0.0, 8e3))
        sketch.load(low[i], low[(i + 1) % 3], power, 480.0, int(rng.choice([1, 2, 5])))
        if not delta[1]:
            sketch.load(low[i], -1, 0.5 * power, 480.0 / np.sqrt(3.0), int(rng.choice([1, 2, 5])))
