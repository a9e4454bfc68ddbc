"""The slow reference ``solver = "pandapower"``: ``runpp_3ph`` on feeders that pandapower can represent.

Those are three-phase feeders of transposed lines, delta-wye and wye-wye substation units
with a grounded wye, wye or delta constant-power loads and grounded-wye capacitors. All else is
refused by name: nothing is folded into an approximation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.electrical.circuit import Complex
from cosim.errors import ConvergenceError, FeederError, Problem
from cosim.feeder.feeder import Feeder
from cosim.feeder.service import find_supply

PHASES = "1.2.3"
STIFF_MVA = 1e9  # the source's own impedance is a line, so the grid behind it must have none
COLLAPSED_PU = 0.1  # no load of constant power is served below this
BALANCED = 1e-9  # relative spread of a matrix that counts as transposed
TURN = np.exp(-2j * np.pi / 3.0 * np.arange(3))


@dataclass(frozen=True)
class ReferenceSolution:
    """What pandapower found.

    Parameters
    ----------
    bus
        Names of the buses.
    v
        (buses, 3) voltage of each phase to ground [V]; 0 where no source reaches.
    """

    bus: tuple[str, ...]
    v: Complex

    def node_voltages(self) -> dict[str, complex]:
        """Voltage by node name, ``bus.1``."""
        return {
            f"{name}.{phase + 1}": complex(self.v[row, phase])
            for row, name in enumerate(self.bus)
            for phase in range(3)
        }


def solve_with_pandapower(feeder: Feeder) -> ReferenceSolution:
    """Nominal loads solved by pandapower's unbalanced power flow.

    Raises
    ------
    FeederError
        The feeder holds what pandapower cannot represent; every element is named.
    ConvergenceError
        pandapower did not converge, or says it did and returns no numbers or a collapsed state.
    """
    import pandapower

    reference = _Reference(feeder)
    reference.fill()
    if reference.problems:
        raise FeederError(reference.problems)
    what = f"pandapower runpp_3ph of {feeder.name}"
    try:
        pandapower.pf.runpp_3ph.runpp_3ph(reference.net)
    except pandapower.LoadflowNotConverged as error:
        raise ConvergenceError(what, math.nan) from error
    result = reference.net.res_bus_3ph.loc[: len(feeder.bus) - 1]
    size = result[[f"vm_{phase}_pu" for phase in "abc"]].to_numpy(dtype=np.float64)
    angle = np.radians(result[[f"va_{phase}_degree" for phase in "abc"]].to_numpy(dtype=np.float64))
    dead = sorted(set(range(len(feeder.bus))) - set(find_supply(feeder.tables).order))
    size[dead] = angle[dead] = 0.0
    positive = np.abs((size * np.exp(1j * angle)) @ TURN.conj()) / 3.0
    # Seen in pandapower 3.5 with net.converged True: NaN on every bus; a root without positive sequence.
    fed = np.delete(positive, dead)
    if not reference.net.converged or not (np.isfinite(size).all() and fed.min() > COLLAPSED_PU):
        raise ConvergenceError(what, math.nan)
    v = size * np.exp(1j * angle) * feeder.bus["base_v"].to_numpy(dtype=np.float64)[:, None]
    _check_bands(feeder, v)
    return ReferenceSolution(tuple(feeder.bus["name"]), v)


class _Reference:
    """A pandapower net under construction, with what cannot stand in it."""

    def __init__(self, feeder: Feeder) -> None:
        import pandapower

        self.feeder = feeder
        self.create = pandapower.create
        self.net = pandapower.create_empty_network(f_hz=feeder.frequency_hz)
        self.problems: list[Problem] = []

    def refuse(self, name: str, why: str) -> None:
        self.problems.append(Problem(f"pandapower cannot represent it: {why}", "", name))

    def fill(self) -> None:
        """Every element of the feeder, or a problem."""
        for name, nodes, base_v in self.rows("bus", "name", "nodes", "base_v"):
            if nodes != PHASES:
                self.refuse(f"bus.{name}", f"conductors {nodes} are not three phases")
            self.create.create_bus(self.net, base_v * math.sqrt(3.0) / 1e3, name=name)
        for name, on in self.rows("other", "name", "in_service"):
            if on:
                self.refuse(f"other.{name}", "a block given by its admittance")
        self.add_lines()
        self.add_transformers()
        self.add_capacitors()
        self.add_sources()
        self.add_loads()

    def rows(self, table: str, *columns: str) -> Any:
        """Cells of the given columns, row by row."""
        frame = self.feeder.table(table)
        return zip(*(frame[column].tolist() for column in columns), strict=True)

    # ------------------------------------------------------------------ branches
    def add_lines(self) -> None:
        matrices = self.feeder.matrices
        opened = {
            row: bus for row, bus, closed in self.rows("switch", "element", "bus", "closed") if not closed
        }
        columns = ("name", "from_bus", "to_bus", "from_nodes", "to_nodes", "in_service")
        for row, (name, a, b, a_nodes, b_nodes, on) in enumerate(self.rows("line", *columns)):
            if not on:
                continue
            y = matrices.line_y_siemens[row]
            z = sequences(matrices.line_z_ohm[row])
            shunt = sequences(y)
            if a_nodes != PHASES or b_nodes != PHASES or z is None or shunt is None:
                self.refuse(f"line.{name}", "not three transposed phases")
            elif shunt[0].real or shunt[1].real:
                self.refuse(f"line.{name}", "shunt conductance in the zero sequence")
            else:
                number = self.add_line(a, b, z, shunt)
                if row in opened:
                    self.create.create_switch(self.net, opened[row], number, et="l", closed=False)

    def add_line(
        self, a: int, b: int, z: tuple[complex, complex], y: tuple[complex, complex] = (0j, 0j)
    ) -> int:
        """A line of 1 km from positive and zero sequence impedance [ohm] and admittance at each end [S]."""
        nano = 2e9 / (2.0 * math.pi * self.feeder.frequency_hz)
        number: int = self.create.create_line_from_parameters(
            self.net,
            a,
            b,
            1.0,
            r_ohm_per_km=z[0].real,
            x_ohm_per_km=z[0].imag,
            c_nf_per_km=y[0].imag * nano,
            r0_ohm_per_km=z[1].real,
            x0_ohm_per_km=z[1].imag,
            c0_nf_per_km=y[1].imag * nano,
            max_i_ka=1.0,
        )
        return number

    def add_transformers(self) -> None:
        units: Any = self.feeder.transformer
        windings: Any = self.feeder.winding
        for row, unit in enumerate(units.itertuples()):
            if not unit.in_service:
                continue
            parts = list(windings[windings["transformer"] == row].itertuples())
            why = self.unfit(unit, parts)
            if why:
                self.refuse(f"transformer.{unit.name}", why)
                continue
            high, low = parts
            group = "Dyn" if high.connection == "delta" else "YNyn"
            lag = (-30.0 if unit.leading else 30.0) if group == "Dyn" else 0.0
            vkr = high.r_percent + low.r_percent
            vk = math.hypot(vkr, unit.x12_percent)
            coil = 1.0 if group == "Dyn" else math.sqrt(3.0)
            self.create.create_transformer_from_parameters(
                self.net,
                int(high.bus),
                int(low.bus),
                sn_mva=unit.rated_kva / 1e3,
                vn_hv_kv=high.kv * coil * high.tap_pu,
                vn_lv_kv=low.kv * math.sqrt(3.0) * low.tap_pu,
                vk_percent=vk,
                vkr_percent=vkr,
                pfe_kw=0.0,
                i0_percent=0.0,
                shift_degree=(lag + 120.0 * turned(low.nodes)) % 360.0,
                vector_group=group,
                vk0_percent=vk,
                vkr0_percent=vkr,
                mag0_percent=1e9,
                mag0_rx=0.0,
                si0_hv_partial=0.9,
            )
            if unit.noload_percent or unit.imag_percent:  # the core stands at the low winding, grounded wye
                core_mva = unit.rated_kva / 1e5
                self.create.create_shunt(
                    self.net,
                    int(low.bus),
                    q_mvar=unit.imag_percent * core_mva,
                    p_mw=unit.noload_percent * core_mva,
                    vn_kv=low.kv * math.sqrt(3.0) * low.tap_pu,
                )

    def unfit(self, unit: Any, windings: list[Any]) -> str:
        """Why a transformer cannot be represented; empty if it can."""
        if unit.phases != 3 or len(windings) != 2:
            return "not a three-phase unit of two windings"
        high, low = windings
        if low.connection != "wye" or not low.nodes.endswith(".0"):
            return "the low side is not a grounded wye"
        if high.connection == "wye" and not high.nodes.endswith(".0"):
            return "the high side is an ungrounded wye"
        if high.nodes[:5] != PHASES or turned(low.nodes) < 0:
            return "its conductors are not in cyclic order"
        if not (math.isnan(high.neutral_r_ohm) and math.isnan(low.neutral_r_ohm)):
            return "its neutral is grounded through an impedance"
        return ""

    # -------------------------------------------------------------------- shunts
    def add_capacitors(self) -> None:
        columns = ("name", "bus", "nodes", "connection", "q_mvar", "p_mw", "vn_kv", "step", "in_service")
        for name, bus, nodes, connection, q, p, vn_kv, step, on in self.rows("shunt", *columns):
            if not on or not step:
                continue
            if connection != "wye" or nodes != f"{PHASES}.0":
                self.refuse(f"shunt.{name}", "not a three-phase grounded wye")
                continue
            self.create.create_shunt(self.net, bus, q_mvar=q * step, p_mw=p * step, vn_kv=vn_kv)

    def add_sources(self) -> None:
        columns = ("name", "bus", "nodes", "vm_pu", "va_degree", "in_service")
        for row, (name, bus, nodes, vm_pu, degrees, on) in enumerate(self.rows("ext_grid", *columns)):
            if not on:
                continue
            z = sequences(self.feeder.matrices.source_z_ohm[row])
            emf = self.feeder.matrices.source_emf_v[row] * vm_pu * np.exp(1j * math.radians(degrees))
            balanced = len(emf) == 3 and np.abs(emf - emf[0] * TURN).max() <= BALANCED * abs(emf[0])
            if nodes != PHASES or z is None or not balanced:
                self.refuse(f"source.{name}", "not a balanced three-phase source")
                continue
            base_v = float(self.feeder.bus["base_v"].iloc[bus])
            behind = self.create.create_bus(self.net, base_v * math.sqrt(3.0) / 1e3)
            self.create.create_ext_grid(
                self.net,
                behind,
                vm_pu=abs(emf[0]) / base_v,
                va_degree=math.degrees(np.angle(emf[0])),
                s_sc_max_mva=STIFF_MVA,
                rx_max=0.1,
                r0x0_max=0.1,
                x0x_max=1.0,
            )
            self.add_line(behind, bus, z)

    def add_loads(self) -> None:
        columns = ("name", "bus", "nodes", "connection", "model", "kw", "kvar", "in_service")
        for name, bus, nodes, connection, model, kw, kvar, on in self.rows("home", *columns):
            if not on:
                continue
            share = phase_shares(nodes, connection)
            if share is None:
                self.refuse(f"home.{name}", "not a load of phase conductors, such as a 120/240 V home")
            elif model != 1:
                self.refuse(f"home.{name}", "not constant power")
            else:
                self.add_load(bus, share, kw, kvar, delta=not nodes.endswith(".0"))
        for name, bus, nodes, connection, model, kw, kvar, on in self.rows("generator", *columns):
            if not on:
                continue
            share = phase_shares(nodes, connection)
            if share is None:
                self.refuse(f"generator.{name}", "not a source of phase conductors")
            elif model != 1:
                self.refuse(f"generator.{name}", "not constant power")
            else:
                self.add_load(bus, share, -kw, -kvar, delta=not nodes.endswith(".0"))

    def add_load(self, bus: int, share: list[float], kw: float, kvar: float, *, delta: bool) -> None:
        powers = {f"p_{x}_mw": kw * part / 1e3 for x, part in zip("abc", share, strict=True)}
        powers |= {f"q_{x}_mvar": kvar * part / 1e3 for x, part in zip("abc", share, strict=True)}
        self.create.create_asymmetric_load(self.net, bus, type="delta" if delta else "wye", **powers)


def sequences(matrix: Complex) -> tuple[complex, complex] | None:
    """Positive and zero sequence values of a transposed (3, 3) matrix; None if it is not one."""
    if matrix.shape != (3, 3):
        return None
    own, mutual = np.diag(matrix), matrix[~np.eye(3, dtype=bool)]
    spread = max(np.abs(own - own.mean()).max(), np.abs(mutual - mutual.mean()).max())
    if spread > BALANCED * np.abs(matrix).max():
        return None
    return complex(own.mean() - mutual.mean()), complex(own.mean() + 2.0 * mutual.mean())


def turned(nodes: str) -> int:
    """Thirds of a turn by which the low side lags through the order of its conductors, -1 if not cyclic."""
    order = [".".join(str((coil - turn) % 3 + 1) for coil in range(3)) for turn in range(3)]
    return order.index(nodes[:5]) if nodes[:5] in order else -1


def phase_shares(nodes: str, connection: str) -> list[float] | None:
    """Share of a load in phases a, b, c (or between ab, bc, ca); None if pandapower has no such load."""
    if nodes in (f"{PHASES}.0", PHASES):
        return [1.0 / 3.0] * 3 if nodes.endswith(".0") == (connection == "wye") else None
    single = {"1.0": 0, "2.0": 1, "3.0": 2, "1.2": 0, "2.3": 1, "3.1": 2}
    if nodes not in single:
        return None
    return [1.0 if phase == single[nodes] else 0.0 for phase in range(3)]


def _check_bands(feeder: Feeder, v: Complex) -> None:
    """Loads are constant power to pandapower; refuse an answer outside the band where they are that here."""
    problems = []
    for one in feeder.home[feeder.home["in_service"]].to_dict("records"):
        phases = v[one["bus"]]
        if not phases.any():
            continue
        ends = phases - np.roll(phases, -1) if not one["nodes"].endswith(".0") else phases
        share = np.array(phase_shares(one["nodes"], one["connection"]))
        pu = np.abs(ends[share > 0.0]) / (1e3 * one["kv"])
        if pu.min() < one["v_min_pu"] or pu.max() > one["v_max_pu"]:
            problems.append(
                Problem(
                    "leaves the band in which it is constant power, which pandapower ignores",
                    "",
                    f"home.{one['name']}",
                    f"{pu.min():.3f} to {pu.max():.3f} pu",
                )
            )
    if problems:
        raise FeederError(problems)
