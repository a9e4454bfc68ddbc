"""What a run tells of its cars: whether they were full when they left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cosim.results.reader import Results


@dataclass(frozen=True)
class CarFindings:
    """Cars at their departures.

    Attributes
    ----------
    count, departures
        Cars, and how often any of them left.
    short
        Departures with more than a hundredth of the battery missing.
    missing_kwh
        What was missing then, in all.
    worst_home, worst_kwh
        Home whose car missed most at one departure; empty if none missed any.
    """

    count: int
    departures: int
    short: int
    missing_kwh: float
    worst_home: str
    worst_kwh: float

    def line(self) -> str:
        """In one line."""
        if not self.departures:
            return f"Cars: {self.count}, none left home"
        if not self.short:
            return f"Cars: {self.count}, full at each of {self.departures:,} departures"
        return (
            f"Cars: {self.count}, not full at {self.short:,} of {self.departures:,} departures, "
            f"{self.missing_kwh:,.1f} kWh missing in all; most at {self.worst_home}, {self.worst_kwh:.1f} kWh"
        )


def car_findings(results: Results) -> CarFindings | None:
    """Of a result file; None without cars."""
    names = results.studies_of("car_days")
    if not names:
        return None
    study = results.study(names[0])
    worst = study["worst_kwh"].to_numpy()
    at = int(np.argmax(worst))
    short = int(study["short"].sum())
    return CarFindings(
        count=len(worst),
        departures=int(study["departures"].sum()),
        short=short,
        missing_kwh=float(study["missing_kwh"].sum()),
        worst_home=str(study["home"].to_numpy()[at]) if short else "",
        worst_kwh=float(worst[at]) if short else 0.0,
    )
