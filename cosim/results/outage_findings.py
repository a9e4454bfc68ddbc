"""What a run found of interruptions: how many, how long, who had power all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cosim.results.reader import Results


@dataclass(frozen=True)
class OutageFindings:
    """Interruptions of a run.

    Attributes
    ----------
    homes, of_homes
        Homes that lost the grid, of so many.
    momentary, sustained
        Interruptions up to five minutes and over, as SAIFI counts them: one still on at the end by how long it
        has lasted.
    saifi, saidi_min, caidi_min, maifi
        IEEE 1366, of this run alone.
    longest_s, longest_home
        Longest time without the grid of one home, over the run.
    most_out, most_out_at
        Most homes out at once, and since when.
    grid_home_hours, power_home_hours
        Home-hours without the grid, and without power at the panel.
    own_homes, own_home_hours, own_kwh
        Homes that had power of their own while the grid was away, for how long, and energy they took then.
    left_off_kwh
        Demand that homes on their own power left off: not backed up, or shed.
    unserved_kwh
        Energy that homes without power would have taken, an estimate from the time with the grid.
    """

    homes: int
    of_homes: int
    momentary: int
    sustained: int
    saifi: float
    saidi_min: float
    caidi_min: float
    maifi: float
    longest_s: float
    longest_home: str
    most_out: int
    most_out_at: str
    grid_home_hours: float
    power_home_hours: float
    own_homes: int
    own_home_hours: float
    own_kwh: float
    left_off_kwh: float
    unserved_kwh: float

    def line(self) -> str:
        """In one line."""
        caidi = f", {self.caidi_min:.0f} min each" if self.sustained else ""
        said = [
            f"Outages: {self.homes} of {self.of_homes} homes lost the grid, {self.most_out} at once at "
            f"{self.most_out_at}; {self.sustained} sustained{caidi}, {self.momentary} momentary",
            f"without power {_told(self.power_home_hours)} of {_told(self.grid_home_hours)} home-hours without the "
            f"grid, {_told(self.unserved_kwh)} kWh not served",
        ]
        if self.own_homes:
            left_off = f" and left off {_told(self.left_off_kwh)} kWh" if self.left_off_kwh else ""
            said.append(f"{self.own_homes} on their own power took {_told(self.own_kwh)} kWh{left_off}")
        return "; ".join(said)


def _told(value: float) -> str:
    """Three digits, or whole where there are more."""
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}"


def outage_findings(results: Results) -> OutageFindings | None:
    """Of a result file; None where nobody was ever out."""
    if not results.studies_of("interruptions"):
        return None
    named = {
        kind: {name: column.to_numpy() for name, column in results.study(results.studies_of(kind)[0]).items()}
        for kind in ("interruptions", "reliability", "outage_homes", "out_over_time")
    }
    each, homes, over = named["interruptions"], named["outage_homes"], named["out_over_time"]
    index = {name: float(column[0]) for name, column in named["reliability"].items()}
    longest, top = int(np.argmax(homes["without_grid_s"])), int(np.argmax(over["without_grid"]))
    sustained = round(index["saifi"] * index["homes"])
    return OutageFindings(
        homes=int((homes["without_grid_s"] > 0).sum()),
        of_homes=int(index["homes"]),
        momentary=len(each["lasting"]) - sustained,
        sustained=sustained,
        saifi=index["saifi"],
        saidi_min=index["saidi_min"],
        caidi_min=index["caidi_min"],
        maifi=index["maifi"],
        longest_s=float(homes["without_grid_s"][longest]),
        longest_home=str(homes["home"][longest]),
        most_out=int(over["without_grid"][top]),
        most_out_at=str(over["time"][top].astype("datetime64[s]")),
        grid_home_hours=float(homes["without_grid_s"].sum()) / 3600.0,
        power_home_hours=float(homes["without_power_s"].sum()) / 3600.0,
        own_homes=int((homes["on_own_s"] > 0).sum()),
        own_home_hours=float(homes["on_own_s"].sum()) / 3600.0,
        own_kwh=float(homes["own_kwh"].sum()),
        left_off_kwh=float(homes["left_off_kwh"].sum()),
        unserved_kwh=float(homes["unserved_kwh"].sum()),
    )
