"""Contacts of many homes with one adapter over years: heat ages them, and their ageing makes heat.

The heat network enters in two ways, both from its own state of rest (`cosim.thermal.limits.steady_state`): the
temperatures of every bin of current and air with contacts as new, and tables of how much every contact, the
meter's inside and its blades rise by extra heat in each contact. Extra heats of several contacts are added, which
is exact for a linear network; tests say how far off it is for the shipped ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.adapter_entry import AdapterEntry
from cosim.contact_entry import ContactEntry
from cosim.errors import LibraryError, Problem
from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import METER_BLADES, AgeingJoint, ageing_joints, load_contact
from cosim.thermal.limits import steady_state
from cosim.thermal.network import Float, HeatNetwork, Int, heat_network

METER = "meter"  # the part of a body that is the meter's inside
GRID_W = np.array([0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0])
TABLE_A, TABLE_C = 30.0, 20.0  # current and air at which the tables are made
METER_ROWS = 3


@dataclass(frozen=True)
class Exposure:
    """What homes carry and stand in, as bins.

    Parameters
    ----------
    i2_a2
        (kinds of home, seasons, bins, 6) mean squared currents, paths as in `HeatNetwork`; bins rise in current.
    ambient_c
        (kinds, seasons, bins) air.
    weight
        (bins,) shares of time, summing to 1. The last bin but one is a usual day's highest hour.
    """

    i2_a2: Float
    ambient_c: Float
    weight: Float

    def __post_init__(self) -> None:
        kinds, seasons, bins = self.ambient_c.shape
        if self.i2_a2.shape != (kinds, seasons, bins, 6) or self.weight.shape != (bins,) or bins < 2:
            raise ValueError("i2_a2, ambient_c and weight disagree, or there are fewer than two bins")
        if not np.isclose(self.weight.sum(), 1.0):
            raise ValueError("weights must sum to 1")


@dataclass(frozen=True)
class Jaws:
    """Contacts of homes before they age, and what happens to them.

    Parameters
    ----------
    kind
        (homes,) row of the exposure.
    hold, new_ohm
        (homes, contacts) share of the nominal force, resistance as new [ohm].
    insertion, hits
        (n,) step at whose start a blade goes in, ascending; (homes, n, contacts) share of its force each contact
        keeps then, beside the loss that every later insertion brings. At step 0 all contacts are new.
    disconnects
        (homes,) whether the meter opens when its sensor reaches the trip temperature.
    """

    kind: Int
    hold: Float
    new_ohm: Float
    insertion: Int
    hits: Float
    disconnects: NDArray[np.bool_]


@dataclass(frozen=True)
class Aged:
    """What years did.

    Parameters
    ----------
    first_y
        (homes, 4) years until the first hot jaw, sensor alarm, sensor trip temperature and glow; infinite if not.
    hot_h, trip_h
        (homes,) hours with a hot jaw, and with the sensor at its trip temperature.
    lived_y
        (homes,) years until the meter opened, a contact glowed, or the time was up.
    hottest_c, worst_ratio
        (homes,) hottest contact, and largest resistance of a contact over that as new.
    hold, relaxed_s, rim_m2, film_ohm_m2, glowing
        (homes, contacts) state at the end.
    """

    first_y: Float
    hot_h: Float
    trip_h: Float
    lived_y: Float
    hottest_c: Float
    worst_ratio: Float
    hold: Float
    relaxed_s: Float
    rim_m2: Float
    film_ohm_m2: Float
    glowing: Float

    def time_of(self, event: str) -> Float:
        """(homes,) years until ``"hot"``, ``"alarm"``, ``"trip"`` or ``"glow"``, infinite if not."""
        return np.asarray(self.first_y[:, ("hot", "alarm", "trip", "glow").index(event)])


class ContactAgeing:
    """An adapter's contacts with the heat around them.

    Parameters
    ----------
    entry
        Adapter whose joints name one contact entry.
    network
        Its heat network; made from the entry if not given.

    Raises
    ------
    LibraryError
        If no joint names a contact, joints name several, or the body has no meter to stand the sensor in.
    """

    def __init__(self, entry: AdapterEntry, network: HeatNetwork | None = None) -> None:
        self.network = network or heat_network(entry)
        self.joints: list[AgeingJoint] = ageing_joints(entry, self.network)
        names = sorted({joint.contact for joint in self.joints})
        place = {name: row for row, name in enumerate(self.network.names)}
        blades = [place.get(f"l{leg}.{METER_BLADES}", place.get(METER_BLADES, -1)) for leg in (1, 2)]
        wrong = []
        if len(names) > 1:
            wrong.append(Problem(f"one contact entry at a time, not {', '.join(names)}", key="heat.joints"))
        if METER not in place or min(blades) < 0:
            wrong.append(Problem(f"the body needs parts {METER!r} and {METER_BLADES!r}", key="heat.parts"))
        if wrong:
            raise LibraryError(wrong)
        self.contact: ContactEntry = load_contact(names[0])
        self.as_new_ohm = np.array([joint.new_ohm for joint in self.joints])
        self._rows = [*((j.nodes) for j in self.joints), (place[METER],) * 2, *((b, b) for b in blades)]
        self._tables: Float | None = None

    def rows(self, temperature_c: Float) -> Float:
        """(contacts + 3,) temperatures: contacts (between their ends), the meter's inside, its blades by leg."""
        return np.array([0.5 * (temperature_c[a] + temperature_c[b]) for a, b in self._rows])

    def at_rest(self, i2_a2: Float, ambient_c: float, extra_w: Sequence[float] | Float = ()) -> Float:
        """`rows` at rest with contacts as new, and extra heat in each contact, half to each end."""
        loss = self.network.loss_w.copy()
        for joint, watt in zip(self.joints, extra_w, strict=False):
            for node in joint.nodes:
                loss[node] += 0.5 * watt
        return self.rows(steady_state(replace(self.network, loss_w=loss), i2_a2, ambient_c, tolerance_k=1e-4))

    @property
    def tables(self) -> Float:
        """(contacts + 3, contacts, len(GRID_W)) rises by extra heat."""
        if self._tables is None:
            i2 = np.array([TABLE_A**2] * 4 + [0.0, 0.0])
            calm, count = self.at_rest(i2, TABLE_C), len(self.joints)
            self._tables = np.zeros((count + METER_ROWS, count, len(GRID_W)))
            for k in range(count):
                for g, watt in enumerate(GRID_W[1:], start=1):
                    heat = np.zeros(count)
                    heat[k] = watt
                    self._tables[:, k, g] = self.at_rest(i2, TABLE_C, heat) - calm
        return self._tables

    def base(self, exposure: Exposure) -> Float:
        """(kinds, seasons, bins, contacts + 3) temperatures of an exposure with contacts as new."""
        shape = exposure.ambient_c.shape
        found = np.empty((*shape, len(self.joints) + METER_ROWS))
        for at in np.ndindex(*shape):
            found[at] = self.at_rest(exposure.i2_a2[at], float(exposure.ambient_c[at]))
        return found

    def age(
        self,
        jaws: Jaws,
        exposure: Exposure,
        base_c: Float,
        constants: Float,
        limits: Float,
        *,
        step_s: float,
        steps: int,
        parallel: bool = True,
    ) -> Aged:
        """Age homes for `steps` seasons of `step_s` seconds.

        Parameters
        ----------
        base_c
            From `base`, of the same exposure.
        constants, limits
            From `cosim.thermal.contact.constants`, and (hot, alarm, trip [degC], place of the sensor).

        Notes
        -----
        A home's result depends on its own rows alone: not on other homes, their order, or threads.
        """
        homes, count = jaws.hold.shape
        amp = np.ascontiguousarray(np.sqrt(exposure.i2_a2[..., [joint.path for joint in self.joints]]))
        hold = np.array(jaws.hold, dtype=float)
        tau, rim, film, glowing = (np.zeros((homes, count)) for _ in range(4))
        first, hours, worst = np.full((homes, 4), np.inf), np.zeros((homes, 2)), np.zeros((homes, 2))
        worst[:, 0], worst[:, 1], lived = -np.inf, 1.0, np.zeros(homes)
        work = np.zeros((homes, 7, count + METER_ROWS))
        pulled = np.array([joint.at_meter for joint in self.joints])
        run: Callable[..., Any] = laws.age_parallel if parallel else laws.age_serial
        run(
            constants, np.asarray(limits, float), jaws.disconnects,
            np.ascontiguousarray(jaws.new_ohm, dtype=float), self.as_new_ohm, jaws.kind.astype(np.int64),
            (amp, np.ascontiguousarray(base_c), exposure.weight), (GRID_W, self.tables),
            (jaws.insertion.astype(np.int64), np.ascontiguousarray(jaws.hits, dtype=float), pulled),
            (float(step_s), int(steps)), (hold, tau, rim, film, glowing), (first, hours, worst, lived), work,
        )  # fmt: skip
        return Aged(
            first, hours[:, 0], hours[:, 1], lived, worst[:, 0], worst[:, 1], hold, tau, rim, film, glowing
        )
