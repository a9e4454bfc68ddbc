"""Who lives where: groups or a table laid over the homes of a feeder.

Every draw is addressed by (seed, purpose, home), so a home's kit does not depend on how
many other homes there are, and a larger share contains the homes of a smaller one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cosim import library
from cosim.errors import Problem, ScenarioError
from cosim.randomness import stable_ids, uniforms
from cosim.scenario.der_schema import LEAST_CHARGER_KW, Battery, Ev, Generator
from cosim.scenario.entry_rules import library_violations, nearest
from cosim.scenario.home_schema import SERVICE_A, SOCKETS, HomeGroup, Inverter, Jaws
from cosim.scenario.quantities import AGES_Y, Amount
from cosim.scenario.rules import resolve_home, without_jaws
from cosim.scenario.schema import Scenario
from cosim.scenario.transfer_rules import code_problems

Text = NDArray[np.object_]
Float = NDArray[np.float64]
SERVED = ("split", "single")  # kinds of customer that can take an adapter, a battery or a charger
TEXT_COLUMNS = (
    "group", "adapter", "socket", "battery", "generator", "transfer", "grid_code", "household", "inverter",
)  # fmt: skip
NUMBER_COLUMNS = {  # smallest and largest sensible value of each, as for groups
    "service_rating_a": SERVICE_A,
    "pv_kw": (0.0, 100.0),
    "pv_tilt_deg": (0.0, 90.0),
    "pv_azimuth_deg": (0.0, 360.0),
    "ev_kw": (0.0, 19.2),
    "critical_share": (0.0, 1.0),
}
TABLE_COLUMNS = ("home", *TEXT_COLUMNS, "jaws", *NUMBER_COLUMNS)
LIBRARY_COLUMNS = {
    "adapter": "adapters",
    "battery": "der",
    "generator": "der",
    "transfer": "transfer",
    "household": "households",
    "inverter": "der",
}
DER_KINDS = {"battery": "battery", "generator": "generator", "inverter": "inverter-mode"}


@dataclass(frozen=True)
class Population:
    """Kit of every home, in the order of the feeder's homes; all arrays have shape (h,).

    Parameters
    ----------
    home
        Names of the homes.
    kind
        ``"split"`` or ``"single"`` for a 208 to 240 V single-phase service; anything else takes no kit.
    group
        Name of the group; empty for homes that stay as they are.
    adapter, battery, generator, household
        Names of library entries; empty for none (household: the default archetype).
    service_rating_a
        Rating of the service [A].
    socket
        Type of the meter socket.
    pv_kw
        Solar power at the panel's standard conditions [kW], 0 for none.
    pv_tilt_deg, pv_azimuth_deg
        Orientation of the modules; azimuth clockwise from north.
    ev_kw
        Power of the EV charger [kW], 0 for none.
    ev, storage, engine
        How the car charges, what the battery is for and how the generator is kept; None where there is none.
    transfer, grid_code
        Machine of models/transfer, empty for none, and the grid code of its return, empty for its own.
    return_stagger
        Up to how much longer than the grid code's delay its return waits [us].
    failures
        Rates of failure in place of its machine's own; None for those.
    critical_share
        Share of the panel's demand that stays on while the home is off the grid.
    service_limit
        Share of the service rating inside which the home is kept; NaN: the adapter's own, if it manages loads.
    inverter
        What the inverters of solar and battery do for the voltage; None for nothing.
    jaws
        Years that the jaws have seen; None for jaws as new.
    notes
        Sentences about what could not be done as asked, for the user.
    """

    home: tuple[str, ...]
    kind: Text
    group: Text
    adapter: Text
    service_rating_a: Float
    socket: Text
    pv_kw: Float
    pv_tilt_deg: Float
    pv_azimuth_deg: Float
    battery: Text
    generator: Text
    ev_kw: Float
    household: Text
    inverter: Text
    jaws: Text
    ev: Text
    storage: Text
    engine: Text
    transfer: Text
    grid_code: Text
    return_stagger: NDArray[np.int64]
    failures: Text
    critical_share: Float
    service_limit: Float
    notes: tuple[str, ...] = field(default=())


def populate(
    scenario: Scenario,
    homes: Sequence[str],
    kinds: Sequence[str],
    service_rating_a: Sequence[float] | Float,
    sockets: Sequence[str],
) -> Population:
    """Lay the scenario's groups, or its table, over the homes of a feeder.

    Parameters
    ----------
    scenario
        Checked scenario.
    homes
        (h,) unique names, which are the address of every draw.
    kinds
        (h,) ``"split"``, ``"single"``, or another word for customers that take no single-phase kit.
    service_rating_a, sockets
        (h,) as the feeder has them; a group may say otherwise.

    Returns
    -------
    Population
        Groups take ``round(share * h)`` of the homes that are left, in the order of the file.

    Raises
    ------
    ScenarioError
        If the table cannot be used; tells every row.
    """
    count = len(homes)
    population = Population(
        home=tuple(homes),
        kind=_text(kinds),
        group=_text([""] * count),
        adapter=_text([""] * count),
        service_rating_a=np.array(service_rating_a, dtype=np.float64),
        socket=_text(sockets),
        pv_kw=np.zeros(count),
        pv_tilt_deg=np.full(count, 20.0),
        pv_azimuth_deg=np.full(count, 180.0),
        battery=_text([""] * count),
        generator=_text([""] * count),
        ev_kw=np.zeros(count),
        household=_text([scenario.demand.household or ""] * count),
        inverter=np.full(count, None, dtype=object),
        jaws=np.full(count, None, dtype=object),
        ev=np.full(count, None, dtype=object),
        storage=np.full(count, None, dtype=object),
        engine=np.full(count, None, dtype=object),
        transfer=_text([""] * count),
        grid_code=_text([""] * count),
        return_stagger=np.zeros(count, dtype=np.int64),
        failures=np.full(count, None, dtype=object),
        critical_share=np.ones(count),
        service_limit=np.full(count, np.nan),
    )
    if scenario.population.table is not None:
        _apply_table(population, Path(scenario.population.table))
        _add_cars(population, scenario)
        _add_machines(population)
        return population
    ids = stable_ids(homes)
    free = np.ones(count, dtype=bool)
    notes: list[str] = []
    for name, group in scenario.homes.items():
        chosen, note = _choose(scenario.seed, name, group, ids, free, ~np.isin(population.kind, SERVED))
        notes += [note] if note else []
        free[chosen] = False
        _equip(population, scenario.seed, name, group, ids, chosen)
    _add_cars(population, scenario)
    _add_machines(population)
    return replace(population, notes=tuple(notes))


def _add_cars(population: Population, scenario: Scenario) -> None:
    """Cars that electrification adds to homes without; a larger share holds the homes of a smaller one."""
    asked = scenario.demand.electrification
    drawn = uniforms(scenario.seed, "population.electrify.ev", stable_ids(population.home)) < asked.share(
        "ev"
    )
    rows = np.flatnonzero(drawn & (population.ev_kw == 0.0) & np.isin(population.kind, SERVED))
    population.ev_kw[rows] = asked.charger_kw
    population.ev[rows] = Ev(charger_kw=asked.charger_kw)


def _add_machines(population: Population) -> None:
    """The machines that adapters bring, where a home does not name its own."""
    for adapter in {str(name) for name in population.adapter} - {""}:
        machine = library.load("adapters", adapter).machine
        population.transfer[(population.adapter == adapter) & (population.transfer == "")] = machine


def _choose(
    seed: int,
    name: str,
    group: HomeGroup,
    ids: NDArray[np.uint64],
    free: NDArray[np.bool_],
    unserved: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], str]:
    """Rows of a group's homes, and a note if there are fewer than asked for."""
    wanted = math.floor(group.share * len(ids) + 0.5)
    skipped = free & unserved if _has_kit(group) else np.zeros_like(free)
    candidates = np.flatnonzero(free & ~skipped)
    draw = uniforms(seed, f"population.{name}", ids[candidates])
    ranked = candidates[np.lexsort((ids[candidates], draw))]
    note = ""
    if wanted and skipped.any():
        note = (
            f"homes.{name}: {int(skipped.sum())} customers were passed over: "
            "the kit needs a single-phase service of 208 to 240 V"
        )
        if wanted > len(ranked):
            note += f"; {len(ranked)} homes got it instead of {wanted}"
    return ranked[:wanted].astype(np.int64), note


