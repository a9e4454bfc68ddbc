"""What is drawn over time: the feeder head, controls, the worst homes, the homes recorded in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.errors import ResultsError
from cosim.report.charts import Limit, Mark, Series, line_chart
from cosim.report.control_plots import control_charts
from cosim.report.figures import LIMITS, PARTS, Figures, worst_rows
from cosim.report.outages import outage_lines
from cosim.results.layout import HOME_QUANTITIES

if TYPE_CHECKING:
    import xarray as xr

    from cosim.results import Results

Float = NDArray[np.float64]

MOST_LINES = 5
MOST_MARKS = 20
# Every step of a home recorded in full: quantity, title, unit, scale.
_IN_FULL = (
    ("service_power_w", "Service power, every step", "kW", 1e-3),
    ("adapter_temperature_c", "Adapter temperature, every step", "°C", 1.0),
)


@dataclass(frozen=True)
class TimePlots:
    """Draws the charts of one result file."""

    results: Results
    found: Figures

    def charts(self) -> Iterator[str]:
        """Every chart, as a figure element each."""
        yield from self._outages()
        yield from self._head()
        for found in control_charts(self.results, self._end, MOST_LINES):
            yield self._chart(found.lines, found.title, found.unit)
        yield from self._heat()
        rows = worst_rows(self.found.service_share, MOST_LINES)
        yield from self._worst_homes(
            "service_current_a", rows, "Service current of the fullest services", "A"
        )
        for window in self._recorded_in_full():
            yield from self._in_full(window)

    @property
    def _start(self) -> np.datetime64:
        return np.datetime64(self.results.info.start, "us")

    @property
    def _end(self) -> float:
        """When the last step ended [s since the start]; 0 if none was run."""
        solver = self.results.solver
        return float(self._seconds(solver.index)[-1] + solver["seconds"].iloc[-1]) if len(solver) else 0.0

    def _seconds(self, times: Any) -> Float:
        elapsed = np.asarray(times, "datetime64[us]") - self._start
        return np.asarray(elapsed / np.timedelta64(1, "us") / 1e6, float)

    def _marks(self) -> list[Mark]:
        """Events that change something; none if there are too many to tell apart."""
        events = self.results.events
        events = events[~events["kind"].isin(("study", "note"))]
        texts = events["kind"].str.replace("_", " ") + " " + events["subject"]
        marks: dict[float, list[str]] = {}
        for time_s, text in zip(self._seconds(events["time"]).tolist(), texts, strict=True):
            marks.setdefault(time_s, []).append(str(text))
        return [Mark(t, "; ".join(said)) for t, said in marks.items()] if len(marks) <= MOST_MARKS else []

    def _chart(
        self, lines: list[Series], title: str, unit: str, *, limit: Limit | None = None, zero: bool = False
    ) -> str:
        return line_chart(
            lines, title=title, unit=unit, start=self._start, limit=limit, marks=self._marks(), zero=zero
        )

    def _outages(self) -> Iterator[str]:
        homes, crews = outage_lines(self.results, self._end)
        if homes:
            yield self._chart(homes, "Who was out when", "homes", zero=True)
        if crews:
            yield self._chart(crews, "Crews out", "crews", zero=True)

    def _head(self) -> Iterator[str]:
        head, solver = self.results.feeder, self.results.solver
        if len(head):
            usual = (solver["converged"] & ~solver["faulted"]).to_numpy()
            power_kw = np.where(usual, head["power_w"].to_numpy() / 1e3, np.nan)
            line = Series("feeder head", self._seconds(head.index), power_kw)
            yield self._chart([line], "Power at the feeder head", "kW", zero=True)
        if len(head) and len(self.results.inverters):
            yield from self._sun(head, usual)

    def _sun(self, head: Any, usual: NDArray[np.bool_]) -> Iterator[str]:
        """What solar gave and inverters held back, and the reactive power they absorbed."""
        seconds = self._seconds(head.index)

        def line(label: str, values: Any) -> Series:
            return Series(label, seconds, np.where(usual, values / 1e3, np.nan))

        given, held = head["pv_power_w"].to_numpy(), head["curtailed_w"].to_numpy()
        power = [line("given", given), *([line("given and held back", given + held)] if held.any() else [])]
        yield self._chart(power, "Solar power of all homes", "kW", zero=True)
        absorbed = line("absorbed", -head["inverter_var"].to_numpy())
        yield self._chart([absorbed], "Reactive power the inverters absorb", "kvar", zero=True)

    def _heat(self) -> Iterator[str]:
        """The kind of part that came nearest to its limit, at the homes where it was hottest."""
        nearest = {
            part: float(np.nanmax(rise) - LIMITS[part])
            for part in PARTS
            if np.isfinite(rise := self.found.largest[part]).any()
        }
        if not nearest:
            return
        part = max(nearest, key=nearest.__getitem__)
        rows = worst_rows(self.found.largest[part], MOST_LINES)
        limit = Limit(LIMITS[part], "UL 414 limit")
        yield from self._worst_homes(
            part, rows, f"{PARTS[part]} over local air, hottest adapters", "K", limit
        )

    def _worst_homes(
        self, quantity: str, rows: list[int], title: str, unit: str, limit: Limit | None = None
    ) -> Iterator[str]:
        """The largest value of each recording interval, held for the interval."""
        envelope = self.results.envelope(quantity)
        if not rows or not envelope.sizes["interval"]:
            return
        edges = self._edges(envelope)
        values = envelope.sel(statistic="max").to_numpy().astype(float)
        lines = [Series(self._label(row), edges, np.repeat(values[:, row], 2)) for row in rows]
        yield self._chart(lines, f"{title}, largest of each interval", unit, limit=limit, zero=True)

    def _edges(self, envelope: xr.DataArray) -> Float:
        """Start and end of every interval, in a row."""
        starts = self._seconds(envelope["interval"].to_numpy())
        return np.column_stack([starts, np.r_[starts[1:], max(self._end, starts[-1])]]).ravel()

    def _label(self, row: int) -> str:
        return f"{self.found.name(row)} ({self.found.adapter[row] or 'no adapter'})"

    def _recorded_in_full(self) -> list[str]:
        """Windows; "" stands for the homes that the scenario names."""
        try:
            self.results.values("full_home")
        except ResultsError:  # the scenario names none, so the file has no such part
            return self.results.windows
        return ["", *self.results.windows]

    def _in_full(self, window: str) -> Iterator[str]:
        what = f" ({_spoken(window)})" if window else ""
        for quantity, title, unit, scale in _IN_FULL:
            kept = self.results.full(quantity, window)
            values = kept.to_numpy().astype(float) * scale
            if not np.isfinite(values).any():
                continue
            time_s = self._seconds(kept["step"].to_numpy())
            lines = [
                Series(str(home), time_s, values[:, k])
                for k, home in enumerate(kept["home"].to_numpy())
                if np.isfinite(values[:, k]).any()
            ]
            yield self._chart(lines, title + what, unit)


def _spoken(window: str) -> str:
    """Name of a window as read, without the unit that its quantity carries."""
    for quantity in HOME_QUANTITIES:
        window = window.replace(quantity.name, quantity.name.rpartition("_")[0])
    return window.replace("_", " ").replace(" l1", " L1").replace(" l2", " L2")
