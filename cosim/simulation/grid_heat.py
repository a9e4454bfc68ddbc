"""What loads do to the grid's own equipment: service transformers that age, service drops that warm.

Each transformer has the heat of the entry its feeder names; one without a name, as imported feeders have them, that
of the entry of nearest size. Each overhead drop has that of its conductor, and begins at rest under the first step;
transformers begin under the first day's load (`first_heat`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand import solar_kernels
from cosim.errors import LibraryError, Problem
from cosim.feeder.customers import THREE
from cosim.simulation.adapter_heat import GROUND_ALBEDO
from cosim.thermal.drop import DropFleet, DropHeat
from cosim.thermal.transformer import TransformerBlock, TransformerFleet, TransformerHeat

if TYPE_CHECKING:
    from cosim.demand.weather import WeatherBlock
    from cosim.entries import ConductorEntry, TransformerEntry
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder

Float = NDArray[np.float64]

DROP_WIND = 0.5  # of the station's at 10 m, among houses and trees at 5 m; an estimate, range 0.2 to 0.8
NEAREST = 1.3  # a transformer further from every entry than this ratio of ratings has no heat
TRIPLEX = re.compile(r"(?P<size>\d/0|\b[246]\b).*(triplex|tpx)", re.IGNORECASE)


def sun_on_wires(weather: WeatherBlock) -> Float:
    """(steps,) sun [W/m2] per projected area of a level wire of any direction: beam, isotropic sky and ground."""
    up = weather.rows[solar_kernels.UP]
    beam = np.where(up > 0.0, weather.dni, 0.0) * np.sqrt(0.5 * (1.0 + up * up))
    return np.asarray(beam + 0.5 * math.pi * (weather.dhi + GROUND_ALBEDO * weather.ghi))


@dataclass(frozen=True)
class GridHeatBlock:
    """What a block of steps brought: transformers, and (steps, homes) surface and hotter conductor of each drop."""

    units: TransformerBlock
    drop_surface_c: Float
    drop_c: Float


@dataclass(frozen=True)
class GridHeat:
    """Service transformers and drops of a run.

    Parameters
    ----------
    units, drops
        Fleets, in the order of the compiled service transformers and of the homes.
    notes
        What a reader should know of them, as sentences.
    entries
        (kind, name) of the library entries used.
    """

    units: TransformerFleet
    drops: DropFleet
    notes: tuple[str, ...]
    entries: tuple[tuple[str, str], ...]

    def advance(
        self,
        units: Float,
        drops: Float,
        load_pu: Float,
        i2_a2: Float,
        known: NDArray[np.bool_],
        weather: WeatherBlock,
        seconds: Float,
        *,
        parallel: bool,
    ) -> GridHeatBlock:
        """Move both states over a block.

        Parameters
        ----------
        units, drops
            States at its start.
        load_pu, i2_a2
            (steps, units) load over rating, (steps, 6, homes) squared currents, both service legs first.
        known
            (steps,) whether the power flow converged; where not, the last load goes on and drops stay as they are.
        """
        air = np.ascontiguousarray(weather.ambient_c)
        legs = i2_a2[:, :2]
        if not known.all():
            load_pu = np.where(known[:, None], load_pu, np.nan)
            legs = np.where(known[:, None, None], legs, np.nan)
        aged = self.units.advance(units, load_pu, air, seconds, parallel=parallel)
        wind, sun = DROP_WIND * weather.wind_m_s, sun_on_wires(weather)
        return GridHeatBlock(
            aged, *self.drops.advance(drops, legs, air, wind, sun, seconds, parallel=parallel)
        )


def grid_heat(feeder: Feeder, compiled: CompiledFeeder) -> GridHeat:
    """Fleets of a feeder.

    Raises
    ------
    LibraryError
        If an entry that the feeder names cannot be used; tells all that cannot.
    """
    entries = _Entries()
    notes: list[str] = []
    units = TransformerFleet(_transformers(feeder, compiled, entries, notes))
    drops = DropFleet(_drops(feeder, compiled, entries, notes))
    entries.check()
    return GridHeat(units, drops, tuple(notes), tuple(sorted(entries.used)))


class _Entries:
    """Entries read once each, with everything that is wrong with any."""

    def __init__(self) -> None:
        self.used: set[tuple[str, str]] = set()
        self._read: dict[tuple[str, str], TransformerHeat | DropHeat | None] = {}
        self._problems: list[Problem] = []

    def transformer(self, name: str) -> TransformerHeat | None:
        """Heat of an entry of models/transformers."""
        found = self._heat("transformers", name)
        return found if isinstance(found, TransformerHeat) else None

    def drop(self, name: str) -> DropHeat | None:
        """Heat of an entry of models/conductors."""
        found = self._heat("conductors", name)
        return found if isinstance(found, DropHeat) else None

    def _heat(self, kind: str, name: str) -> TransformerHeat | DropHeat | None:
        key = kind, name
        if key not in self._read:
            self._read[key] = None
            try:
                entry = library.load(kind, name)
            except LibraryError as error:
                self._problems += error.problems
            else:
                if kind == "transformers":
                    self._read[key] = TransformerHeat.of(cast("TransformerEntry", entry))
                else:
                    self._read[key] = DropHeat.of(cast("ConductorEntry", entry))
        if self._read[key] is not None:
            self.used.add(key)
        return self._read[key]

    def check(self) -> None:
        """Raise what was found wrong, all at once."""
        if self._problems:
            raise LibraryError(self._problems)


def _transformers(
    feeder: Feeder, compiled: CompiledFeeder, entries: _Entries, notes: list[str]
) -> list[TransformerHeat | None]:
    table = feeder.transformer.iloc[compiled.service_transformers]
    known = set(library.names("transformers"))
    sizes = _sizes() if not set(table["model"]) <= known else {}
    found: list[TransformerHeat | None] = []
    guessed, unknown = 0, Counter[str]()
    for model, phases, kva in zip(table["model"], table["phases"], table["rated_kva"], strict=True):
        name = str(model) if model in known else ""
        if not name and phases == 1 and sizes and kva > 0.0:
            near = min(sizes, key=lambda size: max(size / kva, kva / size))
            name = sizes[near] if max(near / kva, kva / near) <= NEAREST else ""
            guessed += name != ""
        heat = entries.transformer(name) if name else None
        found.append(heat)
        if heat is None:
            unknown[f"{name or ('three-phase' if phases == 3 else 'single-phase')} {kva:g} kVA"] += 1
    if guessed:
        notes.append(
            f"{guessed} service transformers name no entry of models/transformers: they heat as that of the nearest "
            "size (an estimate)"
        )
    if unknown:
        which = ", ".join(f"{count} of {what}" for what, count in unknown.most_common(5))
        notes.append(
            f"{unknown.total()} service transformers have no heat in models/transformers, so no temperature: {which}"
        )
    return found


def _sizes() -> dict[float, str]:
    """Rating [kVA] to name of every shipped single-phase service transformer."""
    names = [name for name in library.names("transformers") if name.startswith("service-")]
    return {library.load("transformers", name).kva.value: name for name in names}


def _drops(
    feeder: Feeder, compiled: CompiledFeeder, entries: _Entries, notes: list[str]
) -> list[DropHeat | None]:
    known = set(library.names("conductors"))
    line = feeder.line
    kind, buried = line["std_type"].tolist(), (line["type"] == "cs").tolist()
    rows = feeder.home["drop"].tolist()
    shared = Counter(rows)
    found: list[DropHeat | None] = []
    left = Counter[str]()
    for row, customer in zip(rows, compiled.home_kind, strict=True):
        why, heat = "", None
        if row < 0 or customer == THREE:
            why = "have no single-phase drop"
        elif buried[row]:
            why = "are in the ground, where heat is not modelled"
        elif shared[row] > 1:
            why = "serve several homes"
        else:
            match = TRIPLEX.search(str(kind[row]))
            size = "triplex-" + match["size"].replace("/", "-") if match else ""
            name = next((name for name in (str(kind[row]), size) if name in known), "")
            heat = entries.drop(name) if name else None
            why = "" if heat else "are of a conductor without insulation in models/conductors"
        left[why] += heat is None
        found.append(heat)
    whys = [f"{count} {why}" for why, count in left.most_common() if count]
    if whys:
        notes.append(f"service drops without a temperature, of {len(rows)} homes: {'; '.join(whys)}")
    return found
