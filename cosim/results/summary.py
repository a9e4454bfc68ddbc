"""The answer to the planner's question, in numbers and in ten lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.results import layout
from cosim.results.car_findings import CarFindings, car_findings
from cosim.results.comfort_findings import ComfortFindings, comfort_findings
from cosim.results.control_findings import ControlFindings, control_findings
from cosim.results.findings import (
    ClearingFindings,
    InverterFindings,
    OvervoltageFindings,
    SiteFindings,
    SourceFindings,
    clearing_findings,
    inverter_findings,
    overvoltage_findings,
    site_findings,
    source_findings,
)
from cosim.results.grid_heat_findings import GridHeatFindings, grid_heat_findings
from cosim.results.hazard_findings import (
    HazardFindings,
    ShortCircuitFindings,
    hazard_findings,
    short_circuit_findings,
)
from cosim.results.jaw_findings import JawFindings, jaw_findings
from cosim.results.outage_findings import OutageFindings, outage_findings
from cosim.results.reader import Results
from cosim.results.record import Array, Float
from cosim.results.summary_lines import (
    back_line,
    fault_line,
    heat_line,
    load_line,
    service_line,
    solver_line,
    temperature_line,
    transformer_back_line,
    voltage_line,
)

if TYPE_CHECKING:
    import pandas as pd

LOW, MEAN, HIGH = range(3)

# Less than this flowing back is rounding of the power flow, not backfeed.
NOTICED_W = 1.0

# Voltage unbalance that ANSI C84.1 annex C asks systems to stay below, at no load.
UNBALANCE_LIMIT = 0.03

# Rises that UL 414 limits, as a planner would name the part.
PARTS = {
    "jaw_rise_k": "jaw",
    "bus_bar_rise_k": "bus bar",
    "factory_terminal_rise_k": "factory terminal",
    "field_terminal_rise_k": "field terminal",
}


@dataclass(frozen=True)
class Extreme:
    """A worst value: how much, of what limit (NaN: none known), at which item and when it began."""

    value: float
    limit: float
    item: str
    time: str = ""
    what: str = ""


@dataclass(frozen=True)
class Summary:
    """What a run says; an `Extreme` is None where nothing can be said (no adapter, no study).

    Attributes
    ----------
    heat
        Adapter part with the smallest margin to its UL 414 rise [K].
    temperature
        Highest absolute temperature of an adapter [degC] and its material limit.
    material_margin_k
        Smallest limit of a material of an adapter minus its temperature; NaN where no limit is known.
    fault
        Socket with the largest fault current [A] over its rating (largest current if no rating
        is known), over all studies.
    service
        Service with the largest current [A] over its rating.
    low_voltage, high_voltage
        Extremes while energised, in per unit of the home's nominal voltage, against ANSI C84.1 range A.
    head_back
        Peak that flowed from the feeder into the source [W]; `head_back_wh` is its energy.
    transformer_back, transformer_load
        Service transformer with the largest peak flowing back [W], and the most loaded [pu].
    line_load
        Line whose conductors were loaded most [pu of the rating].
    unbalance
        Three-phase bus with the largest negative over positive sequence voltage, against `UNBALANCE_LIMIT`.
    homes_outside_b, home_hours_outside_a, home_hours_outside_b
        Homes ever outside ANSI C84.1 range B, and time outside either range, over all homes.
    sockets_breaker_only
        Sockets within the breaker's rating whose adapter has no known one.
    newton_steps
        Steps that the fast iteration left to Newton's method.
    phase_back
        Phase of the head with the largest peak flowing back [W].
    inverters, clearing, sources, overvoltage, site, jaws, cars, comfort, outages
        See `cosim.results.findings`; None for what was not asked for.
    """

    title: str
    status: str
    homes: int
    adapters: int
    heat: Extreme | None
    homes_over_heat_limit: int
    temperature: Extreme | None
    homes_over_temperature_limit: int
    studies: int
    fault: Extreme | None
    sockets_over_rating: int
    sockets_of_unknown_rating: int
    service: Extreme | None
    homes_over_service_rating: int
    low_voltage: Extreme | None
    high_voltage: Extreme | None
    homes_outside_voltage: int
    head_back: Extreme | None
    head_back_wh: float
    homes_back: int
    transformer_back: Extreme | None
    transformer_load: Extreme | None
    transformers_over_rating: int
    unsupplied_home_hours: float
    events: int
    steps: int
    unconverged_steps: int
    line_load: Extreme | None = None
    lines_over_rating: int = 0
    unbalance: Extreme | None = None
    homes_outside_b: int = 0
    home_hours_outside_a: float = 0.0
    home_hours_outside_b: float = 0.0
    sockets_breaker_only: int = 0
    newton_steps: int = 0
    material_margin_k: float = float("nan")
    phase_back: Extreme | None = None
    inverters: InverterFindings | None = None
    clearing: ClearingFindings | None = None
    sources: SourceFindings | None = None
    overvoltage: OvervoltageFindings | None = None
    controls: ControlFindings | None = None
    site: SiteFindings | None = None
    grid_heat: GridHeatFindings | None = None
    jaws: JawFindings | None = None
    cars: CarFindings | None = None
    comfort: ComfortFindings | None = None
    outages: OutageFindings | None = None
    hazards: HazardFindings | None = None
    short_circuits: ShortCircuitFindings | None = None

    @property
    def heat_margin_k(self) -> float:
        """Limit minus rise of the hottest adapter part [K]; NaN without adapters."""
        return self.heat.limit - self.heat.value if self.heat else float("nan")

    def as_dict(self) -> dict[str, str | int | float | None]:
        """Flat and JSON-able: ``heat_value``, ``heat_limit`` .. for an `Extreme`, None where unknown."""
        flat: dict[str, Any] = {}
        for name, value in asdict(self).items():
            if name in _EXTREMES:
                flat |= {f"{name}_{part}": (value or {}).get(part) for part in _EXTREMES[name]}
            elif name in _FINDINGS:
                flat |= {f"{name}_{f.name}": (value or {}).get(f.name) for f in fields(_FINDINGS[name])}
            else:
                flat[name] = value
        flat["heat_margin_k"] = self.heat_margin_k
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in flat.items()}

    def lines(self) -> list[str]:
        """Ten lines that answer the question, worst first in each, and one more for each study asked for."""
        return [
            heat_line(self),
            temperature_line(self),
            fault_line(self),
            service_line(self),
            voltage_line(self),
            back_line(self),
            transformer_back_line(self),
            load_line(self),
            *(found.line() for found in self._findings()),
            f"Events: {self.events}; homes without supply: {self.unsupplied_home_hours:.3g} home-hours",
            solver_line(self),
        ]

    def _findings(self) -> Iterator[Finding]:
        """What there is to say beside the ten lines; overvoltage where something can run behind a cut."""
        for found in (self.inverters, self.clearing, self.sources, self.site, self.jaws):
            if found is not None:
                yield found
        if self.controls is not None:
            yield self.controls
        if self.overvoltage is not None and self.overvoltage.unit_pu > 1.0:
            yield self.overvoltage
        if self.grid_heat is not None:
            yield self.grid_heat
        if self.cars is not None:
            yield self.cars
        if self.comfort is not None:
            yield self.comfort
        for told in (self.outages, self.short_circuits, self.hazards):
            if told is not None:
                yield told


_EXTREMES = {
    "heat": ("value", "limit", "item", "time", "what"),
    "temperature": ("value", "limit", "item", "time"),
    "fault": ("value", "limit", "item", "time", "what"),
    "service": ("value", "limit", "item", "time"),
    "low_voltage": ("value", "item"),
    "high_voltage": ("value", "item", "time"),
    "head_back": ("value", "time"),
    "transformer_back": ("value", "item", "time"),
    "transformer_load": ("value", "item", "time"),
    "line_load": ("value", "item", "time"),
    "unbalance": ("value", "item", "time"),
    "phase_back": ("value", "item", "time"),
}
Finding = (
    ControlFindings
    | InverterFindings
    | ClearingFindings
    | SourceFindings
    | OvervoltageFindings
    | SiteFindings
    | JawFindings
    | GridHeatFindings
    | CarFindings
    | ComfortFindings
    | OutageFindings
    | HazardFindings
    | ShortCircuitFindings
)
_FINDINGS: dict[str, type[Finding]] = {
    "controls": ControlFindings,
    "grid_heat": GridHeatFindings,
    "inverters": InverterFindings,
    "clearing": ClearingFindings,
    "sources": SourceFindings,
    "overvoltage": OvervoltageFindings,
    "site": SiteFindings,
    "jaws": JawFindings,
    "cars": CarFindings,
    "comfort": ComfortFindings,
    "outages": OutageFindings,
    "hazards": HazardFindings,
    "short_circuits": ShortCircuitFindings,
}


def summarise(results: Results) -> Summary:
    """Summary of a result file; reads the statistics, not the steps."""
    homes, transformers = results.homes, results.transformers
    heat, homes_over_heat = _heat(results, homes)
    limits = homes["temperature_limit_c"].to_numpy()
    temperature = _peak(results, "home", "adapter_temperature_c")
    margin = _over_run(
        results.values("home_envelope/material_margin_k")[..., LOW].astype(np.float64), np.fmin
    )
    fault, (over, unknown, breaker_only) = _fault(results)
    current = _peak(results, "home", "service_current_a")
    ratings = homes["service_rating_a"].to_numpy()
    low, high, outside = _voltage(results, homes["nominal_v"].to_numpy())
    loading = _peak(results, "transformer", "loading_pu")
    lines, buses = _peak(results, "line", "line_loading_pu"), _peak(results, "bus", "unbalance_pu")
    outside_s = {name: results.values(f"ansi/outside_{name}_s") for name in ("a", "b")}
    converged = results.values("solver/converged")
    return Summary(
        title=results.info.title,
        status=results.status,
        homes=len(homes),
        adapters=int((homes["adapter"] != "").sum()),
        heat=heat,
        homes_over_heat_limit=homes_over_heat,
        temperature=_worst(temperature, limits, temperature[0], homes.index),
        homes_over_temperature_limit=int(((temperature[0] > limits) | (margin < 0)).sum()),
        material_margin_k=float(np.fmin.reduce(margin, initial=np.nan)),
        studies=len(results.studies_of("fault_duty")),
        fault=fault,
        sockets_over_rating=over,
        sockets_of_unknown_rating=unknown,
        sockets_breaker_only=breaker_only,
        service=_worst(current, ratings, current[0] / ratings, homes.index),
        homes_over_service_rating=int((current[0] > ratings).sum()),
        low_voltage=low,
        high_voltage=high,
        homes_outside_voltage=outside,
        head_back=_back(results, "head_", ["head"]),
        head_back_wh=float(results.values("backfeed/head_energy_wh")),
        homes_back=int((results.values("backfeed/home_peak_w") >= NOTICED_W).sum()),
        transformer_back=_back(results, "transformer_", transformers.index),
        transformer_load=_worst(loading, np.ones(len(transformers)), loading[0], transformers.index),
        transformers_over_rating=int((loading[0] > 1).sum()),
        unsupplied_home_hours=float(results.values("supply/unsupplied_s").sum()) / 3600,
        events=len(results.values("event")),
        steps=len(converged),
        unconverged_steps=int((converged == 0).sum()),
        line_load=_worst(lines, np.ones(len(lines[0])), lines[0], results.feeder_map.index),
        lines_over_rating=int((lines[0] > 1).sum()),
        unbalance=_worst(buses, np.full(len(buses[0]), UNBALANCE_LIMIT), buses[0], results.values("bus")),
        homes_outside_b=int((outside_s["b"] > 0).sum()),
        home_hours_outside_a=float(outside_s["a"].sum()) / 3600,
        home_hours_outside_b=float(outside_s["b"].sum()) / 3600,
        newton_steps=int((results.values("solver/newton") != 0).sum()),
        phase_back=_back(results, "phase_", results.values("phase")),
        inverters=inverter_findings(results),
        clearing=clearing_findings(results),
        sources=source_findings(results),
        overvoltage=overvoltage_findings(results),
        controls=control_findings(results),
        grid_heat=grid_heat_findings(results),
        site=site_findings(results),
        jaws=jaw_findings(results, _peak(results, "home", "jaw_rise_k")[0]),
        cars=car_findings(results),
        comfort=comfort_findings(results),
        outages=outage_findings(results),
        hazards=hazard_findings(results),
        short_circuits=short_circuit_findings(results),
    )


def _text(time: Any) -> str:
    return "" if np.isnat(time) else str(time.astype("datetime64[s]"))


def _over_run(values: Float, reduce: Callable[..., Any]) -> Float:
    """Extreme over intervals (axis 0) of each item; NaN where there is nothing."""
    empty = np.inf if reduce is np.fmin else -np.inf
    extreme: Float = reduce.reduce(values, axis=0, initial=empty)  # type: ignore[attr-defined]
    return np.where(np.isinf(extreme), np.nan, extreme)


def _peak(results: Results, item: str, quantity: str) -> tuple[Float, Array]:
    """Largest value of a quantity over the run, by item, and when its step began."""
    high = results.values(f"{item}_envelope/{quantity}")[..., HIGH].astype(np.float64)
    times = results.times(f"{item}_envelope/{quantity}_time_of_max")
    peak = _over_run(high, np.fmax)
    if not len(high):
        return peak, np.full(peak.shape, np.datetime64("NaT", "us"))
    first = np.argmax(np.nan_to_num(high, nan=-np.inf), axis=0)
    return peak, np.take_along_axis(times, first[np.newaxis], axis=0)[0]


def _worst(peak: tuple[Float, Array], limits: Array, rank: Float, ids: Any, what: str = "") -> Extreme | None:
    """The item of largest `rank`; by its value where no rank is known."""
    values, times = peak
    rank = values if np.all(np.isnan(rank)) else rank
    if np.all(np.isnan(rank)):
        return None
    at = int(np.nanargmax(rank))
    return Extreme(float(values[at]), float(limits[at]), str(ids[at]), _text(times[at]), what)


def _heat(results: Results, homes: pd.DataFrame) -> tuple[Extreme | None, int]:
    worst: list[Extreme] = []
    over = np.zeros(len(homes), dtype=bool)
    for q in layout.HOME_QUANTITIES:
        if q.name not in PARTS:
            continue
        peak = _peak(results, "home", q.name)
        over |= peak[0] > q.limit
        extreme = _worst(peak, np.full(len(homes), q.limit), peak[0], homes.index, PARTS[q.name])
        worst += [extreme] if extreme else []
    return min(worst, key=lambda e: e.limit - e.value, default=None), int(over.sum())


def _voltage(results: Results, nominal_v: Float) -> tuple[Extreme | None, Extreme | None, int]:
    ids = results.homes.index
    legs = ("voltage_l1_v", "voltage_l2_v")
    stored = [
        results.values(f"home_envelope/{leg}").astype(np.float64) / nominal_v[:, np.newaxis] for leg in legs
    ]
    low = np.fmin(*(_over_run(leg[..., LOW], np.fmin) for leg in stored))
    high = [_over_run(leg[..., HIGH], np.fmax) for leg in stored]
    times = [_peak(results, "home", leg)[1] for leg in legs]
    first = ~(high[1] > high[0])
    top = np.where(first, np.fmax(*high), high[1])
    outside = int(((low < layout.ANSI_LOW_PU) | (top > layout.ANSI_HIGH_PU)).sum())
    never = np.full(low.shape, np.datetime64("NaT", "us"))
    return (
        _worst((low, never), np.full(low.shape, layout.ANSI_LOW_PU), -low, ids),
        _worst((top, np.where(first, *times)), np.full(top.shape, layout.ANSI_HIGH_PU), top, ids),
        outside,
    )


def _fault(results: Results) -> tuple[Extreme | None, tuple[int, int, int]]:
    """Worst socket over all studies; sockets over their rating in any, with no verdict in any, within the breaker's
    rating alone."""
    ids = results.homes.index
    names = results.studies_of("fault_duty")
    over, known, alone = np.zeros((3, len(ids)), dtype=bool)
    worst: list[Extreme] = []
    for name in names:
        study = results.study(name)
        current = study["bound_a"].to_numpy()
        rating = np.fmin(study["adapter_rating_a"].to_numpy(), study["breaker_rating_a"].to_numpy())
        verdict = study["verdict"].to_numpy()
        over |= verdict == layout.OVER
        known |= verdict != layout.UNKNOWN
        alone |= verdict == layout.BREAKER_ONLY
        at = np.full(len(ids), np.datetime64(study.attrs["time"], "us"))
        extreme = _worst((current, at), rating, current / rating, ids, name)
        worst += [extreme] if extreme else []
    key = lambda e: (not np.isnan(e.limit), e.value if np.isnan(e.limit) else e.value / e.limit)  # noqa: E731
    unknown = int((~known).sum()) if names else 0
    return max(worst, key=key, default=None), (int(over.sum()), unknown, int((alone & ~over).sum()))


def _back(results: Results, prefix: str, ids: Any) -> Extreme | None:
    peak = np.atleast_1d(results.values(f"backfeed/{prefix}peak_w"))
    if not len(peak) or peak.max() < NOTICED_W:
        return None
    at = int(np.argmax(peak))
    times = np.atleast_1d(results.times(f"backfeed/{prefix}time_of_peak"))
    return Extreme(float(peak[at]), float("nan"), str(ids[at]), _text(times[at]))
