"""Homes whose voltages are whole and whose generators start on time: the physics of the transfer story."""

from __future__ import annotations

import copy
import math
from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

from cosim.devices.transfer import REST, Machine
from cosim.events import Act, Action, Crossing, Watch

S = 1_000_000
START_S = 8


class ToyHomes:
    """Each home: utility legs by a script, a generator that stands `START_S` after it is asked, a panel between."""

    def __init__(
        self, machines: dict[str, Machine], script: list[tuple[int, str, tuple[float, float]]]
    ) -> None:
        self.machines, self.script = machines, sorted(script)
        self.at_us = 0
        self.utility = dict.fromkeys(machines, (1.0, 1.0))
        self.runs, self.service = dict.fromkeys(machines, False), dict.fromkeys(machines, "12")
        self.source = dict.fromkeys(machines, "")
        self.acts: list[str] = []
        rest = {name: getattr(REST, name) for name in REST._fields}
        self.told = {(home, topic): self._between(home, topic, rest) for home in machines for topic in TOPICS}

    def copy(self) -> ToyHomes:
        return copy.deepcopy(self)

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        assert start_us == self.at_us
        while True:
            for topic in TOPICS:
                changed = []
                for home in self.machines:
                    now = self._between(home, topic, self._seen(home))
                    if now != self.told[home, topic]:
                        self.told[home, topic] = now
                        changed.append(home)
                if changed:
                    return Crossing(self.at_us, topic, "toy", f"{len(changed)} homes", tuple(changed))
            if not self.script or self.script[0][0] > until_us:
                self.at_us = until_us
                return None
            self.at_us = self.script[0][0]
            while self.script and self.script[0][0] == self.at_us:
                _, home, legs = self.script.pop(0)
                if home.startswith("start "):
                    self.runs[home[6:]] = True
                else:
                    self.utility[home] = legs

    def apply(self, action: Action) -> tuple[str, ...]:
        self.acts.append(f"{action.kind} {','.join(action.ids)}")
        for home in action.ids:
            match action.kind:
                case Act.OPEN_SERVICE:
                    self.service[home] = ""
                case Act.CLOSE_SERVICE:
                    self.service[home] = "12"
                case Act.CONNECT_SOURCE:
                    self.source[home] = "12"
                case Act.DISCONNECT_SOURCE:
                    self.source[home] = ""
                case Act.START_SOURCE:
                    self.script = sorted(
                        [*self.script, (self.at_us + START_S * S, f"start {home}", (1.0, 1.0))]
                    )
                case Act.STOP_SOURCE:
                    self.runs[home] = False
                case _:
                    raise AssertionError(action)
        return ()

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        return self.at_us

    def _seen(self, home: str) -> dict[str, object]:
        source = (1.0, 1.0) if self.runs[home] or self.machines[home].name.startswith("tesla") else (0.0, 0.0)
        panel = self.utility[home] if self.service[home] else source if self.source[home] else (0.0, 0.0)
        hertz = 60.0 if self.runs[home] else math.nan
        amperes = (10.0, 10.0) if self.source[home] else (0.0, 0.0)
        values = (self.utility[home], source, panel, hertz, amperes)
        return dict(zip(REST._fields, values, strict=True))

    def _between(self, home: str, topic: Watch, values: dict[str, object]) -> tuple[object, ...]:
        return tuple(
            (bisect_left(levels, value), bisect_right(levels, value)) if value == value else None
            for name in TOPICS[topic]
            for levels in (self.machines[home].levels.get(name, ()),)
            for value in np.ravel(values[name]).tolist()  # type: ignore[arg-type]
        )

    def _read(self, name: str, ids: tuple[str, ...]) -> NDArray[np.float64]:
        return np.array([self._seen(home)[name] for home in ids], dtype=np.float64)

    def service_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        return self._read("service_pu", ids)

    def source_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        return self._read("source_pu", ids)

    def panel_pu(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        return self._read("panel_pu", ids)

    def source_hz(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        return self._read("source_hz", ids)

    def source_a(self, ids: tuple[str, ...]) -> NDArray[np.float64]:
        return self._read("source_a", ids)


TOPICS = {
    Watch.SERVICE_CHANGED: ("service_pu",),
    Watch.SOURCE_CHANGED: ("source_pu", "source_hz", "source_a", "panel_pu"),
}
