"""OpenDSS's control queue as it is, on our power flow: what its controls do besides what their settings say.

`RegControl` and `CapControl` put actions into one queue. When a regulator that has taken one of several taps is back in
its band it deletes the action of its first delay, which is gone, and not the follow-up, which stays. One at the end of
its range goes on queueing follow-ups, so that it moves at once when it comes to want the other way. This walks through
a day the way the engine does with ``controlmode=time``: solve, look, do what is due, until nothing is due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosim.electrical.network import Network
from cosim.electrical.tap_update import MovingNetwork
from cosim.feeder.controls import Controls, Setting

ROUNDS = 200


@dataclass
class _Entry:
    """An action in the queue, and why ours has none: `left` once its control has been back in its band, or `range`."""

    due_s: float
    control: int
    why: str = ""


@dataclass
class _Arm:
    """What the engine's object of one control remembers."""

    pending: int = 0
    armed: bool = False
    handle: _Entry | None = None
    opened_s: float = -1e9


@dataclass(frozen=True)
class Look:
    """What one control saw last in a step, and how far that is from the edge of its band."""

    sensed: float
    to_edge: float


@dataclass
class Day:
    """Settings at the end of every step, what moved on an action that ours has not, and what was seen."""

    settings: list[Setting]
    odd: list[dict[int, str]]
    looks: list[list[Look]]


class EngineQueue:
    """The engine's rules for one feeder's controls."""

    def __init__(self, controls: Controls, base: Network) -> None:
        self.controls, self.base = controls, base
        self._moving = MovingNetwork(base, controls.elements)
        self._queue: list[_Entry] = []
        self._arms = [_Arm() for _ in controls.names]
        self._looks = [Look(np.nan, np.nan) for _ in controls.names]

    def day(self, powers: Callable[[int], tuple[np.ndarray, np.ndarray]], steps: int, step_s: float) -> Day:
        """Walk through steps from the feeder's own setting; powers (m, 1) of each."""
        setting, found = self.controls.start, Day([], [], [])
        for step in range(steps):
            now_s, p_q = (step + 1) * step_s, powers(step)
            odd: dict[int, str] = {}
            for _ in range(ROUNDS):
                self._sample(setting, p_q, now_s)
                due = [entry for entry in self._queue if entry.due_s <= now_s]
                for entry in due:
                    self._queue.remove(entry)
                    before, setting = setting, self._act(entry, setting, now_s)
                    if entry.why and setting != before:
                        odd[entry.control] = entry.why
                if not due:
                    break
            found.settings.append(setting)
            found.odd.append(odd)
            found.looks.append(list(self._looks))
        return found

    def _push(self, entry: _Entry) -> _Entry:
        place = next(
            (k for k, other in enumerate(self._queue) if entry.due_s <= other.due_s), len(self._queue)
        )
        self._queue.insert(place, entry)
        return entry

    def _sample(self, setting: Setting, p_q: tuple[np.ndarray, np.ndarray], now_s: float) -> None:
        controls = self.controls
        network = self.base
        if setting != controls.start:
            network = self._moving.at(controls.circuit(setting))
        solution = network.solve(*p_q, tolerance_pu=1e-10, only=controls.nodes, parallel=False)
        assert solution.converged.all()
        hour, air = np.array([now_s / 3600.0]), np.array([20.0])
        wanted = controls.wanted(solution.v, network.circuit, setting, hour, air)[:, 0]
        for control, arm in enumerate(self._arms):
            if controls.is_regulator(control):
                regulator, place = controls._regulators[control]
                seen, local = place.view(regulator, False, solution.v, network.circuit)
                off = float(abs(regulator.target_v - seen[0]) - regulator.band_v / 2)
                self._looks[control] = Look(float(seen[0]), off)
                asked = int(regulator.asked_taps(seen, local)[0])
                if off > 0.0 or local[0] > regulator.limit_v:
                    arm.pending = asked
                    if asked and not arm.armed and wanted[control]:
                        self._arm(control, now_s + controls.delays[controls.names[control]].raise_s)
                else:
                    self._reset(control)
            else:
                self._sample_bank(control, int(wanted[control]), now_s)

    def _sample_bank(self, control: int, wanted: int, now_s: float) -> None:
        """A bank of one step: what is pending is what is wanted."""
        arm, delays = self._arms[control], self.controls.delays[self.controls.names[control]]
        arm.pending = wanted
        if wanted and not arm.armed:
            delay_s = delays.raise_s if wanted > 0 else delays.lower_s
            since_s = now_s - arm.opened_s
            if wanted > 0 and since_s < delays.dead_s:
                delay_s = max(delays.raise_s, delays.dead_s + delays.raise_s - since_s)
            self._arm(control, now_s + delay_s)
        elif not wanted:
            self._reset(control)

    def _arm(self, control: int, due_s: float) -> None:
        arm = self._arms[control]
        arm.handle, arm.armed = self._push(_Entry(due_s, control)), True

    def _reset(self, control: int) -> None:
        arm = self._arms[control]
        arm.pending = 0
        if arm.armed:
            self._queue = [entry for entry in self._queue if entry is not arm.handle]
            arm.armed, arm.handle = False, None
        for entry in self._queue:
            entry.why = "left" if entry.control == control else entry.why

    def _act(self, entry: _Entry, setting: Setting, now_s: float) -> Setting:
        control, arm, controls = entry.control, self._arms[entry.control], self.controls
        if arm.pending == 0:
            arm.armed = False
            return setting
        by = 1 if arm.pending > 0 else -1
        moved = controls.take(control, setting, by)
        if controls.is_regulator(control):
            arm.pending -= by
            if arm.pending:
                follow = self._push(
                    _Entry(now_s + (controls.delays[controls.names[control]].next_s or 0.0), control)
                )
                follow.why = entry.why or ("range" if moved == setting else "")
            else:
                arm.armed = False
        else:
            arm.armed = False
            if controls.is_off(control, moved):
                arm.opened_s = now_s
        return moved
