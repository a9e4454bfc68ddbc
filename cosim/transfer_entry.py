"""What an entry of ``models/transfer`` may hold: one product's state machine, drawn in docs/transfer.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.adapter_entry import YesNo
from cosim.devices import transfer as machine
from cosim.entries import Confidence, Entry, Frozen, Quantity, of

GRID_CODE = "grid-code"
Position = Literal["open", "closed"]
POLES = {"open": "", "closed": "12"}
UNITS = {"service_pu": "1", "source_pu": "1", "panel_pu": "1", "source_hz": "Hz", "source_a": "A"}
Wait = Annotated[Quantity, of("s", 0.0, 86_400.0)]
Share = Annotated[Quantity, of("1", 0.0, 1.0)]
NAME = "^[a-z0-9]+(-[a-z0-9]+)*$"
Name = Annotated[str, Field(pattern=NAME)]


class ConditionEntry(Frozen):
    """Something that the device measures and that is so for a while.

    Parameters
    ----------
    quantity
        Voltage of both legs on the grid's side, at the source's terminals or at the panel (per unit), frequency of
        the source, current that the source gives.
    legs
        Which leg must be within the bounds: any, both, or the voltage across both.
    above, below
        Bounds, themselves included.
    lasting
        How long it must have been so without a break; "grid-code" for the delay of the grid code in force.
    """

    quantity: Literal["service_pu", "source_pu", "panel_pu", "source_hz", "source_a"]
    legs: Literal["any", "both", "across"] = "both"
    above: Quantity | None = None
    below: Quantity | None = None
    lasting: Wait | Literal["grid-code"] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> ConditionEntry:
        bounds = [bound for bound in (self.above, self.below) if bound is not None]
        if not bounds:
            raise ValueError("give above, below or both: without a bound it always holds")
        if wrong := [bound.unit for bound in bounds if bound.unit != UNITS[self.quantity]]:
            raise ValueError(f"{self.quantity} is bounded in {UNITS[self.quantity]!r}, not {wrong[0]!r}")
        if not all(bound.known for bound in bounds):
            raise ValueError("a bound needs a number; give an estimate with its reasoning and range")
        if len(bounds) == 2 and bounds[0].value > bounds[1].value:
            raise ValueError(f"above {bounds[0].value:g} and below {bounds[1].value:g} leaves nothing")
        return self


class Errs(Frozen):
    """How often a person goes wrong at a step, and where that leads."""

    share: Share
    to: Name
    how: str


class TransitionEntry(Frozen):
    """A way out of a state.

    Parameters
    ----------
    to
        State entered.
    when
        Conditions that must all hold; ``"not NAME"`` for one that must not.
    after
        Delay from when the state is entered and all its conditions hold; where a person acts, the median.
    by
        Who acts.
    spread
        Of a person: standard deviation of the logarithm of the time.
    errs
        Of a person: what goes wrong, and how often.
    resets
        Of a person: whether the breaker of the set is closed too, and a set that has stalled is started again.
    notices
        Of a person: whether the delay counts from when the conditions hold, whatever state is entered meanwhile.
    """

    to: Name
    when: tuple[str, ...] = ()
    after: Wait | None = None
    by: Literal["device", "person"] = "device"
    spread: Annotated[Quantity, of("1", 0.0, 3.0)] | None = None
    errs: Errs | None = None
    resets: bool = False
    notices: bool = False

    @model_validator(mode="after")
    def _sensible(self) -> TransitionEntry:
        if self.by == "device" and (self.spread or self.errs or self.resets or self.notices):
            raise ValueError(
                "spread, errs, resets and notices are a person's; set by = 'person' or leave them out"
            )
        if self.notices and not self.when:
            raise ValueError("notices what? give conditions in when")
        if self.by == "person" and (self.after is None or self.spread is None):
            raise ValueError("a person needs after (the median) and spread")
        if not self.when and self.after is None:
            raise ValueError("left at once: give when, after or both")
        return self


class StateEntry(Frozen):
    """Where the device stands.

    Parameters
    ----------
    title
        As a reader of the log would say it.
    service, source
        Both poles of the contactor towards the grid and of that towards the source. A battery that follows the
        grid counts as open: closed is a source that makes the panel's voltage.
    engine
        What a person or the device asks of an engine on entering; left out for as it is.
    sheds
        Whether the loads it manages are off.
    cords
        Whether loads hang on cords from the source itself.
    leave
        Ways out; the first that is due is taken.
    """

    title: str
    service: Position
    source: Position
    engine: Literal["run", "stop"] | None = None
    sheds: bool = False
    cords: bool = False
    leave: tuple[TransitionEntry, ...] = ()


class Interlock(Frozen):
    """Whether the two contactors can be closed together, and who says so."""

    kind: Literal["mechanical", "electrical", "none"]
    source: Annotated[str, Field(min_length=3)]
    confidence: Confidence


class Failures(Frozen):
    """How often it fails: a weld at each opening, loaded or not, the others as a share of units found so."""

    service_welds: Share | None = None
    source_welds: Share | None = None
    sensor_wrong: Share | None = None
    interlock_defeated: Share | None = None


class TransferEntry(Entry):
    """A product's state machine.

    Parameters
    ----------
    feeds
        What it feeds from the source: the whole panel, chosen circuits of it, or single appliances by cord.
    supply
        What its source is.
    opens_neutral
        Whether the contactor towards the grid opens the neutral too.
    initial
        State on a good grid.
    grid_codes, grid_code
        Delay before the return to the grid by grid code, and which holds if none is asked for.
    interlock, failures
        What keeps the two contactors apart, and how often that or another part fails.
    conditions, states
        The machine.
    """

    feeds: Literal["panel", "circuits", "appliances", "nothing"]
    supply: Literal["battery", "generator", "none"]
    opens_neutral: YesNo
    initial: Name
    grid_codes: dict[str, Wait] = Field(default_factory=dict)
    grid_code: str = ""
    interlock: Interlock
    failures: Failures = Failures()
    conditions: dict[str, ConditionEntry] = Field(default_factory=dict)
    states: dict[str, StateEntry]

    @model_validator(mode="after")
    def _whole(self) -> TransferEntry:
        if found := list(self._faults()):
            raise ValueError("; ".join(found))
        return self

    def _faults(self) -> Iterator[str]:
        """What names nothing, is never used or never reached."""
        for name in [*self.conditions, *self.states]:
            if not re.fullmatch(NAME, name):
                yield f"{name!r} is no name: small letters, digits and hyphens"
        if self.initial not in self.states:
            yield f"initial = {self.initial!r} is no state"
        needs_code = [name for name, row in self.conditions.items() if row.lasting == GRID_CODE]
        if needs_code and self.grid_code not in self.grid_codes:
            yield f"{needs_code[0]} lasts as a grid code says, but grid_codes has no {self.grid_code!r}"
        used, reached = set(), {self.initial}
        for name, state in self.states.items():
            for way in state.leave:
                ends = [way.to, *([way.errs.to] if way.errs else [])]
                reached.update(end for end in ends if end != name)
                for end in ends:
                    if end not in self.states:
                        yield f"states.{name} leads to {end!r}, which is no state"
                for condition in way.when:
                    used.add(condition.removeprefix("not "))
        for name in sorted(used - self.conditions.keys()):
            yield f"{name!r} is asked for but is no condition"
        for name in sorted(self.conditions.keys() - used):
            yield f"no transition asks for the condition {name!r}"
        for name in sorted(self.states.keys() - reached):
            yield f"nothing leads to the state {name!r}"
        if self.interlock.kind != "none":
            erred = {way.errs.to for state in self.states.values() for way in state.leave if way.errs}
            for name, state in self.states.items():
                if state.service == state.source == "closed" and name not in erred:
                    yield f"states.{name} closes both contactors, which the interlock forbids"

    def machine(self, grid_code: str | None = None, stagger_us: int = 0) -> machine.Machine:
        """The machine as numbers, returning up to `stagger_us` later than the grid code's delay.

        Raises
        ------
        ValueError
            If the entry knows no such grid code; names those it knows.
        """
        code = self.grid_code if grid_code is None else grid_code
        if self.grid_codes and code not in self.grid_codes:
            raise ValueError(f"{self.name} knows the grid codes {', '.join(self.grid_codes)}, not {code!r}")
        delay = self.grid_codes.get(code)
        failures = {name.replace("_", "-"): share.value for name, share in self.failures if share is not None}
        return machine.Machine(
            self.name,
            self.initial,
            {name: _state(row) for name, row in self.states.items()},
            {name: _condition(row, delay) for name, row in self.conditions.items()},
            self.interlock.kind != "none",
            failures,
            stagger_us,
        )


def _condition(row: ConditionEntry, code: Quantity | None) -> machine.Condition:
    lasting = code if row.lasting == GRID_CODE else row.lasting
    return machine.Condition(
        row.quantity,
        row.legs,
        None if row.above is None else row.above.value,
        None if row.below is None else row.below.value,
        _us(lasting),
        staggered=row.lasting == GRID_CODE,
    )


def _state(row: StateEntry) -> machine.State:
    return machine.State(
        row.title,
        POLES[row.service],
        POLES[row.source],
        row.engine or "",
        row.sheds,
        row.cords,
        tuple(_transition(way) for way in row.leave),
    )


def _transition(way: TransitionEntry) -> machine.Transition:
    return machine.Transition(
        way.to,
        way.when,
        _us(way.after),
        way.by == "person",
        way.spread.value if way.spread else 0.0,
        way.errs.share.value if way.errs else 0.0,
        way.errs.to if way.errs else "",
        way.resets,
        way.notices,
    )


def _us(seconds: object) -> int:
    return round(seconds.value * 1e6) if isinstance(seconds, Quantity) else 0


SCHEMAS = {"transfer": TransferEntry}
