"""Where taps and capacitor steps stood over a run, and what following them took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from cosim.electrical.tap_update import Work
    from cosim.feeder.controls import Controls, Setting

Positions = tuple[tuple[int, ...], tuple[int, ...]]


class ControlRecord:
    """Hears with every block where the controls stand and keeps what changed, device by device."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_controls", "_devices", "_kinds")

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._last: Positions | None = None
        self._devices = (*controls.taps_pu(controls.start), *controls.steps_on(controls.start))
        self._kinds = ("regulator",) * len(controls.taps_pu(controls.start))
        self._kinds += ("capacitor",) * (len(self._devices) - len(self._kinds))
        self._values: tuple[float, ...] = ()
        self._rows: list[tuple[str, str, int, float]] = []

    def watch(self, setting: Setting, time_us: int) -> None:
        """From `time_us` on the controls stand at `setting`."""
        if setting.positions == self._last:
            return
        self._last = setting.positions
        values = (
            *self._controls.taps_pu(setting).values(),
            *map(float, self._controls.steps_on(setting).values()),
        )
        before = self._values or (np.nan,) * len(values)
        for device, kind, value, was in zip(self._devices, self._kinds, values, before, strict=True):
            if value != was:
                self._rows.append((kind, device, time_us, value))
        self._values = values

    def columns(self) -> dict[str, Any]:
        """Columns of `layout.CONTROL_POSITIONS`."""
        kind, device, time, position = zip(*self._rows, strict=True)
        return {
            "kind_of": list(kind), "device": list(device), "time": np.array(time, np.int64),
            "position": np.array(position),
        }  # fmt: skip


def work_columns(work: Work) -> dict[str, Any]:
    """Columns of `layout.CONTROL_WORK`, one row."""
    return {
        "factorisations": [work.factorisations], "updates": [work.updates], "updated_rows": [work.rows],
    }  # fmt: skip
