"""From an adapter's geometry and materials to a heat network, and its heat balance in plain NumPy.

Every formula is in docs/thermal.md with its source. Temperatures are in degC; index -1 is the ambient air.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.entries import MaterialEntry, Quantity
from cosim.errors import LibraryError, Problem
from cosim.heat_body import AMBIENT, HeatModel, Joint, Part, Path, Surface, Wire
from cosim.heat_faults import faults

Float = NDArray[np.float64]
Int = NDArray[np.int64]

KELVIN = 273.15
STEFAN_BOLTZMANN = 5.670374419e-8  # W/(m2 K4), CODATA 2018
LORENZ = 2.44e-8  # V2/K2, Wiedemann-Franz
CONTACT_K = 323.15  # temperature at which a contact's thermal conductance is taken
AIR = 0.028  # W/(m K), conductivity of air in a contact's gap, at the same temperature
PLATE = 1.42  # W/(m2 K) (m/K)^(1/4): laminar natural convection on a vertical plate
WIND_PLATE = 3.90  # W/(m2 K) (s)^(1/2): laminar flat plate, 0.664 k Pr^(1/3) / nu^(1/2), air at 300 K
CALM_K = 0.5  # K; outdoor air is never quite still, so a film does not vanish with its temperature drop
REFERENCE_C = 20.0  # resistances are stated here
PATHS: Mapping[str, int] = {"grid": 0, "load": 2, "branch": 4}  # leg 1; leg 2 is one more


@dataclass(frozen=True)
class Links:
    """Paths for heat between nodes `a` and `b` (-1: ambient), all of one law.

    Heat from a to b is ``w (d^2 + CALM_K^2)^(exponent/2) d`` with d = Ta - Tb, or ``w (Ta^4 - Tb^4)`` in
    kelvin if it radiates. `forced` (empty: none) is what a film has of wind alone, [W/K] at 1 m/s; it grows
    with the root of the speed and joins the natural film by fourth powers, ``h^4 = hn^4 + hf^4``.
    """

    a: Int
    b: Int
    w: Float
    exponent: float = 0.0
    radiates: bool = False
    forced: Float = field(default_factory=lambda: np.zeros(0))

    @staticmethod
    def of(rows: list[tuple[int, int, float]], exponent: float = 0.0, *, radiates: bool = False) -> Links:
        """Links from rows of (a, b, w)."""
        a, b, w = zip(*rows, strict=True) if rows else ((), (), ())
        return Links(np.array(a, np.int64), np.array(b, np.int64), np.array(w, float), exponent, radiates)

    def flow_w(self, ta: Float, tb: Float, wind_m_s: float = 0.0) -> Float:
        """Heat from a to b at end temperatures in degC."""
        if self.radiates:
            return self.w * ((ta + KELVIN) ** 4 - (tb + KELVIN) ** 4)
        drop = ta - tb
        film = self.w * (drop**2 + CALM_K**2) ** (0.5 * self.exponent)
        if wind_m_s > 0.0 and self.forced.size:
            film = (film**4 + (self.forced**2 * wind_m_s) ** 2) ** 0.25
        return np.asarray(film * drop)

    def slopes(self, ta: Float, tb: Float, wind_m_s: float = 0.0) -> tuple[Float, Float]:
        """Derivative of `flow_w` by ta, and minus that by tb."""
        if self.radiates:
            return 4 * self.w * (ta + KELVIN) ** 3, 4 * self.w * (tb + KELVIN) ** 3
        d2 = (ta - tb) ** 2
        film = self.w * (d2 + CALM_K**2) ** (0.5 * self.exponent)
        gain = film * self.exponent * d2 / (d2 + CALM_K**2)
        if wind_m_s > 0.0 and self.forced.size:
            both = (film**4 + (self.forced**2 * wind_m_s) ** 2) ** 0.25
            film, gain = both, gain * (film / both) ** 3
        return film + gain, film + gain


@dataclass(frozen=True)
class HeatNetwork:
    """Arrays of a heat network.

    Parameters
    ----------
    names
        (n,) node names: the parts of leg 1 (``l1.line_jaw``), the same parts of leg 2, then the shared ones.
    roles
        (n,) role of each node, which decides its limit (`cosim.thermal.limits`).
    pairs
        Number of parts per leg: node k of leg 1 mirrors node ``pairs + k`` of leg 2.
    capacity_j_per_k
        (n,) heat capacities.
    loss_w
        (n,) heat that no current decides.
    linear, convection, radiation
        Paths for heat, see `Links`.
    node, path, ohm, slope
        (r,) heating: ``(ohm + slope (T - 20 degC)) i2[path]`` in `node`; paths 0, 1 grid L1, L2;
        2, 3 load; 4, 5 branch.
    sun_m2
        (3, n) areas that keep all the sun they get, seen from before the wall, from above, and from either
        side; (3, 0) if none is known.
    limit_c
        (n,) what the material of each node bears for its life, NaN if not known.
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    pairs: int
    capacity_j_per_k: Float
    loss_w: Float
    linear: Links
    convection: Links
    radiation: Links
    node: Int
    path: Int
    ohm: Float
    slope: Float
    sun_m2: Float = field(default_factory=lambda: np.zeros((3, 0)))
    limit_c: Float = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.names)

    def where(self, role: str) -> Int:
        """Nodes of a role."""
        return np.array([k for k, found in enumerate(self.roles) if found == role], np.int64)

    @property
    def links(self) -> tuple[Links, Links, Links]:
        """All links, law by law."""
        return self.linear, self.convection, self.radiation

    def outflow_w(self, temperature_c: Float, ambient_c: float, wind_m_s: float = 0.0) -> Float:
        """(n,) net heat that leaves each node through its links; its sum goes to the ambient."""
        t = np.append(temperature_c, ambient_c)
        out = np.zeros(len(t))
        for links in self.links:
            heat = links.flow_w(t[links.a], t[links.b], wind_m_s)
            np.add.at(out, links.a, heat)
            np.add.at(out, links.b, -heat)
        return out[:-1]

    def heating_w(self, temperature_c: Float, i2_a2: Float, sun_w_per_m2: Float | None = None) -> Float:
        """(n,) heat of each node by the six squared currents [A2], constant losses, and sun on (3,) planes."""
        made = self.loss_w.copy()
        if sun_w_per_m2 is not None and self.sun_m2.size:
            made += np.asarray(sun_w_per_m2) @ self.sun_m2
        ohm = self.ohm + self.slope * (np.asarray(temperature_c)[self.node] - REFERENCE_C)
        np.add.at(made, self.node, ohm * np.asarray(i2_a2)[self.path])
        return made

    def conductance(
        self, temperature_c: Float, ambient_c: float, wind_m_s: float = 0.0
    ) -> tuple[Float, Float]:
        """Derivative of `outflow_w`: (n, n) by node temperatures, (n,) minus that by the ambient."""
        n = len(self)
        t = np.append(temperature_c, ambient_c)
        full = np.zeros((n + 1, n + 1))
        for links in self.links:
            by_a, by_b = links.slopes(t[links.a], t[links.b], wind_m_s)
            np.add.at(full, (links.a, links.a), by_a)
            np.add.at(full, (links.b, links.b), by_b)
            np.add.at(full, (links.a, links.b), -by_b)
            np.add.at(full, (links.b, links.a), -by_a)
        return full[:n, :n], -full[:n, n]


