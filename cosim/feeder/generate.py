"""Builds a plausible US residential feeder from a few numbers and a seed.

A substation transformer feeds one or more three-phase trunks; single-phase laterals leave
them through fuses; centre-tapped transformers on the laterals serve homes through triplex
drops whose neutral is a conductor of its own, grounded at the transformer and through a
rod at every meter. `docs/feeders.md` says which figures are estimates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cosim import library
from cosim.electrical.circuit import Float, Int
from cosim.errors import FeederError, Problem
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.feeder import Feeder
from cosim.feeder.homes import POWER_FACTOR, add_service, draw_homes
from cosim.feeder.layout import (
    Lots,
    Scatter,
    Site,
    group_homes,
    group_transformers,
    normals,
    sites_of_lateral,
    trunk_points,
)
from cosim.feeder.line_constants import LineType
from cosim.feeder.line_types import cable_type, overhead_type
from cosim.randomness import stable_ids, uniforms

VOLTAGES_KV = (4.16, 12.47, 13.2, 13.8, 24.9, 34.5)
TRANSMISSION_KV = 115.0
SUBSTATION_MVA = (5.0, 7.5, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 37.5, 50.0, 60.0)  # IEEE C57.12.10 ratings
SUBSTATION_RESERVE = 1.5  # rating over peak load, so that a neighbour can be picked up; estimate
BANK_KVAR = (150.0, 300.0, 450.0, 600.0, 900.0, 1200.0)  # three-phase capacitor banks
FUSE_A = (15.0, 25.0, 40.0, 65.0, 100.0, 140.0, 200.0)  # type K links, ANSI C37.42 preferred ratings
TAP_STEP = 0.00625  # 32 steps over +-10 %
LONG_TRUNK_DROP = 0.02  # estimated drop from which a regulator bank stands at the head [pu]
MOST_TRUNK_DROP = 0.035  # beyond it the homes are shared among more trunks
MOST_TRUNKS = 16
HEAD_PU = 1.02  # aimed at for the substation bus or the regulators' output at nominal load
SWITCH_OHM = 1e-3 + 1e-3j  # a gang-operated switch or breaker with its jumpers; estimate
FUSE_OHM = 5e-3 + 0j  # a cutout with its link; estimate
SECTION = 3  # junctions between gang-operated switches
LATERAL_A = 40.0  # a lateral's mean current is kept below this
NUMBER = (int, float, np.integer, np.floating)
EMF_TURN = np.exp(-2j * np.pi / 3.0 * np.arange(3))


@dataclass(frozen=True)
class Parameters:
    """What a generated feeder is asked to be; see `generate`."""

    homes: int
    voltage_kv: float
    density_homes_per_km2: float
    overhead_share: float
    kw_per_home: float
    substation_distance_km: float
    short_circuit_mva: float
    seed: int

    def problems(self) -> list[Problem]:
        """Everything that is out of its range."""
        found = []
        for key, low, high in (
            ("homes", 4, 20_000),
            ("density_homes_per_km2", 50.0, 5000.0),
            ("overhead_share", 0.0, 1.0),
            ("kw_per_home", 0.2, 10.0),
            ("substation_distance_km", 0.05, 20.0),
            ("short_circuit_mva", 50.0, 50_000.0),
            ("seed", 0, 2**64 - 1),
        ):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, NUMBER):
                found.append(Problem("must be a number", key=key, value=repr(value)))
            elif not low <= value <= high:
                found.append(Problem(f"must lie between {low:g} and {high:g}", key=key, value=repr(value)))
        for key in ("homes", "seed"):
            value = getattr(self, key)
            if isinstance(value, NUMBER) and math.isfinite(value) and value != int(value):
                found.append(Problem("must be a whole number", key=key, value=repr(value)))
        if self.voltage_kv not in VOLTAGES_KV:
            known = ", ".join(f"{kv:g}" for kv in VOLTAGES_KV)
            found.append(Problem(f"must be one of {known}", key="voltage_kv", value=repr(self.voltage_kv)))
        return found


@dataclass(frozen=True)
class TrunkPlan:
    """One trunk: its laterals (home groups), corner and junctions, conductor, load, estimated drop."""

    laterals: tuple[tuple[Int, ...], ...]
    points: Float
    kind: LineType
    kva: float
    drop_pu: float


def generate(
    homes: int = 240,
    *,
    voltage_kv: float = 12.47,
    density_homes_per_km2: float = 1200.0,
    overhead_share: float = 0.7,
    kw_per_home: float = 3.5,
    substation_distance_km: float = 0.8,
    short_circuit_mva: float = 1500.0,
    seed: int = 7,
    name: str = "generated",
) -> Feeder:
    """Generate a US residential feeder.

    Parameters
    ----------
    homes
        Number of homes, 4 to 20,000.
    voltage_kv
        Line-to-line primary voltage: 4.16, 12.47, 13.2, 13.8, 24.9 or 34.5.
    density_homes_per_km2
        Homes per square kilometre of the built-up area, streets included.
    overhead_share
        Share of laterals on poles; the trunk is underground only if it is 0.
    kw_per_home
        Mean demand of a home when the feeder peaks; the nominal load.
    substation_distance_km
        From the substation to the first homes.
    short_circuit_mva
        Three-phase strength of the 115 kV source.
    seed
        Decides everything left to chance; equal arguments give equal bits.
    name
        Name of the feeder.

    Returns
    -------
    Feeder
        Homes ``home-1`` ..., service transformers ``transformer-1`` ..., laterals whose head
        fuse is the line ``lateral-1`` ... with spans ``lateral-1-1`` ..., trunk sections
        ``trunk-1`` ..., gang switches ``switch-1`` .... A bus bears the name of what feeds it.

    Raises
    ------
    FeederError
        Parameters out of range (all are named), or more load than one substation feeds.
    """
    asked = Parameters(
        homes,
        voltage_kv,
        density_homes_per_km2,
        overhead_share,
        kw_per_home,
        substation_distance_km,
        short_circuit_mva,
        seed,
    )
    problems = asked.problems()
    if problems:
        raise FeederError(problems)
    return _Generator(asked, name).feeder()


class _Generator:
    """Holds what all steps of one generation share."""

    def __init__(self, asked: Parameters, name: str) -> None:
        self.asked = asked
        self.lots = Lots.of_density(asked.density_homes_per_km2)
        self.homes = draw_homes(asked.homes, asked.kw_per_home, asked.seed)
        self.scatter = Scatter.draw(asked.homes, asked.seed)
        self.phase_v = asked.voltage_kv * 1e3 / math.sqrt(3.0)
        self.builder = FeederBuilder(name)
        self.counts = {"trunk": 0, "lateral": 0, "transformer": 0, "switch": 0}

    def number(self, kind: str) -> str:
        """Next name of a kind, such as ``trunk-3``."""
        self.counts[kind] += 1
        return f"{kind}-{self.counts[kind]}"

    def feeder(self) -> Feeder:
        """Plan and build."""
        laterals = self.group()
        plans = self.plan_trunks(laterals)
        self.add_substation(plans)
        buried = self.buried_laterals(len(laterals))
        for number, plan in enumerate(plans):
            self.add_trunk(number, plan, buried)
        return self.builder.build()

    # ------------------------------------------------------------------ planning
    def group(self) -> list[tuple[Int, ...]]:
        """Laterals, each a row of transformers, each a group of home numbers."""
        asked = self.asked
        sizes = group_homes(asked.homes, self.lots, asked.seed)
        groups = np.split(np.arange(asked.homes), np.cumsum(sizes)[:-1])
        group_kva = asked.kw_per_home / POWER_FACTOR * asked.homes / len(groups)
        most = LATERAL_A * self.phase_v / 1e3 / group_kva
        ends = np.cumsum(group_transformers(len(groups), most, asked.seed))
        return [tuple(groups[start:end]) for start, end in pairwise([0, *ends])]

    def plan_trunks(self, laterals: list[tuple[Int, ...]]) -> list[TrunkPlan]:
        """Share the laterals among as few trunks as voltage and rating allow."""
        row_pitch_m = 2.0 * max(map(self.street_length, laterals)) + 2.5 * self.lots.pitch_m
        for trunks in range(1, min(MOST_TRUNKS, len(laterals)) + 1):
            parts = np.array_split(np.arange(len(laterals)), trunks)
            plans = [
                self.plan_trunk(number, tuple(laterals[i] for i in part), row_pitch_m)
                for number, part in enumerate(parts)
            ]
            fits = (
                plan.drop_pu <= MOST_TRUNK_DROP and self.amperes(plan.kva) <= 0.7 * plan.kind.rating_a
                for plan in plans
            )
            if all(fits):
                break
        else:
            raise FeederError(
                Problem(
                    f"even {trunks} trunks cannot carry it within {MOST_TRUNK_DROP:.1%} drop; take fewer "
                    "homes, a denser area, a nearer substation or a higher voltage_kv",
                    key="homes",
                    value=str(self.asked.homes),
                )
            )
        most_mva, mva = SUBSTATION_MVA[-1] / SUBSTATION_RESERVE, sum(plan.kva for plan in plans) / 1e3
        if mva > most_mva:
            raise FeederError(
                Problem(f"{mva:.0f} MVA of load exceeds a substation's {most_mva:.0f}", "", "homes")
            )
        return plans

    def plan_trunk(self, number: int, laterals: tuple[tuple[Int, ...], ...], row_pitch_m: float) -> TrunkPlan:
        """Course and conductor of a trunk and its drop, all load carried to the mean junction."""
        asked = self.asked
        kw = sum(float(self.homes.kw[group].sum()) for lateral in laterals for group in lateral)
        kva = kw / POWER_FACTOR
        junctions = math.ceil(len(laterals) / 2)
        distance_m = 1e3 * asked.substation_distance_km
        points = trunk_points(
            number // 2, number % 2 == 0, junctions, row_pitch_m, distance_m, self.lots, asked.seed
        )
        spans = np.hypot(*np.diff(points, axis=0).T)
        length_m = abs(points[0, 1]) + float(np.cumsum(spans).mean())
        if asked.overhead_share > 0.0:
            kind = overhead_type("acsr-336" if self.amperes(kva) < 200.0 else "acsr-556", "acsr-4-0", 3)
        else:
            kind = cable_type("cable-250", 3, asked.voltage_kv)
        z = length_m * (kind.z_ohm_per_m[1, 1] - kind.z_ohm_per_m[0, 1])
        kvar = kw * math.tan(math.acos(POWER_FACTOR)) - self.bank_kvar(kw)
        drop_pu = (kw * z.real + kvar * z.imag) / 1e3 / asked.voltage_kv**2
        return TrunkPlan(laterals, points, kind, kva, drop_pu)

    def amperes(self, kva: float) -> float:
        """Line current of a three-phase load."""
        return kva / (math.sqrt(3.0) * self.asked.voltage_kv)

    def bank_kvar(self, kw: float) -> float:
        """Largest standard capacitor bank within two thirds of the reactive load; 0 if none fits."""
        wanted = 2.0 / 3.0 * kw * math.tan(math.acos(POWER_FACTOR))
        return max((bank for bank in BANK_KVAR if bank <= wanted), default=0.0)

    def street_length(self, lateral: tuple[Int, ...]) -> float:
        """Length of a side street [m]."""
        lots = sum(math.ceil(len(group) / 2) for group in lateral)
        return 0.3 * self.lots.pitch_m + lots * self.lots.width_m

    def buried_laterals(self, laterals: int) -> set[int]:
        """Laterals (numbered over the whole feeder) that are underground."""
        u = uniforms(
            self.asked.seed, "feeder.buried", stable_ids([f"lateral-{i + 1}" for i in range(laterals)])
        )
        count = round((1.0 - self.asked.overhead_share) * laterals)
        return set(np.argsort(u, kind="stable")[:count].tolist())

    def phases_of(self, laterals: tuple[tuple[Int, ...], ...]) -> list[int]:
        """Phase (1 to 3) of each lateral: the heaviest first, each to the phase that carries least."""
        kw = np.array([sum(float(self.homes.kw[group].sum()) for group in lateral) for lateral in laterals])
        carried = np.zeros(3)
        phases = [0] * len(laterals)
        for lateral in np.argsort(-kw, kind="stable"):
            phase = int(np.argmin(carried))
            carried[phase] += kw[lateral]
            phases[lateral] = phase + 1
        return phases

    # ------------------------------------------------------------------ building
    def add_substation(self, plans: list[TrunkPlan]) -> None:
        """Source, substation transformer and, if no trunk has regulators, its load tap changer."""
        asked, unit = self.asked, library.load("transformers", "substation")
        high_v = TRANSMISSION_KV * 1e3 / math.sqrt(3.0)
        at = -60.0
        self.builder.add_bus("source", "1.2.3", high_v, 0.0, at)
        self.builder.add_bus("substation", "1.2.3", self.phase_v, 0.0, 0.0)
        z = TRANSMISSION_KV**2 / asked.short_circuit_mva
        strength = z * (1.0 + 10.0j) / abs(1.0 + 10.0j)  # X/R of 10; zero sequence the same, estimates
        self.builder.add_source("source", "source", "1.2.3", high_v * EMF_TURN, strength * np.eye(3))
        load_mva = sum(plan.kva for plan in plans) / 1e3
        rated_mva = next(mva for mva in SUBSTATION_MVA if mva >= SUBSTATION_RESERVE * load_mva)
        r, x = unit.r_percent.value, unit.x_percent.value
        reactive = math.sqrt(1.0 - POWER_FACTOR**2)
        sag = load_mva / rated_mva * (r * POWER_FACTOR + x * reactive) / 100.0
        sag += load_mva / asked.short_circuit_mva * reactive
        worst = max(plan.drop_pu for plan in plans)
        aim = HEAD_PU + (0.0 if worst > LONG_TRUNK_DROP else worst / 2.0)
        self.builder.add_transformer(
            "substation",
            "substation",
            [
                Winding("source", "1.2.3", TRANSMISSION_KV, r / 2.0, "delta"),
                Winding("substation", "1.2.3.0", self.phase_v / 1e3, r / 2.0, tap_pu=_tap(aim + sag)),
            ],
            phases=3,
            rated_kva=1e3 * rated_mva,
            x_percent=[x],
            noload_percent=unit.noload_loss_percent.value,
            imag_percent=unit.magnetising_percent.value,
            model=f"substation, {rated_mva:g} MVA",
        )

    def add_trunk(self, number: int, plan: TrunkPlan, buried: set[int]) -> None:
        """Breaker, regulators, trunk sections with gang switches, capacitor bank and laterals."""
        points, junctions = plan.points, len(plan.points) - 1
        here = np.array([points[0, 0], 0.0])
        at = self.add_switch(f"breaker-{number + 1}", "substation", here, plan.kind.rating_a)
        if plan.drop_pu > LONG_TRUNK_DROP:
            at = self.add_regulators(f"regulator-{number + 1}", at, here, plan)
        phases = self.phases_of(plan.laterals)
        for index, point in enumerate(points):
            if index > 1 and (index - 1) % SECTION == 0:
                at = self.add_switch(self.number("switch"), at, here, plan.kind.rating_a)
            at = self.add_span(self.number("trunk"), at, "1.2.3", here, point, plan.kind)
            here = point
            for lateral in range(2 * (index - 1), min(2 * index, len(plan.laterals))):
                if lateral >= 0:
                    north = 1.0 if lateral % 2 == 0 else -1.0
                    self.add_lateral(at, point, north, plan.laterals[lateral], phases[lateral], buried)
            bank = self.bank_kvar(plan.kva * POWER_FACTOR)
            if bank and index == max(1, round(2.0 / 3.0 * junctions)):
                self.builder.add_capacitor(
                    f"capacitor-{number + 1}", at, "1.2.3.0", kvar=bank, kv=self.asked.voltage_kv
                )

    def add_switch(self, name: str, bus: str, place: Float, rating_a: float) -> str:
        """A three-phase switching device; returns the bus behind it."""
        self.builder.add_bus(name, "1.2.3", self.phase_v, place[0], place[1])
        self.builder.add_line(
            name,
            bus,
            "1.2.3",
            name,
            "1.2.3",
            SWITCH_OHM * np.eye(3),
            length_m=1.0,
            rating_a=rating_a,
            is_switch=True,
        )
        return name

    def add_regulators(self, name: str, bus: str, place: Float, plan: TrunkPlan) -> str:
        """Three single-phase regulators at the tap that suits the estimated drop; returns the bus behind."""
        self.builder.add_bus(name, "1.2.3", self.phase_v, place[0], place[1])
        tap = _tap(1.0 + plan.drop_pu / 2.0)
        rated_kva = self.phase_v / 1e3 * plan.kind.rating_a
        for phase in "123":
            unit = self.builder.add_transformer(
                f"{name}{'abc'[int(phase) - 1]}",
                "regulator",
                [
                    Winding(bus, f"{phase}.0", self.phase_v / 1e3, 0.05),
                    Winding(name, f"{phase}.0", self.phase_v / 1e3, 0.05, tap_pu=tap),
                ],
                rated_kva=rated_kva,
                x_percent=[0.1],
                model="step voltage regulator, 32 steps",
            )
            self.builder.add_regulator(
                f"{name}{'abc'[int(phase) - 1]}",
                transformer=unit,
                winding=2,
                target_v=120.0 * tap * HEAD_PU,
                band_v=2.0,
                pt_ratio=self.phase_v / 120.0,
            )
        return name

    def add_span(self, name: str, bus: str, nodes: str, start: Float, end: Float, kind: LineType) -> str:
        """A stretch of line to a new bus of the same name."""
        length_m = max(1.0, float(np.hypot(*(end - start))))
        self.builder.add_bus(name, nodes, self.phase_v, end[0], end[1])
        self.builder.add_line(
            name,
            bus,
            nodes,
            name,
            nodes,
            kind.z_ohm_per_m * length_m,
            kind.y_siemens_per_m * (length_m / 2.0),
            length_m=length_m,
            std_type=kind.name,
            rating_a=kind.rating_a,
            cable=kind.cable,
        )
        return name

    def add_lateral(
        self, bus: str, place: Float, direction: float, groups: tuple[Int, ...], phase: int, buried: set[int]
    ) -> None:
        """Fuse, spans, service transformers and homes of one side street."""
        name = self.number("lateral")
        underground = self.counts["lateral"] - 1 in buried
        kind = (
            cable_type("cable-1-0", 1, self.asked.voltage_kv)
            if underground
            else overhead_type("acsr-1-0", "acsr-1-0", 1)
        )
        bend_m = 0.0
        if underground:  # newer streets wind
            bend_m = (
                0.15
                * self.lots.pitch_m
                * float(normals(self.asked.seed, "feeder.bend", stable_ids([name]))[0])
            )
            bend_m = float(np.clip(bend_m, -0.2 * self.lots.pitch_m, 0.2 * self.lots.pitch_m))
        amperes = sum(float(self.homes.kw[g].sum()) for g in groups) / POWER_FACTOR / (self.phase_v / 1e3)
        fuse_a = next((a for a in FUSE_A if a >= 2.0 * amperes), FUSE_A[-1])
        nodes = str(phase)
        self.builder.add_bus(name, nodes, self.phase_v, place[0], place[1])
        self.builder.add_line(
            name, bus, nodes, name, nodes, [[FUSE_OHM]], length_m=1.0, rating_a=fuse_a, is_switch=True
        )
        at, here = name, place
        sites = sites_of_lateral(place, direction, bend_m, groups, self.lots, self.scatter)
        for index, site in enumerate(sites):
            at = self.add_span(f"{name}-{index + 1}", at, nodes, here, site.place, kind)
            here = site.place
            self.add_site(at, nodes, site, underground)

    def add_site(self, bus: str, phase: str, site: Site, underground: bool) -> None:
        """A service transformer and its homes."""
        add_service(
            self.builder,
            self.number("transformer"),
            bus,
            f"{phase}.0",
            self.phase_v,
            self.homes.take(site.homes),
            site.drop_m,
            place=site.place,
            home_place=site.home_place,
            cable=underground,
        )


def _tap(target_pu: float) -> float:
    """Nearest tap of a 32-step changer."""
    return 1.0 + TAP_STEP * float(np.clip(round((target_pu - 1.0) / TAP_STEP), -16, 16))
