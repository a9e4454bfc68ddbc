"""Keys of a scenario that turn homes from gas to electricity, by share or by year."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cosim.scenario.quantities import Strict

Share = Annotated[float, Field(ge=0.0, le=1.0)]

ADOPTED = ("heating", "water_heating", "cooking", "drying", "ev")


class Adoption(Strict):
    """Shares of homes that have turned to electricity by a year."""

    year: int = Field(ge=1990, le=2200, description="calendar year")
    heating: Share = Field(
        default=0.0, description="of homes heated by gas: a heat pump with strips in its place"
    )
    water_heating: Share = Field(default=0.0, description="of homes with a gas water heater: an electric one")
    cooking: Share = Field(default=0.0, description="of homes without an electric range: one")
    drying: Share = Field(default=0.0, description="of homes without an electric dryer: one")
    ev: Share = Field(default=0.0, description="of homes without a charger: a car and its charger")


class Electrification(Strict):
    """What gives way to electricity; a larger share holds the homes of a smaller one."""

    heating: Share = Field(
        default=0.0, description="of homes heated by gas: a heat pump with strips in its place"
    )
    water_heating: Share = Field(default=0.0, description="of homes with a gas water heater: an electric one")
    heat_pump_water: Share = Field(default=1.0, description="of these new water heaters: with a heat pump")
    cooking: Share = Field(default=0.0, description="of homes without an electric range: one")
    drying: Share = Field(default=0.0, description="of homes without an electric dryer: one")
    ev: Share = Field(default=0.0, description="of homes without a charger: a car and its charger")
    charger_kw: float = Field(
        default=7.7, gt=0.0, le=19.2, description="power of these chargers at 240 V [kW]"
    )
    year: int | None = Field(
        default=None,
        ge=1990,
        le=2200,
        description="shares are those of `adoption` in this year, between its rows",
    )
    adoption: tuple[Adoption, ...] = Field(
        default=(), description="rows { year, heating, water_heating, cooking, drying, ev }, years ascending"
    )

    @model_validator(mode="after")
    def _by_year(self) -> Electrification:
        years = [row.year for row in self.adoption]
        if (self.year is None) != (not years):
            raise PydanticCustomError("electrification", "year and adoption should be given together")
        if any(b <= a for a, b in pairwise(years)):
            raise PydanticCustomError("electrification", "the years of adoption should ascend")
        if self.year is not None and any(getattr(self, name) for name in ADOPTED):
            raise PydanticCustomError(
                "electrification", "should give shares, or a year and adoption, not both"
            )
        return self

    def share(self, name: str) -> float:
        """One of `ADOPTED`: as given, or of the year, linear between rows and held beyond them."""
        if self.year is None:
            return float(getattr(self, name))
        years = [row.year for row in self.adoption]
        values = [getattr(row, name) for row in self.adoption]
        if self.year <= years[0]:
            return float(values[0])
        for (a, x), (b, y) in pairwise(zip(years, values, strict=True)):
            if self.year <= b:
                return float(x + (y - x) * (self.year - a) / (b - a))
        return float(values[-1])

    def shares(self) -> dict[str, float]:
        """What `cosim.demand.traits.Electrification` takes."""
        own = {name: self.share(name) for name in ADOPTED if name != "ev"}
        return own | {"heat_pump_water": self.heat_pump_water}
