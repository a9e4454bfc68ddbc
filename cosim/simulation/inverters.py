"""Inverters that act on the voltage: which injectors they are, and what they gave at a solution.

A home's solar hangs on its adapter's branch or behind its panel. On the branch it has an injector to itself. Behind the
panel it would share one with charger and battery, whose power an inverter's rating must not limit; there solar and
battery get injectors of their own, put after all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand.solar import Module
from cosim.devices.inverter import WATT_FIRST, InverterSettings, VoltVar, VoltWatt
from cosim.electrical.circuit import Circuit, Complex, Injectors, Inverters
from cosim.electrical.network import Network
from cosim.simulation.sockets import Sockets
from cosim.simulation.steps import in_all

if TYPE_CHECKING:
    from cosim.entries import InverterModeEntry
    from cosim.feeder.compile import CompiledFeeder
    from cosim.scenario.home_schema import Inverter
    from cosim.scenario.population import Population
    from cosim.simulation.equipment import Equipment
    from cosim.simulation.flow import Draw
    from cosim.simulation.regulation import Grid

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

Q_FIRST_PU = {"watt": 0.0, "var": 1.0, "standard": 0.44}


@dataclass(frozen=True)
class SmartInverters:
    """The k inverters of a study that follow their voltage, those of solar first; all arrays (k,).

    Parameters
    ----------
    home
        Row of the home.
    injector
        Row of the circuit's injector.
    battery
        Whether it is a battery's; else it is solar.
    rating_va
        Apparent power it never exceeds.
    """

    home: Int
    injector: Int
    battery: Bool
    rating_va: Float

    def __len__(self) -> int:
        return len(self.home)

    @property
    def solar(self) -> Int:
        """Homes whose solar is one of them."""
        return self.home[~self.battery]

    @property
    def batteries(self) -> Int:
        """Homes whose battery is one of them."""
        return self.home[self.battery]

    def available_w(self, p_w: Float) -> Float:
        """(k, steps) power they could give, from the powers (m, steps) asked of all injectors."""
        return -p_w[self.injector]

    def given_va(self, circuit: Circuit, v: Complex, current_a: Complex) -> Complex:
        """(k, steps) power produced at a solution: node voltages (n, steps), injector currents (m, steps)."""
        rows = circuit.injectors
        ends = [np.where(node[:, None] >= 0, v[node], 0.0) for node in
                (rows.node_a[self.injector], rows.node_b[self.injector])]  # fmt: skip
        return np.asarray(-(ends[0] - ends[1]) * np.conj(current_a[self.injector]))


T = TypeVar("T", SmartInverters, Inverters)


@dataclass
class Sunniest:
    """The step at which the inverters had most to give: its powers, the state of the grid and when."""

    grid: Grid
    total_w: float = 0.0
    time_us: int = -1
    p_w: Float = field(default_factory=lambda: np.zeros((0, 1)))
    q_var: Float = field(default_factory=lambda: np.zeros((0, 1)))

    def watch(self, inverters: SmartInverters, draw: Draw, converged: Bool, grid: Grid) -> None:
        """Take in steps; those that did not converge do not count."""
        total_w = np.where(converged[: len(draw.plan)], in_all(inverters.available_w(draw.p_w).T), -np.inf)
        top = int(np.argmax(total_w))
        if total_w[top] > self.total_w:
            self.total_w, self.time_us, self.grid = float(total_w[top]), int(draw.plan.start_us[top]), grid
            self.p_w, self.q_var = draw.p_w[:, [top]].copy(), draw.q_var[:, [top]].copy()


def effect(
    compiled: CompiledFeeder, network: Network, step: Sunniest, nominal_v: Float, tolerance_pu: float
) -> dict[str, Float]:
    """Voltage and current of every socket in a step, with what inverters do for the voltage and without.

    Returns
    -------
    Columns of `layout.INVERTER_EFFECT`, (homes,).
    """
    sockets = Sockets(compiled, parallel=False)
    plain = Network(replace(network.circuit, inverters=Inverters.none()))
    found: dict[str, Float] = {}
    for name, solver in (("", network), ("without_", plain)):
        solution = solver.solve(step.p_w, step.q_var, tolerance_pu=tolerance_pu, parallel=False)
        if not solution.converged.all():
            solution.v[...] = np.nan  # without its functions the feeder may not hold at all
        at = sockets.read(solution.v, solution.current_a)
        found[f"high_{name}pu"] = np.fmax(at.voltage_l1_v, at.voltage_l2_v)[0] / nominal_v
        found[f"service_{name}a"] = at.service_a[0]
    return found


def settings_of(asked: Inverter, *, battery: bool = False) -> InverterSettings:
    """Functions that a scenario asks for.

    A battery keeps to its active power, which its stored energy has paid for: watt priority, no volt-watt.
    """
    modes = {
        key: _mode(name) for key in ("volt_var", "volt_watt") if (name := getattr(asked, key)) is not None
    }
    var, watt = modes.get("volt_var"), modes.get("volt_watt")
    limits = var or watt
    first = limits.q_first_pu.value if limits is not None else Q_FIRST_PU["standard"]
    if asked.priority is not None:
        first = Q_FIRST_PU[asked.priority]
    return InverterSettings(
        volt_var=VoltVar(var.volt_var.v_pu, var.volt_var.q_pu) if var is not None else None,
        volt_watt=VoltWatt(watt.volt_watt.v_pu, watt.volt_watt.p_pu)
        if watt is not None and not battery
        else None,
        power_factor=asked.power_factor,
        q_first_pu=WATT_FIRST if battery else first,
        **(
            {"q_absorb_pu": limits.q_absorb_pu.value, "q_inject_pu": limits.q_inject_pu.value}
            if limits
            else {}
        ),
    )


def inverter_table(inverters: SmartInverters, population: Population) -> dict[str, Any]:
    """Columns of `layout.INVERTERS`."""
    homes = [population.home[row] for row in inverters.home]
    serves = ["battery" if battery else "solar" for battery in inverters.battery]
    told = [
        _told(population.inverter[row], battery)
        for row, battery in zip(inverters.home, inverters.battery, strict=True)
    ]
    return {
        "id": [f"{home} {what}" for home, what in zip(homes, serves, strict=True)],
        "home": homes,
        "serves": serves,
        "rated_va": inverters.rating_va,
        "functions": told,
    }


def _told(asked: Inverter, battery: bool) -> str:
    """Functions in words."""
    watt = None if battery else asked.volt_watt
    said = [f"volt-var {asked.volt_var}"] if asked.volt_var and asked.volt_var != watt else []
    said += [f"volt-var and volt-watt {watt}"] if watt and asked.volt_var == watt else []
    said += [f"volt-watt {watt}"] if watt and asked.volt_var != watt else []
    said += [f"power factor {asked.power_factor:g}"] if asked.power_factor != 1.0 else []
    said += [f"{asked.priority} priority"] if asked.priority and not battery else []
    said += [f"ride-through {asked.ride_through}"] if asked.ride_through else []
    return ", ".join(said) or "none"


def entries_of(population: Population) -> list[str]:
    """Names of the modes of models/der that any home uses, in order."""
    names = [(asked.volt_var, asked.volt_watt) for asked in population.inverter if asked is not None]
    return sorted({name for pair in names for name in pair if name is not None})


def fit_inverters(
    compiled: CompiledFeeder, population: Population, equipment: Equipment
) -> tuple[CompiledFeeder, SmartInverters]:
    """The feeder with the inverters that the population asks for, and which they are."""
    parts, found = [], []
    injectors, share = compiled.circuit.injectors, compiled.share
    has = np.array([asked is not None for asked in population.inverter], dtype=bool) & (
        compiled.branch_row >= 0
    )
    charge_w = np.zeros(len(has))
    charge_w[equipment.battery_home] = np.maximum(equipment.battery.charge_w, equipment.battery.discharge_w)
    for battery, active_w in ((False, _solar_w(population.pv_kw)), (True, charge_w)):
        homes = np.flatnonzero(has & (active_w > 0.0))
        on_branch = equipment.pv_on_branch[homes] & (not battery)
        rows = compiled.branch_row[homes].copy()
        own = homes[~on_branch]
        rows[~on_branch] = len(injectors) + np.arange(len(own))
        injectors = _with_copies(injectors, compiled.panel_row[own])
        share = np.concatenate([share, np.zeros((len(own), 3))])
        injectors.p_w[rows] = -active_w[homes]  # what the solver's references stand at
        rating_va = active_w[homes] * np.array([_size(population.inverter[home], battery) for home in homes])
        for asked, members in _alike(population, homes):
            setting = settings_of(asked, battery=battery)
            parts.append(setting.inverters(rows[members], rating_va[members], active_w[homes[members]]))
        found.append(SmartInverters(homes, rows, np.full(len(homes), battery), rating_va))
    joined = _joined(found, SmartInverters)
    if not len(joined):
        return compiled, joined
    circuit = replace(compiled.circuit, injectors=injectors, inverters=_joined(parts, Inverters))
    return replace(compiled, circuit=circuit, share=share), joined


def _solar_w(pv_kw: Float) -> Float:
    """Largest AC power of arrays, as their demand model clips it."""
    module = Module()
    return pv_kw * 1e3 * module.inverter_efficiency / module.dc_to_ac


def solar_rating_w(population: Population) -> Float:
    """(homes,) largest apparent power of each home's solar inverter [VA]; 0 without solar."""
    over = [1.0 if asked is None else asked.kva_per_kw for asked in population.inverter]
    return np.asarray(_solar_w(population.pv_kw) * np.array(over))


def _size(asked: Inverter, battery: bool) -> float:
    """Rating over largest active power; a battery at a fixed power factor is rated to keep its active power."""
    return max(asked.kva_per_kw, 1.0 / abs(asked.power_factor) if battery else 1.0)


def _alike(population: Population, homes: Int) -> Iterator[tuple[Inverter, Int]]:
    """Each setting asked for, and the places in `homes` that have it."""
    asked = [population.inverter[home] for home in homes]
    for setting in dict.fromkeys(asked):
        yield setting, np.flatnonzero(np.array([own == setting for own in asked]))


def _mode(name: str) -> InverterModeEntry:
    return cast("InverterModeEntry", library.load("der", name))


def _with_copies(injectors: Injectors, rows: Int) -> Injectors:
    """The injectors, and after them copies of some."""
    return Injectors(
        **{
            f.name: np.concatenate([getattr(injectors, f.name), getattr(injectors, f.name)[rows]])
            for f in fields(Injectors)
        }
    )


def _joined(parts: list[T], kind: type[T]) -> T:
    """Several as one."""
    return kind(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(kind)})
