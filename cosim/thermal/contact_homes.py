"""Jaws of a population after years of service, and as the resistances of homes' own that a fleet runs with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import AgeingJoint, ContactState, constants, contact_ohm, force_n, load_contact
from cosim.thermal.contact_ageing import ContactAgeing, Exposure
from cosim.thermal.contact_population import draw_jaws, insertions
from cosim.thermal.fleet import OwnOhm
from cosim.thermal.network import Float, HeatNetwork

SEASON_S = laws.YEAR_S / 4


@dataclass(frozen=True)
class HomeContacts:
    """Contacts of homes as they are now, (homes, contacts).

    Parameters
    ----------
    ohm
        Resistance at 20 degC; of a contact that glows that at which it just melts at the highest current of its past.
    force_share
        Normal force over that of the entry.
    glowing
        Whether it glows.
    """

    ohm: Float
    force_share: Float
    glowing: NDArray[np.bool_]


def home_contacts(
    ageing: ContactAgeing,
    people: Mapping[str, float],
    homes: NDArray[np.uint64],
    seed: int,
    exposure: Exposure,
    *,
    years: float = 10.0,
    poor_share: float | None = None,
    base_c: Float | None = None,
    parallel: bool = True,
) -> HomeContacts:
    """Contacts of homes drawn from a population, after years of service.

    Parameters
    ----------
    people
        Numbers of a `PopulationEntry` by key.
    homes
        (h,) stable ids; a home's draw depends on its own id and the seed alone.
    exposure
        What they carried until now.
    poor_share
        Chance of a poor jaw at each insertion, in place of the population's; a home without an adapter has one
        insertion, so there it is the share of homes with a poor jaw.
    base_c
        From `ContactAgeing.base`, if the exposure's is at hand.
    years
        Counted in whole seasons, one at least.
    """
    number = dict(people) if poor_share is None else {**people, "poor_per_insertion": poor_share}
    jaws = draw_jaws(
        ageing, number, homes, len(exposure.ambient_c), seed, insertion=insertions(ageing)
    )  # fmt: skip
    c = constants(ageing.contact)
    limits = np.array([number["hot_c"], number["alarm_c"], np.inf, number["sensor_share"]])
    steps = max(1, round(years / 0.25))
    base_c = ageing.base(exposure) if base_c is None else base_c
    aged = ageing.age(
        jaws, exposure, base_c, c, limits, step_s=SEASON_S, steps=steps, parallel=parallel
    )  # fmt: skip
    state = ContactState(aged.hold, aged.relaxed_s, aged.rim_m2, aged.film_ohm_m2)
    found = contact_ohm(ageing.contact, state, jaws.new_ohm)
    paths = [joint.path for joint in ageing.joints]
    peak = np.sqrt(exposure.i2_a2[..., paths].max(axis=(1, 2)))[jaws.kind]
    molten = laws.voltage_at(ageing.contact.melting_c.value, 20.0) / np.maximum(peak, 1.0)
    glowing = aged.glowing > 0.0
    force = force_n(ageing.contact, state) / ageing.contact.force_n.value
    return HomeContacts(np.where(glowing, molten, np.minimum(found, molten)), force, glowing)


def own_ohm(joints: Sequence[AgeingJoint], now: HomeContacts) -> OwnOhm:
    """What (homes, contacts) contacts have beside those as new, half of their heat on each side of a contact.

    Resistances do not rise with temperature, and the thermal conductance of a contact stays that as new. A contact that
    glows has no resistance but the heat of the glow branch at its current.
    """
    node = [n for joint in joints for n in joint.nodes]
    path = [joint.path for joint in joints for _ in joint.nodes]
    ohm = np.where(now.glowing, 0.0, now.ohm)
    more = 0.5 * (ohm - np.array([joint.new_ohm for joint in joints]))
    glow = np.where(now.glowing, 0.5, 0.0)
    more, glow = (np.repeat(values.T, 2, axis=0) for values in (more, glow))
    law = constants(load_contact(joints[0].contact))
    return OwnOhm(np.array(node, np.int64), np.array(path, np.int64), more, glow, law)


def with_contacts(network: HeatNetwork, joints: Sequence[AgeingJoint], ohm: Float) -> HeatNetwork:
    """The network of one home, its contacts having (contacts,) resistances; as `own_ohm` where none glows."""
    changed = network.ohm.copy()
    row = {key: k for k, key in enumerate(zip(network.node.tolist(), network.path.tolist(), strict=True))}
    for joint, value in zip(joints, ohm, strict=True):
        for node in joint.nodes:
            changed[row[node, joint.path]] += 0.5 * (float(value) - joint.new_ohm)
    return replace(network, ohm=changed)
