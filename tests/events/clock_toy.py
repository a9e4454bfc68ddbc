"""A physics simple enough to be exact: whole numbers, straight lines.

Sections: line:1 feeds a and b, line:2 behind it feeds c. Every home has DER that gives 1 per
microsecond in service (no ramp). The breaker of home a warms by 3 per microsecond while its DER is
in service, cools by 1 otherwise, and reaches its trip line at 1000. A regulator wants as many taps as
the sags that lie behind add up to; its range ends at 4.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from cosim.events import Act, Action, Crossing, Operation, Watch

HOMES = ("a", "b", "c")
FED_THROUGH = {"a": ("line:1",), "b": ("line:1",), "c": ("line:1", "line:2")}
TRIP = 1000
REGULATOR = "regulator:t"
HIGHEST = 4


class ToyPhysics:
    def __init__(self, cuts: Iterator[int] | None = None, sags: dict[int, int] | None = None) -> None:
        self.at_us = 0
        self.sags = sags or {}  # by time, taps more or less that are wanted from then on
        self.tap = 0
        self.wants = False  # as last reported
        self.open: set[str] = set()
        self.serving = set(HOMES)
        self.disconnected: set[str] = set()
        self.heat = 0
        self.energy = 0
        self.peak = (0, -1)  # homes in service at most, and since when
        self.blocks: list[tuple[int, int]] = []
        self.studies: list[tuple[str, str, int]] = []
        self.cuts = cuts  # lengths of inner blocks, for tests that cut at random

    def copy(self) -> ToyPhysics:
        return copy.deepcopy(self)

    def state(self) -> tuple[object, ...]:
        homes = (self.open, self.serving, self.disconnected)
        return (self.at_us, *homes, self.heat, self.energy, self.peak, self.tap, self.wants)

    def live(self) -> set[str]:
        dead = {h for h in HOMES if self.open & set(FED_THROUGH[h])}
        return set(HOMES) - dead - ({"a"} if "breaker:a" in self.open else set())

    def warming(self) -> bool:
        return "a" in self.serving

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        assert start_us == self.at_us < until_us
        self.blocks.append((start_us, until_us))
        while self.at_us < until_us:
            if (self.wanted() != 0) != self.wants:
                self.wants = not self.wants
                return self._left_or_met()
            block = next(self.cuts) if self.cuts else until_us - self.at_us
            if self._block(min(until_us, self.at_us + block)):
                return Crossing(self.at_us, Watch.BREAKER, "breaker:a", f"heat {self.heat}")
        return None

    def wanted(self) -> int:
        asked = sum(taps for time_us, taps in self.sags.items() if time_us <= self.at_us)
        return min(asked, HIGHEST) - self.tap

    def _left_or_met(self) -> Crossing:
        taps = self.wanted()
        kind = Watch.CONTROL_RAISE if taps > 0 else Watch.CONTROL_LOWER if taps < 0 else Watch.CONTROL_MET
        return Crossing(self.at_us, kind, REGULATOR, f"tap {self.tap:+d}, wants {taps:+d}")

    def operate(self, controls: tuple[str, ...]) -> tuple[Operation, ...]:
        assert controls == (REGULATOR,)
        taps = self.wanted()
        if taps == 0:
            self.wants = False
            return (Operation(REGULATOR),)
        move = 1 if taps > 0 else -1
        self.tap += move
        self.wants = abs(taps) > 1
        event = "tap_raised" if move > 0 else "tap_lowered"
        return (Operation(REGULATOR, move, abs(taps) > 1, event, f"tap {self.tap:+d}"),)

    def delay_us(self, control: str) -> int | None:
        assert control == REGULATOR
        return None

    def _block(self, until_us: int) -> bool:
        until_us = min([until_us, *(time_us for time_us in self.sags if time_us > self.at_us)])
        crosses = False
        if self.warming() and self.heat < TRIP:
            reached = self.at_us - (self.heat - TRIP) // 3  # rounded up
            crosses = reached <= until_us
            until_us = min(until_us, reached)
        if len(self.serving) > self.peak[0]:
            self.peak = (len(self.serving), self.at_us)
        span = until_us - self.at_us
        self.heat = self.heat + 3 * span if self.warming() else max(0, self.heat - span)
        self.energy += len(self.serving) * span
        self.at_us = until_us
        return crosses

    def apply(self, action: Action) -> tuple[str, ...]:
        before = self.live()
        match action.kind:
            case Act.OPEN | Act.TRIP_BREAKER:
                self.open.add(action.subject)
            case Act.CLOSE | Act.RESET_BREAKER:
                self.open.discard(action.subject)
            case Act.CEASE_DER:
                self.serving -= set(action.ids)
            case Act.SOURCE_VOLTAGE:
                pass  # its voltages are its own
            case Act.DISCONNECT_DER:
                self.serving -= set(action.ids)
                self.disconnected |= set(action.ids)
            case Act.CONNECT_DER:
                self.disconnected -= set(action.ids)
            case Act.ENTER_SERVICE:
                assert set(action.ids) <= self.live() - self.disconnected - self.serving
                self.serving |= set(action.ids)
            case _:
                raise AssertionError(action)
        return action.ids or tuple(sorted(before ^ self.live()))

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        time_us = self.peak[1] if at_peak else self.at_us
        self.studies.append((kind, name, time_us))
        return time_us
