"""Jaws that have seen years: contacts of a run's homes as drawn from models/contacts and aged, all of it estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.randomness import stable_ids
from cosim.studies.hot_socket_exposure import household_exposure
from cosim.thermal.contact import AgeingJoint, load_population, values
from cosim.thermal.contact_ageing import ContactAgeing
from cosim.thermal.contact_homes import HomeContacts, home_contacts, own_ohm
from cosim.thermal.fleet import OwnOhm

if TYPE_CHECKING:
    from cosim.scenario import Scenario
    from cosim.scenario.population import Population

Float = NDArray[np.float64]
Int = NDArray[np.int64]

POPULATION = "us-sockets"
NOTICED_RATIO = 4.0  # of resistance over that as new: sound jaws differ by two to three after decades
ORDINARY, POOR, GLOWING = 0, 1, 2


@dataclass(frozen=True)
class AgedJaws:
    """Contacts of all homes with one kind of adapter; arrays (k, contacts) in the order of `homes`.

    Parameters
    ----------
    homes
        (k,) rows of the homes.
    years
        (k,) what their jaws have seen, 0 for jaws as new.
    joints
        The contacts.
    now
        How they are.
    least_force
        Share of its force below which a jaw is poor.
    contact
        Their entry of models/contacts.
    """

    homes: Int
    years: Float
    joints: list[AgeingJoint]
    now: HomeContacts
    least_force: float
    contact: str

    @property
    def own(self) -> OwnOhm:
        """Their resistances beside those of the network, and the heat of those that glow."""
        return own_ohm(self.joints, self.now)

    @property
    def ratio(self) -> Float:
        """Resistance over that as new."""
        return np.asarray(self.now.ohm / [joint.new_ohm for joint in self.joints])

    @property
    def state(self) -> Int:
        """Ordinary, poor or glowing: a poor jaw has lost its force, or has a resistance out of the ordinary."""
        poor = (self.now.force_share < self.least_force) | (self.ratio > NOTICED_RATIO)
        return np.where(self.now.glowing, GLOWING, np.where(poor, POOR, ORDINARY))


def age_jaws(scenario: Scenario, population: Population, *, parallel: bool) -> dict[str, AgedJaws]:
    """Jaws by adapter, of those adapters of which any home has jaws that are not new.

    They carried what sixty drawn households carry in the scenario's weather, each home as one of these; a home's
    draws depend on the scenario's seed and its own name alone.

    Raises
    ------
    LibraryError
        If an adapter's contacts cannot be aged.
    """
    asked = np.flatnonzero([jaws is not None for jaws in population.jaws])
    if not len(asked):
        return {}
    people = values(load_population(POPULATION))
    exposure = household_exposure(scenario.weather.source, scenario.timezone)
    found = {}
    for name in sorted({str(adapter) for adapter in population.adapter[asked]}):
        ageing = ContactAgeing(library.load("adapters", name))
        base_c = ageing.base(exposure)
        homes = np.flatnonzero(population.adapter == name)
        ids = stable_ids([population.home[row] for row in homes])
        shape = len(homes), len(ageing.joints)
        now = HomeContacts(np.tile(ageing.as_new_ohm, (shape[0], 1)), np.ones(shape), np.zeros(shape, bool))
        years = np.zeros(len(homes))
        for jaws in {jaws for jaws in population.jaws[homes] if jaws is not None}:
            rows = np.flatnonzero([other == jaws for other in population.jaws[homes]])
            years[rows] = jaws.age
            aged = home_contacts(
                ageing, people, ids[rows], scenario.seed, exposure,
                years=jaws.age, poor_share=jaws.poor_share, base_c=base_c, parallel=parallel,
            )  # fmt: skip
            now.ohm[rows], now.force_share[rows], now.glowing[rows] = aged.ohm, aged.force_share, aged.glowing
        contact = ageing.joints[0].contact
        found[name] = AgedJaws(homes, years, ageing.joints, now, people["poor_most"], contact)
    return found


def jaw_columns(aged: Mapping[str, AgedJaws], population: Population) -> dict[str, Any]:
    """Columns of `layout.AGED_JAWS`: the worst jaw of every home whose jaws are not new, in the feeder's order."""
    rows = []
    for jaws in aged.values():
        state, ratio = jaws.state, jaws.ratio
        worst = np.lexsort((ratio, state), axis=1)[:, -1]
        for k in np.flatnonzero(jaws.years > 0.0).tolist():
            at = k, int(worst[k])
            joint = jaws.joints[at[1]]
            rows.append(
                (int(jaws.homes[k]), joint.label, float(jaws.now.force_share[at]), float(jaws.now.ohm[at]),
                 joint.new_ohm, float(jaws.years[k]), int(state[at]), int((state[k] > ORDINARY).sum()))
            )  # fmt: skip
    rows.sort()
    names = ("home", "joint", "force_share", "ohm", "new_ohm", "years", "state", "poor_jaws")
    columns: dict[str, Any] = {
        name: list(of) for name, of in zip(names, zip(*rows, strict=True), strict=True)
    }
    return {**columns, "home": [population.home[row] for row in columns["home"]]}
