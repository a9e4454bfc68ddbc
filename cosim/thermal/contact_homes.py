"""Jaws of a population as resistances that a fleet can run with: one network for all homes whose jaws are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import AgeingJoint, ContactState, constants, contact_ohm
from cosim.thermal.contact_ageing import ContactAgeing, Exposure
from cosim.thermal.contact_population import draw_jaws, insertions
from cosim.thermal.network import Float, HeatNetwork, Int

LEVELS_PER_DOUBLING = 2.0
SEASON_S = laws.YEAR_S / 4


def home_contact_ohm(
    ageing: ContactAgeing,
    people: Mapping[str, float],
    homes: NDArray[np.uint64],
    seed: int,
    exposure: Exposure,
    *,
    years: float = 10.0,
    poor_share: float | None = None,
    parallel: bool = True,
) -> Float:
    """Resistances [ohm] of the contacts of homes drawn from a population, after years of service.

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

    Returns
    -------
    (h, contacts). A contact that would glow has the resistance at which it just melts at the highest current of its
    exposure: a network's contacts are ohmic, and a glow is not.
    """
    number = dict(people) if poor_share is None else {**people, "poor_per_insertion": poor_share}
    jaws = draw_jaws(
        ageing, number, homes, len(exposure.ambient_c), seed, insertion=insertions(ageing)
    )  # fmt: skip
    c = constants(ageing.contact)
    limits = np.array([number["hot_c"], number["alarm_c"], np.inf, number["sensor_share"]])
    steps = max(1, round(years / 0.25))
    aged = ageing.age(
        jaws, exposure, ageing.base(exposure), c, limits, step_s=SEASON_S, steps=steps, parallel=parallel
    )  # fmt: skip
    state = ContactState(aged.hold, aged.relaxed_s, aged.rim_m2, aged.film_ohm_m2)
    found = contact_ohm(ageing.contact, state, jaws.new_ohm)
    paths = [joint.path for joint in ageing.joints]
    peak = np.sqrt(exposure.i2_a2[..., paths].max(axis=(1, 2)))[jaws.kind]
    molten = laws.voltage_at(ageing.contact.melting_c.value, 20.0) / np.maximum(peak, 1.0)
    return np.asarray(np.where(aged.glowing > 0.0, molten, np.minimum(found, molten)))


def with_contacts(network: HeatNetwork, joints: Sequence[AgeingJoint], ohm: Float) -> HeatNetwork:
    """The network with other resistances of its contacts; half of their heat on each side, as before.

    What a contact has beyond its resistance as new does not rise with temperature, and its thermal conductance
    stays that as new, so that the legs keep mirroring each other as a fleet needs.
    """
    changed = network.ohm.copy()
    row = {key: k for k, key in enumerate(zip(network.node.tolist(), network.path.tolist(), strict=True))}
    for joint, value in zip(joints, ohm, strict=True):
        for node in joint.nodes:
            changed[row[node, joint.path]] += 0.5 * (float(value) - joint.new_ohm)
    return replace(network, ohm=changed)


def alike(joints: Sequence[AgeingJoint], ohm: Float) -> list[tuple[Int, Float]]:
    """Homes whose contacts are alike: rows of homes, and the resistances that stand for theirs.

    Resistances over those as new are rounded to half doublings, and those below one to one, so that sound homes are
    one group and a network serves each group.
    """
    new = np.array([joint.new_ohm for joint in joints])
    level = np.maximum(np.round(LEVELS_PER_DOUBLING * np.log2(ohm / new)), 0.0)
    kinds, which = np.unique(level, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [
        (np.flatnonzero(which == k), np.asarray(new * 2.0 ** (kinds[k] / LEVELS_PER_DOUBLING)))
        for k in range(len(kinds))
    ]