def _has_kit(group: HomeGroup) -> bool:
    """Whether a group brings anything that hangs on a single-phase service."""
    solar = group.pv_kw.value is None or group.pv_kw.value > 0
    return solar or any(
        kit is not None for kit in (group.adapter, group.battery, group.generator, group.transfer, group.ev)
    )


def _equip(
    population: Population,
    seed: int,
    name: str,
    group: HomeGroup,
    ids: NDArray[np.uint64],
    chosen: NDArray[np.int64],
) -> None:
    population.group[chosen] = name
    for column in (
        "adapter", "transfer", "grid_code", "return_stagger", "failures", "critical_share", "household", "inverter",
        "jaws", "socket", "service_rating_a", "service_limit",
    ):  # fmt: skip
        given = getattr(group, column)
        if given is not None:
            getattr(population, column)[chosen] = given
    purpose = f"population.{name}"
    own = ids[chosen]
    population.pv_kw[chosen] = draw_amount(group.pv_kw, seed, f"{purpose}.pv_kw", own)
    population.pv_tilt_deg[chosen] = np.minimum(
        draw_amount(group.pv_tilt_deg, seed, f"{purpose}.pv_tilt", own), 90.0
    )
    population.pv_azimuth_deg[chosen] = (
        draw_amount(group.pv_azimuth_deg, seed, f"{purpose}.pv_azimuth", own) % 360
    )
    if group.battery is not None:
        population.battery[chosen] = group.battery.entry
        population.storage[chosen] = group.battery
    if group.generator is not None:
        population.generator[chosen] = group.generator.entry
        population.engine[chosen] = group.generator
    if group.ev is not None:
        has_ev = uniforms(seed, f"{purpose}.ev", own) < group.ev.share
        population.ev_kw[chosen] = np.where(has_ev, group.ev.charger_kw, 0.0)
        population.ev[chosen[has_ev]] = group.ev


