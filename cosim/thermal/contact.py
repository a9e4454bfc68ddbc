"""A sprung contact as an entry of ``models/contacts`` describes it: constants, state, resistance, aged bodies.

The laws themselves are kernels of floats in `cosim.thermal.contact_kernels`; docs/contacts.md derives them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.contact_entry import ContactEntry, PopulationEntry
from cosim.entries import Entry, Quantity
from cosim.errors import LibraryError, Problem
from cosim.heat_body import Joint
from cosim.thermal import contact_kernels as laws
from cosim.thermal.network import Float, HeatNetwork

HOUR_S = 3600.0
T = TypeVar("T", bound=Entry)


def load_contact(name: str) -> ContactEntry:
    """Physics of a contact from ``models/contacts``; raises `LibraryError` if the entry is a population."""
    return _of_kind(library.load("contacts", name), ContactEntry, "contact")


def load_population(name: str) -> PopulationEntry:
    """Population from ``models/contacts``; raises `LibraryError` if the entry is a contact."""
    return _of_kind(library.load("contacts", name), PopulationEntry, "population")


def _of_kind(entry: Entry, kind: type[T], word: str) -> T:
    if not isinstance(entry, kind):
        raise LibraryError(Problem(f'this needs an entry with kind = "{word}"', key=entry.name))
    return entry


def values(entry: ContactEntry | PopulationEntry) -> dict[str, float]:
    """Every number of an entry by its key (``glow_w.0`` for the first of a pair)."""
    from cosim.entries import quantities

    return {key: quantity.value for key, quantity in quantities(entry)}


def constants(entry: ContactEntry, changed: Mapping[str, float] | None = None) -> Float:
    """(CONSTANTS,) row for the kernels; `changed` replaces values of the entry by key."""
    v = {**values(entry), **(changed or {})}
    c = np.zeros(laws.CONSTANTS)
    c[laws.FORCE_N], c[laws.FINGERS], c[laws.SPOTS] = v["force_n"], v["fingers"], v["spots"]
    c[laws.HARDNESS], c[laws.SLOPE] = v["hardness"], v["resistance_slope"]
    c[laws.SOFTENING_C], c[laws.MELTING_C] = v["softening_c"], v["melting_c"]
    onset, late = v["relaxation_onset_h"], v["relaxation_h"]
    c[laws.RELAX_DECADE] = (1.0 - v["relaxation_left"]) / math.log10(1.0 + late / onset)
    c[laws.RELAX_ONSET_S], c[laws.RELAX_C] = onset * HOUR_S, v["relaxation_c"]
    c[laws.RELAX_J] = 1e3 * v["relaxation_activation"]
    c[laws.STEEL], c[laws.INSERTION] = v["steel_share"], v["insertion_loss"]
    c[laws.OXIDE], c[laws.OXIDE_C], c[laws.TARNISH] = v["oxidation_rate"], 100.0, v["tarnish"]
    c[laws.OXIDE_J] = 1e3 * v["oxidation_activation"]
    c[laws.FRET], c[laws.FRET_MOST] = v["fretting_per_cycle"], v["fretting_most"]
    c[laws.FRET_C], c[laws.FRET_CYCLES] = 25.0, v["fretting_cycles"]
    c[laws.SLIP], c[laws.ELASTIC] = v["slip_per_k"], v["friction"] / v["stiffness"]
    c[laws.WIPE_N] = v["wiping_force_n"]
    w1, w2, a1, a2 = (v[key] for key in ("glow_w.0", "glow_w.1", "glow_a.0", "glow_a.1"))
    c[laws.GLOW_W], c[laws.GLOW_A] = w2, a2
    c[laws.GLOW_POWER] = math.log(w2 / w1) / math.log(a2 / a1)
    c[laws.GLOW_ABOVE], c[laws.GLOW_LEAST_A] = v["glow_exponent_above"], v["glow_least_a"]
    return c


@dataclass(frozen=True)
class ContactState:
    """What years have done to contacts; numbers or arrays of one shape.

    Parameters
    ----------
    hold
        Share of the force as new that is left but for relaxation: insertions, damage, tolerance.
    relaxed_s
        Time under stress [s], reduced to the reference temperature of the relaxation.
    rim_m2
        Square of the depth to which the spots' rim is oxidised.
    film_ohm_m2
        Film that fretting left.
    """

    hold: ArrayLike = 1.0
    relaxed_s: ArrayLike = 0.0
    rim_m2: ArrayLike = 0.0
    film_ohm_m2: ArrayLike = 0.0


def force_n(entry: ContactEntry, state: ContactState) -> Float:
    """Normal force of a finger [N]."""
    c = constants(entry)
    return np.asarray(np.vectorize(lambda hold, tau: laws.force(c, hold, tau))(state.hold, state.relaxed_s))


def contact_ohm(entry: ContactEntry, state: ContactState, new_ohm: ArrayLike) -> Float:
    """Resistance [ohm] at 20 degC of contacts that had `new_ohm` as new; infinite without force.

    Constriction by Holm with its spots oxidised from the rim, in series with the film of fretting. Half of
    `new_ohm` at four times the force, as its inverse square root.
    """
    c = constants(entry)

    def one(new: float, hold: float, tau: float, rim: float, film: float) -> float:
        return float(laws.resistance(c, new, laws.force(c, hold, tau), rim, film, 1.0))

    found = np.vectorize(one, otypes=[float])
    return np.asarray(
        found(new_ohm, state.hold, state.relaxed_s, state.rim_m2, state.film_ohm_m2), dtype=float
    )


def relaxed_s(entry: ContactEntry, seconds: ArrayLike, temperature_c: ArrayLike) -> Float:
    """Time under stress at temperatures, reduced to the reference temperature; add the pieces of a history."""
    c = constants(entry)
    rate = np.vectorize(lambda at: laws.arrhenius(c[laws.RELAX_J], c[laws.RELAX_C], at))(temperature_c)
    return np.asarray(np.asarray(seconds, float) * rate)


def glow_w(entry: ContactEntry, amp: ArrayLike) -> Float:
    """Power [W] of a contact on the glow branch, 0 where it goes out."""
    c = constants(entry)
    return np.asarray(np.vectorize(lambda i: laws.glow_w(c, i), otypes=[float])(amp))


def softening_v(entry: ContactEntry, bulk_c: float = 20.0) -> dict[str, float]:
    """Contact voltages [V] at which plating melts, metal softens, metal melts."""
    places = {
        "plating melts": entry.plating_melting_c,
        "softens": entry.softening_c,
        "melts": entry.melting_c,
    }
    return {word: float(laws.voltage_at(place.value, bulk_c)) for word, place in places.items()}


@dataclass(frozen=True)
class AgeingJoint:
    """One contact of a body that names an entry of ``models/contacts``, on one leg.

    Parameters
    ----------
    label
        Such as ``l1.socket_line_jaw-coil``.
    joint
        Row in ``heat.joints``.
    contact
        Its entry of ``models/contacts``.
    nodes
        Rows of its two ends in the heat network.
    path
        Row of its current among the six of the network.
    new_ohm
        Resistance as new.
    at_meter
        Whether a change of meters pulls it.
    """

    label: str
    joint: int
    contact: str
    nodes: tuple[int, int]
    path: int
    new_ohm: float
    at_meter: bool


METER_BLADES = "coil"  # the part of a body that is the meter's blades and what joins them


def ageing_joints(entry: AdapterEntry, network: HeatNetwork) -> list[AgeingJoint]:
    """Contacts of an adapter that age, leg by leg.

    Raises
    ------
    LibraryError
        If no joint of the body names a contact.
    """
    from cosim.thermal.network import PATHS

    place = {name: row for row, name in enumerate(network.names)}
    found = []
    for leg in (0, 1):
        for row, joint in enumerate(entry.heat.joints):
            if not joint.contact or joint.contact_ohm is None or joint.current == "none":
                continue
            ends = tuple(place.get(f"l{leg + 1}.{name}", place.get(name, -1)) for name in joint.between)
            found.append(
                AgeingJoint(
                    f"l{leg + 1}.{'-'.join(joint.between)}", row, joint.contact, (ends[0], ends[1]),
                    PATHS[joint.current] + leg, joint.contact_ohm.value, METER_BLADES in joint.between,
                )
            )  # fmt: skip
    if not found:
        raise LibraryError(Problem("no joint names a contact; give contact = to its jaws", key="heat.joints"))
    return found


def degraded(entry: AdapterEntry, times: Mapping[int, float] | Sequence[float] | float) -> AdapterEntry:
    """The same adapter with aged contacts, for a bench or a run of one kind.

    Parameters
    ----------
    times
        Resistance over that as new: for all contacts that age, or by row of ``heat.joints`` (both legs alike).

    Raises
    ------
    LibraryError
        If a row is no contact that ages, or a factor is not positive and finite.
    """
    rows = [k for k, joint in enumerate(entry.heat.joints) if joint.contact and joint.contact_ohm is not None]
    if isinstance(times, Mapping):
        factor = dict(times)
    else:
        each = times if isinstance(times, Sequence) else [times] * len(rows)
        factor = dict(zip(rows, each, strict=True))
    wrong = [
        Problem("a contact that ages and a positive, finite factor are needed", key=f"heat.joints.{k}", value=str(f))
        for k, f in factor.items()
        if k not in rows or not (0.0 < f < math.inf)
    ]  # fmt: skip
    if wrong:
        raise LibraryError(wrong)
    joints = tuple(
        _aged(joint, factor[k]) if k in factor else joint for k, joint in enumerate(entry.heat.joints)
    )
    return entry.model_copy(update={"heat": entry.heat.model_copy(update={"joints": joints})})


def _aged(joint: Joint, times: float) -> Joint:
    assert joint.contact_ohm is not None
    old = joint.contact_ohm
    span = None if old.range is None else (old.range[0] * times, old.range[1] * times)
    aged = Quantity(
        value=old.value * times, unit=old.unit, range=span, confidence=old.confidence,
        source=f"{old.source}; {times:.4g} times that by ageing",
    )  # fmt: skip
    return joint.model_copy(update={"contact_ohm": aged})
