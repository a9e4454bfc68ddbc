"""Read a result file."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from cosim.errors import Problem, ResultsError
from cosim.results import layout
from cosim.results.checks import open_checked
from cosim.results.layout import Group, Variable
from cosim.results.record import Array, RunInfo

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_ENVELOPES: dict[str, tuple[Group, Variable]] = {
    q.name: (group, q) for group, quantities in layout.ENVELOPES.values() for q in quantities
}


def open_results(path: str | Path) -> Results:
    """Open a result file.

    Raises
    ------
    ResultsError
        If it is absent, no result file, of another version, or damaged. A partial file opens;
        `Results.partial` says so.
    """
    return Results(path)


class Results:
    """One result file, read as asked; a context manager.

    Times are local clock times of the run's time zone at its start, as datetime64[us].

    Attributes
    ----------
    path
        The file.
    info
        What is needed to run it again.
    status
        "complete", or "partial" for what an interrupted run left.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = open_checked(self.path)
        try:
            self.info = _info(self._file.attrs)
            self.status = str(self._file.attrs["status"])
            self.interval_s = float(self._file.attrs["interval_s"])
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            self.close()
            raise ResultsError(Problem(f"damaged attributes ({error})", file=str(self.path))) from error

    def close(self) -> None:
        """Close the file; what was read stays."""
        self._file.close()

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Results {self.path} ({self.status}): {self.info.title}>"

    @property
    def partial(self) -> bool:
        """Whether the run was interrupted."""
        return self.status == "partial"

    @property
    def scenario_json(self) -> str:
        """The scenario as run."""
        return self.info.scenario_json

    def values(self, path: str) -> Array:
        """Values of a dataset by its path in docs/results.md; text as str, times as int64 [us].

        Raises
        ------
        ResultsError
            If there is no such dataset or its data are damaged.
        """
        if path not in self._file or not isinstance(self._file[path], h5py.Dataset):
            raise ResultsError(Problem("no such dataset", file=str(self.path), key=path))
        dataset = self._file[path]
        try:
            read = dataset.asstr()[...] if h5py.check_string_dtype(dataset.dtype) else dataset[()]
        except (OSError, RuntimeError, UnicodeDecodeError) as error:
            raise ResultsError(Problem(f"damaged ({error})", file=str(self.path), key=path)) from error
        return np.asarray(read)

    def times(self, path: str) -> Array:
        """Values of a time dataset as datetime64[us]; NaT where there is nothing to report."""
        elapsed = self.values(path)
        times: Array = np.datetime64(self.info.start, "us") + elapsed.astype("timedelta64[us]")
        return np.where(elapsed == layout.NO_TIME, np.datetime64("NaT", "us"), times)

    @property
    def homes(self) -> pd.DataFrame:
        """Homes by id."""
        return self._table(layout.HOMES, "home")

    @property
    def transformers(self) -> pd.DataFrame:
        """Service transformers by id."""
        return self._table(layout.TRANSFORMERS, "transformer")

    @property
    def feeder_map(self) -> pd.DataFrame:
        """Lines as drawn, by id."""
        return self._table(layout.MAP, "line")

    @property
    def events(self) -> pd.DataFrame:
        """The event log."""
        return self._table(layout.EVENTS, "event")

    @property
    def feeder(self) -> pd.DataFrame:
        """The feeder head at every step, by time."""
        return self._table(layout.FEEDER, "step")

    @property
    def solver(self) -> pd.DataFrame:
        """Duration, iterations and convergence of every step, by time."""
        return self._table(layout.SOLVER, "step").astype({"converged": bool, "newton": bool, "faulted": bool})

    @property
    def buses(self) -> pd.DataFrame:
        """Three-phase buses by name."""
        return self._table(layout.BUSES, "bus")

    @property
    def inverters(self) -> pd.DataFrame:
        """Inverters that act on the voltage, with what each gave and held back over the run."""
        table, energy = (self._table(g, "inverter") for g in (layout.INVERTERS, layout.INVERTER_ENERGY))
        return table.join(energy)

    @property
    def intervals(self) -> pd.DataFrame:
        """How much of each recording interval was simulated."""
        return self._table(layout.INTERVALS, "interval")

    @property
    def studies(self) -> list[str]:
        """Names of the studies."""
        return sorted(self._file.get("study", ()))

    def studies_of(self, kind: str) -> list[str]:
        """Names of the studies of one kind of `layout.STUDIES`."""
        return [name for name in self.studies if self._file[f"study/{name}"].attrs["kind"] == kind]

    @property
    def windows(self) -> list[str]:
        """Names of the windows recorded in full."""
        return sorted(self._file.get("window", ()))

    def envelope(self, quantity: str) -> xr.DataArray:
        """Minimum, mean and maximum of a quantity of homes, transformers, lines, buses or inverters by interval.

        Dimensions (interval, item, statistic); the coordinate `time_of_max`
        says when the step of the maximum began.
        """
        group, variable = self._known(quantity, _ENVELOPES)
        statistic, time = layout.envelope(variable)
        array = self._array(f"{group.path}/{statistic.name}", statistic)
        return array.assign_coords(time_of_max=(time.dims, self.times(f"{group.path}/{time.name}")))

    def full(self, quantity: str, window: str = "") -> xr.DataArray:
        """A home quantity at every step (step, home): the homes named in the scenario, or a window's."""
        known = {q.name: q for q in layout.HOME_QUANTITIES}
        variable = self._known(quantity, known)
        if window:
            path = f"window/{window}/"
            array = self._array(path + quantity, layout.full(variable, "window_step", "window_home"), path)
            return array.rename(window_step="step", window_home="home")
        return self._array(f"full/{quantity}", layout.full(variable)).rename(full_home="home")

    def study(self, name: str) -> xr.Dataset:
        """A study by name, one value a home or a row; `attrs` hold its kind and time."""
        if name not in self.studies:
            raise ResultsError(
                Problem(f"no study; there are: {', '.join(self.studies) or 'none'}", str(self.path), key=name)
            )
        attributes = dict(self._file[f"study/{name}"].attrs)
        dataset = self._dataset(layout.STUDIES[attributes["kind"]], f"study/{name}")
        time = np.datetime64(self.info.start, "us") + np.timedelta64(int(attributes["time_us"]), "us")
        return dataset.assign_attrs(
            kind=str(attributes["kind"]), time_us=int(attributes["time_us"]), time=str(time)
        )

    def backfeed(self) -> xr.Dataset:
        """Energy, peak and time of the peak of what flowed towards the source, over the run."""
        return self._dataset(layout.BACKFEED, layout.BACKFEED.path)

    def unsupplied_s(self) -> xr.DataArray:
        """Time each home was dead [s]."""
        variable = layout.SUPPLY.variables[0]
        return self._array(f"{layout.SUPPLY.path}/{variable.name}", variable)

    def outside_ansi_s(self) -> xr.Dataset:
        """Time each home's voltage stood outside ANSI C84.1 range A and range B while energised [s]."""
        return self._dataset(layout.ANSI, layout.ANSI.path)

    def to_xarray(self) -> xr.DataTree:
        """The whole file as an xarray tree, loaded when used; close the tree after use."""
        import xarray as xr

        return xr.open_datatree(self.path, engine="h5netcdf")

    def _known(self, name: str, known: dict[str, Any]) -> Any:
        if name not in known:
            raise ResultsError(
                Problem(f"no such quantity; there are: {', '.join(known)}", file=str(self.path), key=name)
            )
        return known[name]

    def _read(self, path: str, variable: Variable) -> Array:
        return self.times(path) if variable.units == layout.TIME_UNITS else self.values(path)

    def _table(self, group: Group, dim: str) -> pd.DataFrame:
        import pandas as pd

        coordinate = next(v for v in layout.COORDINATES if v.name == dim)
        index = pd.Index(self._read(dim, coordinate), name=dim)
        return pd.DataFrame(
            {v.name: self._read(f"{group.path}/{v.name}", v) for v in group.variables}, index=index
        )

    def _array(self, path: str, variable: Variable, coordinates: str = "") -> xr.DataArray:
        import xarray as xr

        known = {v.name: v for v in (*layout.COORDINATES, *layout.WINDOW.variables, layout.ROW)}
        own = {"row": path.rpartition("/")[0] + "/"}
        return xr.DataArray(
            self._read(path, variable),
            dims=variable.dims,
            coords={dim: self._read(own.get(dim, coordinates) + dim, known[dim]) for dim in variable.dims},
            name=variable.name,
            attrs={"units": variable.units, "long_name": variable.long_name}
            | ({"sign": variable.sign} if variable.sign else {}),
        )

    def _dataset(self, group: Group, path: str) -> xr.Dataset:
        import xarray as xr

        own = [v for v in group.variables if v.dims != (v.name,)]
        return xr.Dataset({v.name: self._array(f"{path}/{v.name}", v) for v in own})


def _info(attributes: Any) -> RunInfo:
    start = str(attributes["start"])
    np.datetime64(start, "us")  # a start that is no time is found now, not at the first time read
    return RunInfo(
        title=str(attributes["title"]),
        scenario_json=str(attributes["scenario_json"]),
        seed=int(np.int64(attributes["seed"]).astype(np.uint64)),
        step_s=float(attributes["step_s"]),
        duration_s=float(attributes["duration_s"]),
        start=start,
        timezone=str(attributes["timezone"]),
        feeder=str(attributes["feeder"]),
        feeder_digest=str(attributes["feeder_digest"]),
        versions=json.loads(attributes["versions"]),
        library=json.loads(attributes["library"]),
    )
