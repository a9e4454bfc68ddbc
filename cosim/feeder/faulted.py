"""What faults drive through a feeder whose sections open and close, and who has voltage.

Loads are off and all sources at their EMF, so the network is linear. Services stand as small blocks at the terminals of
their transformers (`cosim.feeder.clusters`), what remains is factorised once for each state of the switches
(`cosim.feeder.switched`), and a fault is a few currents that leave it at one place (`cosim.feeder.fault_places`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Float
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.fault_places import FaultPlaces
from cosim.feeder.openings import Cut, Openings
from cosim.feeder.switched import Parts, Probe, SwitchedFeeder
from cosim.sections import CONDUCTORS, section_of

if TYPE_CHECKING:
    from cosim.events.physics import Fault
    from cosim.feeder.feeder import Feeder

KEPT_TOPOLOGIES = 64
KEPT_FAULTS = 4096

State = tuple[frozenset[Cut], frozenset[int]]


class FaultedFeeder:
    """Fault currents and voltage of a feeder in any state of its switches; for one feeder, asked many times.

    Parameters
    ----------
    feeder, compiled
        The tables, and the arrays made of them. Taps and capacitors stay as the tables have them.
    """

    def __init__(self, feeder: Feeder, compiled: CompiledFeeder) -> None:
        self.openings = Openings(feeder, compiled)
        self.places = FaultPlaces(feeder, compiled, self.openings)
        self._compiled = compiled
        self._states: OrderedDict[State, SwitchedFeeder] = OrderedDict()
        self._found: OrderedDict[tuple[object, ...], Float] = OrderedDict()
        self._probes: dict[str, Probe] = {}

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self._compiled.circuit, self._compiled)

    def energised(self, opened: Collection[str] = (), tied: Collection[str] = ()) -> NDArray[np.bool_]:
        """(h, 3) whether each conductor of each home's socket has voltage.

        Parameters
        ----------
        opened
            Sections that are open, as `cosim.sections` names them.
        tied
            Lines that stand open of themselves and are closed.

        Returns
        -------
        In the order of ``CompiledFeeder.home_nodes``: legs and neutral of a 120/240 V service, phases of a three-phase
        one; False for a conductor that is not there. The same as `cosim.electrical.network.Network` finds.
        """
        alive = np.append(self._state(*self._switches(opened, tied)).alive, False)
        return np.asarray(alive[self._compiled.home_nodes], dtype=np.bool_)

    def currents(
        self,
        opened: Collection[str],
        tied: Collection[str],
        faults: Collection[Fault],
        sections: Sequence[str],
    ) -> Float:
        """(k, 4) r.m.s. current [A] into the feeding ends of sections: phases a, b, c and their sum as phasors.

        Parameters
        ----------
        opened, tied
            See `energised`.
        faults
            Those present, all at once.
        sections
            ``line:NAME``, ``transformer:NAME`` (its primary) or ``home:NAME`` (its drop). Of a section with ``@`` only
            those conductors are told.

        Returns
        -------
        Loads are off. Legs 1 and 2 of a secondary stand in the columns of phases a and b. The sum is what a ground
        pick-up sees. 0 without a fault.

        Raises
        ------
        FeederError
            The feeder has no such section or place, or the place no such conductors.
        """
        if not faults:
            return np.zeros((len(sections), 4))
        cuts, ties = self._switches(opened, tied)
        present = tuple(sorted(faults, key=lambda fault: fault.name))
        key = cuts, ties, present, tuple(sections)
        known = self._found.get(key)
        if known is None:
            struck = [self.places.struck(fault, cuts, ties) for fault in present]
            probes = [self._probe(section) for section in sections]
            known = self._state(cuts, ties).currents([one for one in struck if one is not None], probes)
            self._found[key] = known
            if len(self._found) > KEPT_FAULTS:
                self._found.popitem(last=False)
        else:
            self._found.move_to_end(key)
        return known.copy()

    def _switches(self, opened: Collection[str], tied: Collection[str]) -> State:
        """What is open and what is tied; what is both is open."""
        cuts, ties = self.openings.sections(opened, tied)
        return cuts, ties - {cut.element for cut in cuts if not cut.rows}

    def _state(self, cuts: frozenset[Cut], ties: frozenset[int]) -> SwitchedFeeder:
        key = cuts, ties
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = SwitchedFeeder(self._parts, self.openings.blocks(cuts, ties))
            if len(self._states) > KEPT_TOPOLOGIES:
                self._states.popitem(last=False)
        else:
            self._states.move_to_end(key)
        return state

    def _probe(self, section: str) -> Probe:
        if section not in self._probes:
            port, asked = self.openings.port(section), section_of(section).conductors
            wanted = {"n" if letter == "n" else "abc"[CONDUCTORS[letter] - 1] for letter in asked} or set(
                "abc"
            )
            pairs = [
                (row, "abc".index(letter))
                for row, letter in zip(port.rows, port.conductors, strict=True)
                if letter in wanted and letter != "n"
            ]
            rows, columns = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
            self._probes[section] = Probe(port.element, rows, columns)
        return self._probes[section]