def draw_amount(amount: Amount, seed: int, purpose: str, ids: NDArray[np.uint64]) -> Float:
    """One value for every home, shape of `ids`; normal draws are cut at zero."""
    if amount.value is not None:
        return np.full(len(ids), amount.value)
    u = uniforms(seed, purpose, ids)
    if amount.uniform is not None:
        low, high = amount.uniform
        return low + u * (high - low)
    assert amount.normal is not None  # the schema lets exactly one of the three be given
    mean, deviation = amount.normal
    turn = uniforms(seed, purpose, ids, counter=1)  # Box and Muller (1958)
    normal = np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * turn)
    return np.maximum(mean + deviation * normal, 0.0)


def _text(values: Sequence[str]) -> Text:
    out: Text = np.empty(len(values), dtype=object)
    out[:] = list(values)
    return out


def _apply_table(population: Population, file: Path) -> None:
    """Write the rows of a population table into the arrays."""
    columns, rows = _read_table(file)
    problems = [
        Problem(f"unknown column{nearest(column, TABLE_COLUMNS)}", str(file), column, line=1)
        for column in columns
        if column not in TABLE_COLUMNS
    ]
    if "home" not in columns:
        problems.append(Problem('there must be a column "home"', str(file), "home", line=1))
        raise ScenarioError(problems)
    known: dict[str, str] = {}  # (column, name) already looked up -> what is wrong with it
    seen: dict[int, int] = {}
    for line, row in rows:
        name = row.get("home", "")
        home = resolve_home(name, population.home)
        if home is None:
            message = f"the feeder has no home of this name{nearest(name, population.home)}"
            problems.append(Problem(message, str(file), "home", name, line))
        elif home in seen:
            problems.append(
                Problem(f"this home stands in line {seen[home]} already", str(file), "home", name, line)
            )
        else:
            seen[home] = line
        problems += _apply_row(population, home, row, file, line, known)
    if problems:
        raise ScenarioError(problems)


