"""Time-current curves of the devices before a transformer: python -m cosim.studies.coordination_figure."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cosim.devices.protection import Protection
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import protection_of
from cosim.studies.coordination_times import clears_s, decides_s, fast_shots
from cosim.studies.hot_socket_charts import Axis, Curve, xy_chart

LEAST_A, MOST_A = 20.0, 5000.0
LEAST_S, MOST_S = 0.01, 1000.0


def curves(protection: Protection, section: str) -> list[Curve]:
    """Fault to ground on one phase: melting and clearing of links, clearing of a relay's fast and delayed shots."""
    amperes = np.geomspace(LEAST_A, MOST_A, 400)
    found = []
    for device in protection.guarding(section):
        what, phase = device.name.partition(":")[0], device.conductors[0]
        currents = [[*(one if phase == p else 0.0 for p in "abc"), one] for one in amperes.tolist()]
        fast = fast_shots(device)
        for shot, word in [*([(fast[0], "fast")] if fast else []), (len(device.shots) - 1, "")]:
            element = device.shots[shot].elements[0].name if device.kind == "fuse" else word or "delayed"
            times = np.array([clears_s(device, one, shot) for one in currents])
            times[~np.isfinite(times)] = np.nan
            found.append(Curve(f"{what} {element}, clears", amperes, times))
            if device.kind == "fuse":
                melts = np.array([decides_s(device, one) for one in currents])
                melts[~np.isfinite(melts)] = np.nan
                found.append(Curve(f"{what} {element}, melts", amperes, melts))
    return found


def figure(protection: Protection, section: str) -> str:
    """The chart as SVG that stands alone."""
    return xy_chart(
        "Devices before a service transformer, fault to ground",
        Axis("current [A]", LEAST_A, MOST_A, log=True),
        Axis("time [s]", LEAST_S, MOST_S, log=True),
        curves(protection, section),
    )


def main(path: Path) -> None:
    """Draw the devices before the first transformer of the default feeder."""
    protection = protection_of(Feeder.generate(240))
    path.write_text(figure(protection, "transformer:transformer-1") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/protection.svg"))
