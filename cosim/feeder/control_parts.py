"""What controls of a feeder move: taps and steps of capacitor banks, and where they all stand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cosim.devices.regulator import TapChanger
from cosim.electrical.circuit import Complex
from cosim.electrical.transformer import TransformerData, transformer_block


class Setting(NamedTuple):
    """Where everything that controls move stands.

    Parameters
    ----------
    moves
        Of each tap changer, from where the feeder's table has it.
    steps_on
        Of each controlled capacitor bank.
    backwards
        Of each regulator, whether its settings for reverse power are in force (0 or 1); no admittance depends on it.
    """

    moves: tuple[int, ...]
    steps_on: tuple[int, ...]
    backwards: tuple[int, ...] = ()

    @property
    def positions(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What decides admittances."""
        return self.moves, self.steps_on

    def turned(self, regulator: int, by: int) -> Setting:
        """With one regulator turned to reverse operation (+1) or back (-1)."""
        return self._replace(backwards=_with(self.backwards, regulator, by))

    def moved(self, changer: int, by: int) -> Setting:
        """With one tap changer moved."""
        return self._replace(moves=_with(self.moves, changer, by))

    def switched(self, bank: int, by: int) -> Setting:
        """With steps of one bank switched."""
        return self._replace(steps_on=_with(self.steps_on, bank, by))


def _with(values: tuple[int, ...], place: int, by: int) -> tuple[int, ...]:
    return (*values[:place], values[place] + by, *values[place + 1 :])


@dataclass(frozen=True)
class Changer:
    """A winding with taps: the unit's element and nameplate."""

    element: int
    winding: int
    data: TransformerData
    taps: TapChanger
    known: dict[int, Complex] = field(default_factory=dict)

    def block(self, moves: int) -> Complex:
        """The unit's block with the tap moved so far."""
        if moves not in self.known:
            tap_pu = self.data.tap_pu.copy()
            tap_pu[self.winding] = self.taps.tap_pu(moves)
            self.known[moves] = transformer_block(replace(self.data, tap_pu=tap_pu))
        return self.known[moves]


@dataclass(frozen=True)
class Bank:
    """A capacitor bank: its element and the block of one step."""

    element: int
    step_block: Complex
    known: dict[int, Complex] = field(default_factory=dict)

    def block(self, steps_on: int) -> Complex:
        """The bank's block with so many steps on."""
        return self.known.setdefault(steps_on, self.step_block * steps_on)


@dataclass(frozen=True)
class Delays:
    """Delays of one control [s], see `cosim.events.control_processes.Timing`."""

    raise_s: float
    lower_s: float
    next_s: float | None
    dead_s: float = 0.0
