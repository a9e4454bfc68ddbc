"""What the clock asks of the physics: move to a time, change something, look at something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cosim.devices.protection import Protection


BY_HAND = "by hand"
"""Subject of an act on a source that a person does: who starts a set looks after its breaker too."""


class Act(StrEnum):
    """Discrete changes that every physics understands; `Action.kind` may also be another word."""

    OPEN = "open"  # the section or switch `subject`; returns the homes whose DER lost voltage by it
    CLOSE = "close"  # the section or switch `subject`; returns the homes whose DER got it back
    CONNECT_DER = "connect_der"  # close the DER switches of `ids`; they do not produce before ENTER_SERVICE
    DISCONNECT_DER = "disconnect_der"  # open the DER switches of `ids`; they stop at once
    CEASE_DER = "cease_der"  # the inverters of `ids` stop at once; their switches stay as they are
    ENTER_SERVICE = "enter_service"  # the inverters of `ids` start their ramp from zero now
    SOURCE_VOLTAGE = "source_voltage"  # the sources' voltage becomes `subject` times their own
    TRIP_BREAKER = "trip_breaker"  # open `subject`; returns the homes whose DER lost voltage by it
    RESET_BREAKER = "reset_breaker"  # close `subject`; returns the homes whose DER got voltage back
    OPEN_SERVICE = "open_service"  # the transfer contactors of `ids` open: these homes leave the grid
    CLOSE_SERVICE = "close_service"  # they close: the panel hangs on the grid again
    CONNECT_SOURCE = "connect_source"  # generators or batteries of `ids` are put on their panels
    DISCONNECT_SOURCE = "disconnect_source"  # they are taken off
    START_SOURCE = "start_source"  # engines of `ids` are started; SOURCE_CHANGED tells when they run
    STOP_SOURCE = "stop_source"  # engines of `ids` are stopped
    STALL_SOURCE = (
        "stall_source"  # engines are dragged to a standstill; a battery that gives up leaves its panel
    )
    TRIP_SOURCE = "trip_source"  # the sets' own breakers open; a battery leaves its panel
    REFUEL_SOURCE = "refuel_source"  # tanks of `ids` are full again
    RESET_SOURCE = (
        "reset_source"  # by a person: breakers of sets are closed, those that stalled started again
    )
    CONNECT_CORDS = "connect_cords"  # loads of `ids` hang on cords from their sets, beside the panel
    DISCONNECT_CORDS = "disconnect_cords"  # they are back on the panel
    SHED_LOADS = "shed_loads"  # the loads that a transfer device of `ids` manages are taken off their panels
    RESTORE_LOADS = "restore_loads"  # they are put on again
    FORM_ISLAND = "form_island"  # the battery of section `subject` makes its voltage; as CLOSE
    END_ISLAND = "end_island"  # it is taken off; as OPEN


class Watch(StrEnum):
    """State crossings that processes of this package react to; others are logged only."""

    BREAKER = "breaker_reaches_trip"  # subject: the breaker
    VOLTAGE_LOST = "voltage_lost"  # ids: homes without voltage (also announced after OPEN and TRIP_BREAKER)
    VOLTAGE_BACK = "voltage_back"  # ids: homes with voltage again (also after CLOSE and RESET_BREAKER)
    WINDOW_LEFT = "window_left"  # ids: homes awaiting service whose voltage is outside the window
    WINDOW_ENTERED = "window_entered"  # ids: homes awaiting service whose voltage is inside it again
    DER_TRIP = "der_reaches_trip"  # ids: homes whose inverters are at a trip setting's clearing time
    DER_CEASED = (
        "der_ceases"  # ids: in-service homes that give no current while voltage is far off; logged only
    )
    DER_RESUMED = "der_resumes"  # ids: those that give current again; logged only
    DER_DISCONNECTED = "der_disconnected"  # announced after DISCONNECT_DER
    DER_CONNECTED = "der_connected"  # announced after CONNECT_DER
    CONTROL_RAISE = "control_wants_raise"  # ids: voltage controls that left their band and want to step up
    CONTROL_LOWER = "control_wants_lower"  # ids: those that want to step down
    CONTROL_MET = "control_met"  # ids: those that want nothing any more
    SWITCHED = "switched"  # announced after OPEN and CLOSE of a section, whoever did it
    FAULT_STRUCK = "fault_struck"  # ids: where
    FAULT_CLEARED = "fault_cleared"  # ids: where
    FAULT_UNSEEN = "fault_unseen"  # subject: a fault that is fed and that no device will clear; ids: where
    DEVICE_LOCKED = "device_locked"  # a protective device stays open; ids: its conductors that do
    CLOSE_DEVICE = "close_device"  # a crew wants a locked device closed, its link replaced
    REPAIRED = "repaired"  # subject: the fault that a crew has taken away
    SERVICE_CHANGED = (
        "service_changed"  # ids: homes whose line side of the meter went over a level of its machine
    )
    SOURCE_CHANGED = (
        "source_changed"  # ids: homes whose source runs, stalls, trips, runs dry or went over a level
    )
    ISLAND_GRID = "island_feeder"  # subject: the section whose feeder before the switch died or is good again
    ISLAND_STOPPED = "island_stops"  # subject: the section whose battery is empty, overloaded or not alone
    ISLAND_TRIPPED = "island_trips"  # subject: the section whose battery feeds a short circuit
    ISLAND_HELD = "island_raises_frequency"  # subject: the section whose battery takes no more of the sun
    ISLAND_RELEASED = "island_lowers_frequency"  # subject: the section whose battery has room again
    FREQUENCY_LOST = "frequency_lost"  # ids: homes whose inverters are told by frequency to stop
    FREQUENCY_BACK = "frequency_back"  # ids: those that may come again


@dataclass(frozen=True)
class Action:
    """One discrete change: `kind` (see `Act`) done to `subject`, or to the homes in `ids`."""

    kind: str
    subject: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Crossing:
    """A continuous state that reached a limit.

    Parameters
    ----------
    time_us
        When: the first whole microsecond at or after it.
    kind
        Which limit (see `Watch`).
    subject
        Whose state.
    detail
        Anything worth reading in the log.
    ids
        Homes concerned; empty means the subject alone.
    """

    time_us: int
    kind: str
    subject: str
    detail: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """What a voltage control did when its delay had ended.

    Parameters
    ----------
    control
        Which, as the signals about it name it.
    moved
        +1 or -1; 0 if it wants nothing any more.
    more
        Whether a further step in that direction is wanted by what it saw.
    event, detail
        For the log: what happened, and where it stands now.
    opened
        Whether a capacitor bank is now wholly off.
    """

    control: str
    moved: int = 0
    more: bool = False
    event: str = ""
    detail: str = ""
    opened: bool = False


@dataclass(frozen=True)
class Fault:
    """A short circuit, or what touches a conductor.

    Parameters
    ----------
    name
        Unique among faults.
    where
        ``line:NAME``, ``bus:NAME``, ``transformer:NAME`` (its secondary terminals) or ``home:NAME`` (its meter).
    kind
        One of `cosim.electrical.fault.FaultKind`.
    conductors
        The faulted ones, such as ``b`` or ``ac``; legs are ``1`` and ``2``.
    ohm
        Resistance inside the fault.
    along
        Where on a line, from 0 at its feeding end to 1.
    """

    name: str
    where: str
    kind: str
    conductors: str
    ohm: float = 0.0
    along: float = 1.0


@dataclass(frozen=True)
class Isolation:
    """How a crew takes a faulted place out of the feeder.

    Parameters
    ----------
    before
        The nearest section before the place that can be opened by hand and is closed; empty if what is open already
        is nearest.
    behind
        The nearest sections behind it that have to be opened before `ties` feed from there.
    ties
        Lines that stand open and give homes behind the place voltage once they are closed.
    element
        What has to be repaired: ``overhead``, ``cable``, ``transformer`` or ``drop``.
    """

    before: str
    behind: tuple[str, ...]
    ties: tuple[str, ...]
    element: str


class Physics(Protocol):
    """Everything continuous, and the state that discrete changes act on."""

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        """Move the continuous state from `start_us` to `until_us`, or to the earliest crossing.

        A crossing may lie anywhere in the interval, borders included. One at a border belongs to the
        interval that it ends or to the one that it begins, by its nature and not by where intervals
        are cut: what rises to a limit ends one, what jumps with a new step begins one. After a
        crossing the physics stands at ``crossing.time_us`` and nothing later counts. The same
        crossing is not reported again unless its state left the limit in between.

        `until_us` need not be a step's border. Studies, checkpoints and ends of runs must not
        split a step: only `apply` does, at the time where the physics stands.
        """

    def apply(self, action: Action) -> tuple[str, ...]:
        """Make a discrete change now; returns the ids of the homes it affected, in a fixed order."""

    def delay_us(self, control: str) -> int | None:
        """Delay of a voltage control that has just left its band; None for the one its timing has."""

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        """Run a study, keep its result under `name`, and return the time [us] of the state studied.

        With `at_peak` false the state is the present one. With `at_peak` true it is that of the
        feeder's peak so far: whoever is asked so at the end has kept, at each new peak, what the
        study needs (which elements are open, which DER are connected).
        """

    def operate(self, controls: tuple[str, ...]) -> tuple[Operation, ...]:
        """Have voltage controls look at the step that begins or goes on now, and take one step each.

        All look before any of them moves. Beside what `controls` did, the answer tells of other
        controls that were known to want something and do not any more.
        """


class FaultPhysics(Physics, Protocol):
    """Physics that knows short circuits; `protection` are the feeder's protective devices."""

    @property
    def protection(self) -> Protection:
        """The feeder's protective devices."""

    @property
    def tied(self) -> frozenset[str]:
        """Lines that stand open of themselves and are closed now."""

    def strike(self, fault: Fault) -> tuple[str, ...]:
        """Put a fault on the feeder now; returns the homes whose DER lost voltage by it."""

    def clear(self, name: str) -> tuple[str, ...]:
        """Take a fault away now; returns the homes whose DER got voltage back."""

    def fault_currents(self, devices: tuple[str, ...]) -> NDArray[np.float64]:
        """(devices, 4) r.m.s. current [A] through protective devices now: phases a, b, c and their sum as phasors.

        The sum is what a ground pick-up sees. Currents are those of a fault study in the present topology, loads off;
        0 where nothing is faulted. The same numbers come from a run with power flow and from one without.
        """

    def fed(self, names: tuple[str, ...]) -> tuple[bool, ...]:
        """Whether a faulted conductor of each fault has a path to a source now; one without voltage goes out."""

    def isolation(self, where: str) -> Isolation:
        """How a crew isolates a place (`Fault.where`) in the present state of the switches."""


