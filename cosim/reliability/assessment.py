"""What a feeder's interruption indices are, and what rests on them: for the command and for calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cosim.errors import CosimError
from cosim.reliability.indices import Indices, indices, major_event_days

if TYPE_CHECKING:
    from cosim.devices.protection import Protection
    from cosim.feeder.feeder import Feeder
    from cosim.reliability.history import History
    from cosim.reliability_entry import ReliabilityEntry

PUBLISHED = {"saifi": 1.02, "caidi_min": 121.0}
PUBLISHED_SOURCE = (
    "US Energy Information Administration, Electric Power Annual, table 11.1, 2023, without major event days: "
    "SAIFI 1.022, CAIDI 121 min"
)

RunYears = Callable[..., "History"]


@dataclass(frozen=True)
class Assessment:
    """Indices of a feeder over years.

    Parameters
    ----------
    every_day, without_major_event_days
        Indices of all days, and of those that are no major event days.
    threshold_min
        Daily SAIDI from which a day is one.
    faults_per_year, overhead_km, underground_km, homes
        What they rest on.
    """

    every_day: Indices
    without_major_event_days: Indices
    threshold_min: float
    faults_per_year: float
    overhead_km: float
    underground_km: float
    homes: int

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {
            **{name: getattr(self, name) for name in ("homes", "overhead_km", "underground_km")},
            "faults_per_year": self.faults_per_year,
            "every_day": self.every_day.as_dict(),
            "without_major_event_days": self.without_major_event_days.as_dict(),
            "major_event_day_from_min": self.threshold_min,
        }


def assess(feeder: Feeder, history: History) -> Assessment:
    """Indices of a history of a feeder."""
    primary = feeder.line[(feeder.line["level"] == "primary") & ~feeder.line["is_switch"]]
    km = primary["length_km"].groupby(primary["type"] == "cs").sum()
    return Assessment(
        every_day=indices(history),
        without_major_event_days=indices(history, without_major_event_days=True),
        threshold_min=major_event_days(history)[1],
        faults_per_year=float(history.faults.mean()) if len(history.faults) else 0.0,
        overhead_km=float(km.get(False, 0.0)),
        underground_km=float(km.get(True, 0.0)),
        homes=history.homes,
    )


def calibrate(
    feeder: Feeder,
    protection: Protection,
    entry: ReliabilityEntry,
    years: int,
    seed: int,
    *,
    run_years: RunYears,
    saifi: float = PUBLISHED["saifi"],
    caidi_min: float = PUBLISHED["caidi_min"],
    tolerance: float = 0.005,
    rounds: int = 12,
) -> tuple[ReliabilityEntry, Assessment]:
    """The entry with the two factors that make a feeder's indices those given, storms off.

    Rates of permanent faults are scaled for SAIFI and durations for CAIDI, in turn, by what is missing; nothing else is
    touched. `run_years` is `cosim.sweeps.years.run_years` or `cosim.reliability.history.run_events`.

    Raises
    ------
    CosimError
        It does not come within `tolerance` in that many rounds.
    """
    from cosim.reliability.draws import Rates

    for _ in range(rounds):
        history = run_years(feeder, protection, Rates.of(feeder, entry), years, seed)
        found = assess(feeder, history)
        wrong = found.every_day.saifi.value / saifi, found.every_day.caidi_min.value / caidi_min
        if max(abs(one - 1.0) for one in wrong) < tolerance:
            return entry, found
        if not min(wrong) > 0.0:
            raise CosimError(f"nobody was out for long in {years} feeder-years: give more of them")
        entry = scaled(entry, 1.0 / wrong[0], 1.0 / wrong[1])
    what = f"finding factors from {years} feeder-years: after {rounds} rounds SAIFI and CAIDI stand at "
    raise CosimError(f"{what}{wrong[0]:.3f} and {wrong[1]:.3f} of those asked for; give more years")


def scaled(entry: ReliabilityEntry, permanent: float, durations: float) -> ReliabilityEntry:
    """An entry whose two factors are so many times what they were."""
    now = entry.calibration

    def times(quantity: Any, factor: float) -> Any:
        value = quantity.value * factor
        return quantity.model_copy(update={"value": value, "range": None, "confidence": "derived"})

    both = {"permanent": times(now.permanent, permanent), "durations": times(now.durations, durations)}
    return entry.model_copy(update={"calibration": now.model_copy(update=both)})
