"""What a scenario may say: frozen tables, strict types, every key described once.

The descriptions are the reference that ``docs/scenarios.md`` prints; `cosim.scenario.rules`
holds what must be true between keys, `cosim.scenario.loading` reads files and overrides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr

from cosim.scenario.demand_schema import DemandSpec, WeatherSpec
from cosim.scenario.event_schema import Event
from cosim.scenario.feeder_schema import BreakersSpec, ControlsSpec, FeederSpec
from cosim.scenario.home_schema import HomeGroup, PopulationSpec
from cosim.scenario.island_schema import SectionIsland
from cosim.scenario.names import EntryName, GroupName
from cosim.scenario.outage_schema import CrewsSpec, FaultsSpec, ProtectionSpec, StormSpec
from cosim.scenario.quantities import DAY_US, Duration, Moment, Strict
from cosim.scenario.study_schema import RecordSpec, StudiesSpec


class Scenario(Strict):
    """One case: a feeder, its homes, a stretch of time, what happens, what is kept.

    Durations are held as integer microseconds and written as text with a unit. Date-times are
    local to `timezone`. Load one with `Scenario.load`; see ``docs/scenarios.md`` for every key.
    """

    # Where it was written, for messages only: no part of what the case is.
    _file: str = PrivateAttr(default="")
    _lines: Mapping[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    title: str = Field(default="", max_length=200, description="one line that says what the case shows")
    start: Moment = Field(description="local date-time at which the run starts")
    timezone: str = Field(default="America/New_York", description="IANA name of the local time")
    duration: Duration = Field(description='length of the run, such as "7 d"')
    step: Duration = Field(default="60 s", description="study step, 1 s to 15 min, dividing a day")  # type: ignore[assignment]
    seed: int = Field(default=1, ge=0, lt=2**63, description="seed of every random draw")
    solver: Literal["cosim", "pandapower"] = Field(
        default="cosim", description='"pandapower" is a slow reference for feeders it can represent'
    )
    tolerance_pu: float = Field(
        default=1e-6,
        ge=1e-12,
        le=1e-3,
        description="largest voltage change at which a power flow has settled",
    )
    utility: EntryName = Field(
        default=None,
        description="utility of models/utilities, against whose rules every home is held, see docs/adapters.md",
    )
    feeder: FeederSpec = Field(default=FeederSpec(), description="where the feeder comes from")
    weather: WeatherSpec = Field(default=WeatherSpec(), description="air, sun and wind")
    demand: DemandSpec = Field(default=DemandSpec(), description="what homes draw")
    homes: Mapping[GroupName, HomeGroup] = Field(default={}, description="groups of homes with the same kit")
    population: PopulationSpec = Field(
        default=PopulationSpec(), description="a table of homes in place of groups"
    )
    events: tuple[Event, ...] = Field(default=(), description="what happens, in any order")
    protection: ProtectionSpec = Field(
        default=ProtectionSpec(), description="fuses, reclosers, relays and sectionalizers"
    )
    faults: FaultsSpec = Field(default=FaultsSpec(), description="faults that are drawn")
    storms: tuple[StormSpec, ...] = Field(default=(), description="storms at chosen times")
    islands: tuple[SectionIsland, ...] = Field(
        default=(), description="sections of the feeder that a battery of their own holds up"
    )
    crews: CrewsSpec = Field(default=CrewsSpec(), description="who repairs")
    people_home: bool = Field(
        default=True, description="whether anybody is at home to start generators and work switches by hand"
    )
    studies: StudiesSpec = Field(default=StudiesSpec(), description="studies beside the time series")
    breakers: BreakersSpec = Field(
        default=BreakersSpec(), description="what people do about tripped breakers"
    )
    controls: ControlsSpec = Field(default=ControlsSpec(), description="regulators and switched capacitors")
    record: RecordSpec = Field(default=RecordSpec(), description="what the result file keeps")
    variants: Mapping[GroupName, Mapping[str, Any]] = Field(
        default={},
        description="named differences: [variants.NAME] holds keys as in the file, nested or dotted",
    )

    def __hash__(self) -> int:
        return hash(self.to_json())

    def written(self, *path: str | int) -> tuple[str, int]:
        """File and line of a key as the scenario was loaded; "" and 0 where it was not read from a file."""
        return self._file, self._lines.get(path, 0)

    @property
    def duration_us(self) -> int:
        """Length of the run in microseconds."""
        return self.duration

    @property
    def step_us(self) -> int:
        """Study step in microseconds."""
        return self.step

    @property
    def steps(self) -> int:
        """Number of study steps."""
        return self.duration // self.step

    @property
    def record_interval_us(self) -> int:
        """Interval of the envelopes in microseconds, the default resolved, never under a step."""
        chosen = self.record.interval or (DAY_US // 24 if self.duration <= 31 * DAY_US else DAY_US)
        return max(chosen, self.step)

    @property
    def checkpoint_us(self) -> int:
        """Time between checkpoints in microseconds."""
        return self.record.checkpoint

    @property
    def start_utc(self) -> datetime:
        """Start of the run as an aware date-time in UTC."""
        return self.utc(self.start)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def utc(self, local: datetime) -> datetime:
        """Aware UTC date-time of a local one; the first of two equal clock times in autumn."""
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def elapsed_us(self, local: datetime) -> int:
        """Microseconds from the start of the run to a local date-time, daylight saving counted."""
        return (self.utc(local) - self.start_utc) // timedelta(microseconds=1)

    def local(self, time_us: int) -> datetime:
        """Local naive date-time of a time of the run."""
        moment = self.start_utc + timedelta(microseconds=time_us)
        return moment.astimezone(self.zone).replace(tzinfo=None)

    @classmethod
    def load(
        cls,
        path: str | Path,
        overrides: Mapping[str, object] | None = None,
        variant: str | None = None,
    ) -> Scenario:
        """Read, change and check a scenario; see `cosim.scenario.loading.load`."""
        from cosim.scenario.loading import load

        return load(path, overrides=overrides, variant=variant)

    def to_json(self) -> str:
        """Everything, as JSON text that `from_json` reads back."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=False)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """Scenario from the text of `to_json`; files it names need not exist any more.

        Raises
        ------
        ScenarioError
            If the text was not written by `to_json`.
        """
        from cosim.scenario.loading import from_json

        return from_json(text)

    def digest(self) -> str:
        """Hexadecimal digest of all that decides the run, the contents of its files included."""
        from cosim.scenario.files import digest

        return digest(self)
