"""What a run found of hazards: sources on the dead grid, and short circuits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosim.results.reader import Results
    from cosim.results.record import Array


@dataclass(frozen=True)
class HazardFindings:
    """Sources that stood on the dead grid because nothing isolated them.

    Attributes
    ----------
    spells, homes
        How often that happened, at how many homes.
    danger_s, exposure_s
        Time with a primary that is dangerous to touch, summed over the spells, and that while crews worked on it.
    contact_a, home
        Largest current through a body that touches the primary, and the home whose source gave it.
    primary_v, most_homes
        Highest voltage of the primary to ground, and most other homes under voltage at once.
    """

    spells: int
    homes: int
    danger_s: float
    exposure_s: float
    contact_a: float
    home: str
    primary_v: float
    most_homes: int

    def line(self) -> str:
        """In one line."""
        danger, exposure = _lasting(self.danger_s), _lasting(self.exposure_s)
        return (
            f"Hazard: times that a source stood on the dead grid: {self.spells}, homes: {self.homes}; a primary "
            f"dangerous to touch for {danger} in all, {exposure} of that with a crew at work; up to "
            f"{self.contact_a:.3g} A through a body ({self.home}), the primary at up to {self.primary_v:,.0f} V"
        )


@dataclass(frozen=True)
class ShortCircuitFindings:
    """Short circuits into which current flowed.

    Attributes
    ----------
    faults
        How many.
    current_a, where
        Largest symmetrical current of any line, and the fault's place; NaN where no power flow settled.
    longest_s
        For how long the one that was fed longest was.
    most_sagged
        Most homes at once with a leg below 0.9 of nominal, not dead.
    """

    faults: int
    current_a: float
    where: str
    longest_s: float
    most_sagged: int

    def line(self) -> str:
        """In one line."""
        current = f"; largest current {self.current_a:,.0f} A, {self.where}" if self.current_a >= 0.0 else ""
        return (
            f"Short circuits: {self.faults}{current}; fed for {_lasting(self.longest_s)} at most; "
            f"homes at once below 0.9 of nominal voltage: {self.most_sagged}"
        )


def hazard_findings(results: Results) -> HazardFindings | None:
    """Of a result file; None where no source stood on the dead grid."""
    found = _columns(results, "backfeed_spells")
    if found is None:
        return None
    worst = int(np.argmax(found["contact_a"]))
    return HazardFindings(
        spells=len(found["home"]),
        homes=len(np.unique(found["home"].astype(str))),
        danger_s=float(found["hazard_s"].sum()),
        exposure_s=float(found["exposure_s"].sum()),
        contact_a=float(found["contact_a"][worst]),
        home=str(found["home"][worst]),
        primary_v=float(found["primary_v"].max()),
        most_homes=int(found["homes"].max()),
    )


def short_circuit_findings(results: Results) -> ShortCircuitFindings | None:
    """Of a result file; None where no current flowed into a fault."""
    found = _columns(results, "short_circuits")
    if found is None:
        return None
    known = np.nan_to_num(found["current_a"], nan=-1.0)
    worst = int(np.argmax(known))
    return ShortCircuitFindings(
        faults=len(found["where"]),
        current_a=float(found["current_a"][worst]),
        where=str(found["where"][worst]),
        longest_s=float(found["live_s"].max()),
        most_sagged=int(found["sagged"].max()),
    )


def _lasting(seconds: float) -> str:
    """Seconds below a minute, minutes above."""
    return f"{seconds:.3g} s" if seconds < 60.0 else f"{seconds / 60.0:.3g} min"


def _columns(results: Results, kind: str) -> Mapping[str, Array] | None:
    """Columns of a study that a run makes at most once."""
    names = results.studies_of(kind)
    return {str(key): column.to_numpy() for key, column in results.study(names[0]).items()} if names else None