@dataclass(frozen=True)
class Standing:
    """How a section with a battery of its own stands.

    Parameters
    ----------
    grid
        Whether the feeder before its switch was last seen good.
    charge
        Share stored.
    given_kwh, taken_kwh
        At the battery's terminals since it formed last.
    homes
        Those behind the switch that hang on the section.
    faulted
        Whether a short circuit lies on it.
    least
        Least share stored since it formed last.
    """

    grid: bool
    charge: float
    given_kwh: float
    taken_kwh: float
    homes: tuple[str, ...]
    faulted: bool = False
    least: float = 0.0


class NeighbourhoodPhysics(Physics, Protocol):
    """Physics that knows sections with batteries of their own, by the names of their switches."""

    def standing(self, name: str) -> Standing:
        """How a section stands now."""

    def in_step(self, name: str) -> bool:
        """Whether both sides of the switch are alike enough to close it now."""


class TransferPhysics(Physics, Protocol):
    """Physics that knows transfer contactors and the sources of homes.

    Which levels a home's device reacts to is told by ``Machine.levels`` (`cosim.devices.transfer`); SERVICE_CHANGED
    and SOURCE_CHANGED name the homes whose quantities went over one of them.
    """

    def service_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(ids, 2) voltage of both legs on the grid's side of the transfer contactor now, per unit."""

    def source_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(ids, 2) voltage of both legs at the terminals of the home's own source now, per unit."""

    def source_hz(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(ids,) frequency of the home's own source now; NaN while it stands still."""

    def panel_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(ids, 2) voltage of both legs at the panel now, per unit."""

    def source_a(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        """(ids, 2) r.m.s. current [A] that the home's own source gives by leg now; 0 while it is off the panel."""
