"""What a scenario may say about the feeder and what moves on it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from cosim.scenario.names import Share
from cosim.scenario.quantities import Duration, Strict


class FeederSpec(Strict):
    """Where the feeder comes from; keys beside `source` and `seed` belong to one kind of source."""

    source: str = Field(
        default="generated",
        description='"generated", "opendss:MASTER.dss", "file:NAME.feeder" or "pandapower:NET.json"',
    )
    seed: int = Field(
        default=7, ge=0, lt=2**63, description="generated, pandapower: seed of what is left to chance"
    )
    homes: int = Field(default=240, ge=4, le=20_000, description="generated: number of homes")
    voltage_kv: float = Field(
        default=12.47, description="generated: primary, line to line; 4.16, 12.47, 13.2, 13.8, 24.9 or 34.5"
    )
    density_homes_per_km2: float = Field(
        default=1200.0, ge=50.0, le=5000.0, description="generated: homes per square kilometre"
    )
    overhead_share: Share = Field(default=0.7, description="generated: share of laterals on poles")
    kw_per_home: float = Field(
        default=3.5, ge=0.2, le=10.0, description="generated: mean demand of a home at the feeder's peak"
    )
    substation_distance_km: float = Field(
        default=0.8, ge=0.05, le=20.0, description="generated: from the substation to the first homes"
    )
    short_circuit_mva: float = Field(
        default=1500.0,
        ge=50.0,
        le=50_000.0,
        description="generated: three-phase strength of the 115 kV source",
    )
    kva_per_home: float = Field(
        default=2.75, gt=0.0, le=100.0, description="pandapower: a load becomes homes of about this size"
    )
    drop_length_m: tuple[float, float] = Field(
        default=(24.4, 0.45), description="pandapower: median and lognormal sigma of service drops"
    )

    @property
    def kind(self) -> str:
        """``generated``, ``opendss``, ``file`` or ``pandapower``."""
        return self.source.partition(":")[0]

    @property
    def path(self) -> Path:
        """File of a source that has one; absolute once loaded from a scenario file."""
        return Path(self.source.partition(":")[2])


class BreakersSpec(Strict):
    """What people do about tripped breakers."""

    reset_after: Duration | None = Field(
        default=None, description="time after which a tripped breaker is closed again"
    )


class ControlsSpec(Strict):
    """Regulators and switched capacitors of the feeder, see docs/controls.md."""

    regulators: bool = Field(
        default=False, description="whether regulators move their taps; each move costs a step of its own"
    )
    capacitors: bool = Field(default=False, description="whether switched capacitors switch")
    sampling: Duration | None = Field(
        default=None,
        description="controls look at whole multiples of this only; all the time if not given",
    )