def _apply_row(
    population: Population,
    home: int | None,
    row: Mapping[str, str],
    file: Path,
    line: int,
    known: dict[str, str],
) -> list[Problem]:
    """Write a row into the arrays if its home is known; what is wrong with its cells in any case."""
    problems = []

    def wrong(message: str, column: str, given: str) -> None:
        problems.append(Problem(message, str(file), column, given, line))

    cells: dict[str, str | float | Inverter | Jaws | Battery | Ev | Generator | None] = {"group": "table"}
    for column in TEXT_COLUMNS:
        given = row.get(column, "")
        if not given or given == "none":
            continue
        if column in LIBRARY_COLUMNS:
            message = known.setdefault(f"{column}={given}", _library_problem(column, given))
            if message:
                wrong(message, column, "")
            elif column != "household" and home is not None and population.kind[home] not in SERVED:
                wrong("is single-phase, the home has three phases", column, given)
        elif column == "socket" and given not in SOCKETS:
            wrong(f"unknown socket{nearest(given, SOCKETS)}", column, given)
        both = column == "inverter"
        cells[column] = Inverter(volt_var=given, volt_watt=given) if both else given
    given = row.get("jaws", "")
    if given not in ("", "new", "none"):
        try:
            cells["jaws"] = Jaws() if given == "population" else Jaws.model_validate({"age": given})
        except ValidationError:
            low, high = AGES_Y
            wrong(f'should be "new", "population" or years from {low:g} y to {high:g} y', "jaws", given)
        if message := without_jaws(str(cells.get("adapter", "")) or None):
            wrong(message, "jaws", given)
    for column, (smallest, largest) in NUMBER_COLUMNS.items():
        given = row.get(column, "")
        if not given:
            continue
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not smallest <= value <= largest:
            wrong(f"should be a number from {smallest:g} to {largest:g}", column, given)
        cells[column] = value
    machine, code = cells.get("transfer"), cells.get("grid_code")
    adapter = cells.get("adapter")
    if machine is None and isinstance(adapter, str) and not _library_problem("adapter", adapter):
        machine = library.load("adapters", adapter).machine
    if code is not None and not known.get(f"transfer={machine}"):
        for message in code_problems(str(machine or ""), str(code)):
            wrong(message, "grid_code", str(code))
    battery, ev_kw = cells.get("battery"), cells.get("ev_kw")
    if isinstance(battery, str):
        cells["storage"] = Battery(entry=battery)
    if isinstance(generator := cells.get("generator"), str):
        cells["engine"] = Generator(entry=generator)
    if isinstance(ev_kw, float) and ev_kw > 0.0:
        if 0.0 < ev_kw < LEAST_CHARGER_KW:
            wrong(
                f"should be 0 or at least {LEAST_CHARGER_KW:g}: the smallest current of a charger is 6 A",
                "ev_kw",
                row["ev_kw"],
            )
        else:
            cells["ev"] = Ev(charger_kw=min(ev_kw, 19.2))
    for column, cell in cells.items() if home is not None else ():
        getattr(population, column)[home] = cell
    return problems


def _library_problem(column: str, name: str) -> str:
    """What is wrong with a name, empty if nothing."""
    found = library_violations((), LIBRARY_COLUMNS[column], name, DER_KINDS.get(column))
    return "; ".join(message for _, message, _ in found)


def _read_table(file: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Column names and (line, row) of a CSV file, cells stripped."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True, restval="", strict=True)
            rows = [(reader.line_num, row) for row in reader]
            columns = list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(Problem(f"not a CSV table that can be read: {error}", str(file))) from error
    ragged = [line for line, row in rows if None in row]
    if ragged:
        raise ScenarioError([Problem("more cells than columns", str(file), line=line) for line in ragged])
    return columns, [(line, {k: v.strip() for k, v in row.items()}) for line, row in rows]
