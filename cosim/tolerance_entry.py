"""What an entry of ``models/tolerances`` holds: voltages that equipment bears and for how long, and who notices."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cosim.entries import Confidence, Entry, Quantity, of


class ToleranceEntry(Entry):
    """Tolerance of equipment to voltage.

    Parameters
    ----------
    most, least
        Points (seconds, pu of nominal), seconds rising: a voltage above (below) may last as long as that.
    lamp_exponent
        Life of a filament lamp goes with the voltage to minus this.
    seen_pu
        Change of a leg's voltage that people notice.
    fails_pu
        Voltage beyond which equipment of one leg fails within minutes.
    alarm_high_pu, alarm_low_pu, alarm_s
        A meter's alarm, of what it measures, and for how long that must last.
    """

    most: tuple[tuple[float, float], ...]
    most_source: str = Field(min_length=3)
    least: tuple[tuple[float, float], ...]
    least_source: str = Field(min_length=3)
    envelope_confidence: Confidence
    lamp_exponent: Annotated[Quantity, of("1")]
    seen_pu: Annotated[Quantity, of("1", 0.0, 1.0)]
    fails_pu: Annotated[Quantity, of("1", 1.0, 2.0)]
    alarm_high_pu: Annotated[Quantity, of("1", 1.0, 2.0)]
    alarm_low_pu: Annotated[Quantity, of("1", 0.0, 1.0)]
    alarm_s: Annotated[Quantity, of("s")]

    @model_validator(mode="after")
    def _rises(self) -> ToleranceEntry:
        for name, points, way in (("most", self.most, -1.0), ("least", self.least, 1.0)):
            seconds, levels = [p[0] for p in points], [way * p[1] for p in points]
            if not points or seconds != sorted(seconds) or levels != sorted(levels):
                raise ValueError(f"{name} must hold rising times, and voltages that come nearer to nominal")
        return self


SCHEMAS = {"tolerances": ToleranceEntry}
