"""What a run found of rooms, hot water and loads held off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosim.results.layout import ROOM_HIGH_C, ROOM_LOW_C, WATER_LOW_C

if TYPE_CHECKING:
    from cosim.results.reader import Results


@dataclass(frozen=True)
class ComfortFindings:
    """Homes indoors.

    Attributes
    ----------
    homes
        Homes whose rooms are known.
    cold, hot, cool_water
        Homes with any time below or above what people bear, and with a tank too cool for a shower.
    cold_h, hot_h, cool_water_h
        Home-hours of it.
    coldest, coldest_c, hottest, hottest_c
        Homes with the lowest and the highest air, and that air.
    shed_homes, shed_kwh
        Homes that held loads off to stay within their service, and the energy of it.
    """

    homes: int
    cold: int
    hot: int
    cool_water: int
    cold_h: float
    hot_h: float
    cool_water_h: float
    coldest: str
    coldest_c: float
    hottest: str
    hottest_c: float
    shed_homes: int
    shed_kwh: float

    def line(self) -> str:
        """In one line."""
        said = [
            f"{count} of {self.homes} homes {what} for {hours:,.0f} home-hours"
            for count, what, hours in (
                (self.cold, f"below {ROOM_LOW_C:g} degC", self.cold_h),
                (self.hot, f"above {ROOM_HIGH_C:g} degC", self.hot_h),
                (self.cool_water, f"with water below {WATER_LOW_C:g} degC", self.cool_water_h),
            )
            if count
        ]
        if self.shed_homes:
            said.append(f"{self.shed_homes} held off {self.shed_kwh:,.1f} kWh to stay within their service")
        span = (
            f"rooms {self.coldest_c:.1f} degC ({self.coldest}) to {self.hottest_c:.1f} degC ({self.hottest})"
        )
        return "Indoors: " + "; ".join([span, *said])


def comfort_findings(results: Results) -> ComfortFindings | None:
    """Of a result file; None where demand knows no rooms."""
    names = results.studies_of("comfort")
    if not names:
        return None
    study = {name: column.to_numpy() for name, column in results.study(names[0]).items()}
    home = study["home"].astype(str)
    coldest, hottest = int(np.argmin(study["coldest_c"])), int(np.argmax(study["hottest_c"]))
    return ComfortFindings(
        homes=len(home),
        cold=int((study["cold_h"] > 0).sum()),
        hot=int((study["hot_h"] > 0).sum()),
        cool_water=int((study["cool_water_h"] > 0).sum()),
        cold_h=float(study["cold_h"].sum()),
        hot_h=float(study["hot_h"].sum()),
        cool_water_h=float(study["cool_water_h"].sum()),
        coldest=str(home[coldest]),
        coldest_c=float(study["coldest_c"][coldest]),
        hottest=str(home[hottest]),
        hottest_c=float(study["hottest_c"][hottest]),
        shed_homes=int((study["shed_kwh"] > 0).sum()),
        shed_kwh=float(study["shed_kwh"].sum()),
    )