def heat_network(entry: AdapterEntry) -> HeatNetwork:
    """Heat network of a library entry; its materials are read from ``models/materials``."""
    used = sorted(name for kind, name in entry.references() if kind == "materials")
    return build(entry.heat, {name: library.load("materials", name) for name in used})


def build(model: HeatModel, materials: Mapping[str, MaterialEntry]) -> HeatNetwork:
    """Heat network of a body made of the given materials."""
    return _Builder(model, materials).network()


def _value(quantity: Quantity | None) -> float:
    return 0.0 if quantity is None else quantity.value


def _known(quantity: Quantity | None) -> float:
    return math.nan if quantity is None else quantity.value


class _Builder:
    """Collects the links of all legs; parts per leg come first, mirrored, shared ones last."""

    def __init__(self, model: HeatModel, materials: Mapping[str, MaterialEntry]) -> None:
        self.model, self.materials = model, materials
        told = faults(model.model_dump(), set(materials), lambda name: materials[name].resistivity.known)
        if problems := [Problem(message, "", key) for key, message in told]:
            raise LibraryError(problems)
        self.per_leg = [name for name, part in model.parts.items() if not part.shared]
        self.shared = [name for name, part in model.parts.items() if part.shared]
        self.pairs = len(self.per_leg)
        size = 2 * self.pairs + len(self.shared)
        self.capacity, self.loss, self.sun = np.zeros(size), np.zeros(size), np.zeros((3, size))
        self.limit = np.full(size, np.nan)
        self.forced: list[float] = []
        self.linear: list[tuple[int, int, float]] = []
        self.convection: list[tuple[int, int, float]] = []
        self.radiation: list[tuple[int, int, float]] = []
        self.heat: dict[tuple[int, int], tuple[float, float]] = {}

    def index(self, name: str, leg: int) -> int:
        if name == AMBIENT:
            return -1
        if name in self.per_leg:
            return leg * self.pairs + self.per_leg.index(name)
        return 2 * self.pairs + self.shared.index(name)

    def legs(self, *names: str) -> range:
        return range(2 if any(name in self.per_leg for name in names) else 1)

    def add_heat(self, name: str, current: Path, leg: int, ohm: float, slope: float) -> None:
        key = self.index(name, leg), PATHS[current] + leg
        before = self.heat.get(key, (0.0, 0.0))
        self.heat[key] = before[0] + ohm, before[1] + ohm * slope

    def half_resistance(self, part: Part) -> float:
        """Thermal resistance [K/W] from the middle of a solid part to its end."""
        if part.length_m is None or part.section_m2 is None:
            return 0.0
        k = self.materials[part.material].conductivity.value
        return 0.5 * part.length_m.value / (k * part.section_m2.value)

    def add_part(self, name: str, part: Part) -> None:
        material = self.materials[part.material]
        mass = material.density.value * _value(part.length_m) * _value(part.section_m2) + _value(part.mass_kg)
        for leg in self.legs(name):
            node = self.index(name, leg)
            self.capacity[node] += mass * material.heat_capacity.value
            self.loss[node] += _value(part.loss_w)
            self.limit[node] = _known(material.temperature_limit_c)
            if part.current == "none":
                continue
            if part.resistance_ohm is not None:
                ohm = part.resistance_ohm.value
            else:
                ohm = material.resistivity.value * _value(part.length_m) / _value(part.section_m2)
            slope = part.resistance_slope or material.resistivity_slope
            self.add_heat(name, part.current, leg, ohm, slope.value)

    def add_joint(self, joint: Joint) -> None:
        one, two = (self.model.parts[name] for name in joint.between)
        metal = self.materials[joint.material or one.material]
        ohm = _value(joint.contact_ohm)
        kelvin_per_w = self.half_resistance(one) + self.half_resistance(two)
        if joint.contact_ohm is not None:
            gas = AIR * joint.face_m2.value / joint.gap_m.value if joint.face_m2 and joint.gap_m else 0.0
            kelvin_per_w += 1.0 / (LORENZ * CONTACT_K / ohm + gas)
        mass = 0.0
        if joint.length_m is not None and joint.section_m2 is not None:
            length, section = joint.length_m.value, joint.section_m2.value
            kelvin_per_w += length / (metal.conductivity.value * section)
            mass = metal.density.value * length * section
            if joint.current != "none":
                ohm += metal.resistivity.value * length / section
        for leg in self.legs(*joint.between):
            ends = [self.index(name, leg) for name in joint.between]
            self.linear.append((ends[0], ends[1], 1.0 / kelvin_per_w))
            for name, end in zip(joint.between, ends, strict=True):
                self.capacity[end] += 0.5 * mass * metal.heat_capacity.value
                if joint.current != "none":
                    self.add_heat(name, joint.current, leg, 0.5 * ohm, metal.resistivity_slope.value)

    def add_wire(self, wire: Wire) -> None:
        """A self-heated fin: conductance at its base, its share of the wire's heat, its capacity."""
        metal = self.materials[wire.material]
        section, film = wire.section_m2.value, wire.h_w_per_m2k.value * math.pi * wire.outer_diameter_m.value
        axial = metal.conductivity.value * section
        decay = math.sqrt(film / axial)
        reach = math.tanh(decay * wire.length_m.value) / decay
        for leg in self.legs(wire.part):
            node = self.index(wire.part, leg)
            self.linear.append((node, -1, film * reach))
            self.capacity[node] += metal.density.value * metal.heat_capacity.value * section * reach
            ohm = metal.resistivity.value / section * reach
            self.add_heat(wire.part, wire.current, leg, ohm, metal.resistivity_slope.value)

    def add_surface(self, surface: Surface) -> None:
        material = self.materials[self.model.parts[surface.part].material]
        area, absorbed = surface.area_m2.value, _value(material.solar_absorptance)
        lit = np.array([_value(seen) for seen in (surface.front_m2, surface.top_m2, surface.side_m2)])
        for leg in self.legs(surface.part, surface.to):
            ends = self.index(surface.part, leg), self.index(surface.to, leg)
            self.sun[:, ends[0]] += absorbed * lit
            if surface.height_m is None:
                self.linear.append((*ends, area * _value(surface.h_w_per_m2k)))
                continue
            height = surface.height_m.value
            self.convection.append((*ends, area * PLATE / height**0.25))
            self.forced.append(area * WIND_PLATE / math.sqrt(height) if surface.to == AMBIENT else 0.0)
            if surface.radiates:
                self.radiation.append((*ends, area * material.emissivity.value * STEFAN_BOLTZMANN))

    def network(self) -> HeatNetwork:
        for name, part in self.model.parts.items():
            self.add_part(name, part)
        for joint in self.model.joints:
            self.add_joint(joint)
        for wire in self.model.wires:
            self.add_wire(wire)
        for surface in self.model.surfaces:
            self.add_surface(surface)
        keys = sorted(self.heat)
        legs = [(f"l{leg + 1}.{name}", name) for leg in (0, 1) for name in self.per_leg]
        every = [*legs, *((name, name) for name in self.shared)]
        return HeatNetwork(
            names=tuple(label for label, _ in every),
            roles=tuple(self.model.parts[name].role for _, name in every),
            pairs=self.pairs,
            capacity_j_per_k=self.capacity,
            loss_w=self.loss,
            linear=Links.of(self.linear),
            convection=replace(Links.of(self.convection, 0.25), forced=np.array(self.forced)),
            radiation=Links.of(self.radiation, radiates=True),
            node=np.array([node for node, _ in keys], np.int64),
            path=np.array([path for _, path in keys], np.int64),
            ohm=np.array([self.heat[key][0] for key in keys]),
            slope=np.array([self.heat[key][1] for key in keys]),
            sun_m2=self.sun,
            limit_c=self.limit,
        )
