"""What a breaker or fuse lets through, how hot the metal in its way gets, and whether each device is up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from cosim import library
from cosim.electrical.circuit import Float
from cosim.electrical.let_through import adiabatic_rise_k, i2t_a2s, peak_a

if TYPE_CHECKING:
    from cosim.adapter_entry import AdapterEntry
    from cosim.devices.curves import TimeCurrentCurve
    from cosim.entries import BreakerEntry
    from cosim.heat_body import Part, Wire

Verdict = Literal["within", "within by series rating", "over", "unknown"]

INSULATION_LIMIT_C = 250.0  # short-circuit limit of cross-linked insulation, IEC 60364-5-54


@dataclass(frozen=True)
class LetThrough:
    """Of one protective device for one or more faults: clearing time [s], I^2 t [A^2 s], peak [A]."""

    clearing_s: Float
    i2t_a2s: Float
    peak_a: Float


def breaker_let_through(
    entry: BreakerEntry, symmetrical_a: ArrayLike, x_over_r: ArrayLike, rating_a: ArrayLike | None = None
) -> LetThrough:
    """A thermal-magnetic breaker from cold; infinite where it never trips. No current limiting is credited."""
    current = np.asarray(symmetrical_a, dtype=np.float64)
    m = current / (entry.rating_a.value if rating_a is None else np.asarray(rating_a))
    square, level = m * m, entry.trip_level.value
    with np.errstate(divide="ignore", invalid="ignore"):
        bimetal = np.where(
            square > level, entry.thermal_tau_s.value * np.log(square / (square - level)), np.inf
        )
    at_once = m >= entry.magnetic_multiple.value
    clearing = np.where(
        at_once, np.minimum(entry.clearing_s.value, bimetal + entry.clearing_s.value), bimetal
    )
    return LetThrough(clearing, i2t_a2s(current, x_over_r, clearing), peak_a(current, x_over_r))


def fuse_let_through(
    curve: TimeCurrentCurve, rating_a: float, symmetrical_a: ArrayLike, x_over_r: ArrayLike
) -> LetThrough:
    """A fuse link by its curve: expulsion links clear at a current zero and do not limit the peak."""
    current = np.asarray(symmetrical_a, dtype=np.float64)
    clearing = curve.clearing_s(current / rating_a)
    return LetThrough(clearing, i2t_a2s(current, x_over_r, clearing), peak_a(current, x_over_r))


@dataclass(frozen=True)
class PartRise:
    """A current-carrying part of an adapter (or its wires) after a fault."""

    part: str
    role: str
    material: str
    section_m2: float
    rise_k: float
    confidence: str


def adapter_rises(
    entry: AdapterEntry, i2t: float, paths: Sequence[str], start_c: float = 40.0
) -> list[PartRise]:
    """Adiabatic rise of every part and wire of an adapter that the fault current runs through.

    Parameters
    ----------
    i2t
        Let-through of whatever clears the fault [A^2 s].
    paths
        Current paths it takes: ("grid", "load") for a fault at the panel, ("grid", "branch") for one on the
        adapter's branch. A fault between meter and main breaker is cleared by the transformer's fuse alone.
    """
    heat = entry.heat
    found = []
    pieces: list[tuple[str, str, Part | Wire]] = [
        (name, part.role, part) for name, part in heat.parts.items()
    ]
    pieces += [(f"{wire.part} wire", "conductor", wire) for wire in heat.wires]
    for name, role, piece in pieces:
        if piece.current not in paths or piece.section_m2 is None:
            continue
        metal = library.load("materials", piece.material)
        if not metal.resistivity.known:
            continue
        section = piece.section_m2
        rise = adiabatic_rise_k(
            i2t, section.value, metal.density.value, metal.heat_capacity.value, metal.resistivity.value,
            metal.resistivity_slope.value, start_c,
        )  # fmt: skip
        found.append(PartRise(name, role, piece.material, section.value, float(rise), section.confidence))
    return sorted(found, key=lambda part: -part.rise_k)


@dataclass(frozen=True)
class Level:
    """A breaker in a chain from the service inwards, and how it stands against the fault it may see."""

    interrupting_a: float
    effective_a: float
    verdict: Verdict


def judge_chain(
    interrupting_a: Sequence[float], fault_a: float, pairs: Sequence[str] | None = None
) -> list[Level]:
    """Each breaker of a chain against the fault current, with series ratings for the second level only.

    Parameters
    ----------
    interrupting_a
        Ratings from the service inwards [A]; NaN if unknown.
    fault_a
        Symmetrical current available at every level (the wire between is not credited).
    pairs
        Entries of models/series-ratings that the equipment is marked with; all of them if not given. A series
        rating holds for a tested pair: without the marking it does not.
    """
    names = library.names("series-ratings") if pairs is None else pairs
    tested = [library.load("series-ratings", name) for name in names]
    levels = []
    for depth, own in enumerate(interrupting_a):
        best = own
        for pair in tested:
            if (
                0 < depth < pair.levels.value
                and interrupting_a[depth - 1] >= pair.main_interrupting_a.value
                and own >= pair.branch_interrupting_a.value
            ):
                best = max(best, pair.rating_a.value)
        levels.append(Level(own, best, _verdict(own, best, fault_a)))
    return levels


@dataclass(frozen=True)
class SocketVerdict:
    """A home's devices against the largest fault at its socket.

    Parameters
    ----------
    home
        Row of the home.
    fault_a, x_over_r
        Largest current of any conductors there, with every device's limit added (the arithmetic bound).
    levels
        Main breaker, then what follows it.
    adapter
        Of each short-circuit rating that the adapter's entry lists: the part, the rating (NaN for none public)
        and the verdict.
    main
        What the main breaker lets through for a fault at the panel.
    hottest
        The part of the adapter that this heats most; None without an adapter.
    """

    home: int
    fault_a: float
    x_over_r: float
    levels: tuple[Level, ...]
    adapter: tuple[tuple[str, float, Verdict], ...]
    main: LetThrough
    hottest: PartRise | None


def judge_socket(
    home: int,
    fault_a: float,
    x_over_r: float,
    breakers: Sequence[str],
    adapter: str = "",
    pairs: Sequence[str] | None = None,
) -> SocketVerdict:
    """Verdict on every device at one socket.

    Parameters
    ----------
    fault_a, x_over_r
        From `fault_duty` or the bound of `contributions`.
    breakers
        Entries of models/breakers from the service inwards; the first is the main.
    adapter
        Entry of models/adapters, "" for none.
    pairs
        See `judge_chain`.

    Raises
    ------
    LibraryError
        If an entry is not there.
    ValueError
        If there is no main breaker.
    """
    if not breakers:
        raise ValueError("name the main breaker")
    entries = [library.load("breakers", name) for name in breakers]
    levels = judge_chain([entry.interrupting_a.value for entry in entries], fault_a, pairs)
    main = breaker_let_through(entries[0], fault_a, x_over_r)
    parts: list[tuple[str, float, Verdict]] = []
    hottest = None
    if adapter:
        body = library.load("adapters", adapter)
        for part in body.short_circuit:
            rating = part.rating_a.value
            parts.append((part.applies_to, rating, _verdict(rating, rating, fault_a)))
        hottest = next(iter(adapter_rises(body, float(main.i2t_a2s), ("grid", "load"))), None)
    return SocketVerdict(home, fault_a, x_over_r, tuple(levels), tuple(parts), main, hottest)


def _verdict(own: float, effective: float, fault_a: float) -> Verdict:
    if np.isnan(own):
        return "unknown"
    if fault_a <= own:
        return "within"
    return "within by series rating" if fault_a <= effective else "over"
