"""A whole sweep: cases, what is already done, the runs, and the table at the end."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim.errors import InterruptedSweep, SweepError
from cosim.sweeps.cases import Case, build_cases, parse_slice, parse_variation
from cosim.sweeps.runner import Outcome, finished, run_here, run_on_dask

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class SweepSummary:
    """What a sweep left.

    Parameters
    ----------
    table
        One row a case: varied keys, status, error, file, and the summary figures.
    keys
        The varied keys.
    folder
        Where the result files are.
    path
        The table as CSV.
    skipped
        How many cases were already finished.
    """

    table: pd.DataFrame
    keys: tuple[str, ...]
    folder: Path
    path: Path
    skipped: int

    @property
    def failed(self) -> pd.DataFrame:
        """Rows of the cases that failed."""
        return self.table[self.table["status"] == "failed"]

    def to_xarray(self) -> xr.Dataset:
        """Numeric figures over the varied keys as dimensions; NaN where a case failed or is not here."""
        numeric = self.table.set_index(list(self.keys) or ["case"]).select_dtypes("number")
        return numeric.drop(columns=["case"], errors="ignore").to_xarray()


def sweep(
    scenario: str | Path,
    vary: Sequence[str],
    out_dir: Path,
    *,
    scheduler: str | None = None,
    slice_: str | None = None,
    variant: str | None = None,
    overrides: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
) -> SweepSummary:
    """Run a scenario over every combination of values.

    Parameters
    ----------
    scenario
        Scenario file or name of a shipped one.
    vary
        ``key=start:stop:step`` (inclusive) or ``key=a,b,c``.
    out_dir
        Folder for one result file a case and the table; made if missing. Cases finished
        there before are not run again.
    scheduler
        None runs here, one after another; ``"local"`` starts a process for each core; anything
        else is the address of a Dask scheduler.
    slice_
        ``I/N``: only every N-th case, from the I-th; for job arrays without a scheduler.
    variant, overrides
        As for `Scenario.load`, before the variations.
    progress
        Called with (cases done, cases in all).
    threads
        Threads of a case that runs here; workers always have one.

    Returns
    -------
    SweepSummary

    Raises
    ------
    SweepError
        If a variation, a slice or any case is wrong, or the scheduler does not answer. Nothing is run then.
    InterruptedSweep
        After Ctrl-C; the cases that are done stay, nothing is left of the one under way.

    Examples
    --------
    >>> import cosim
    >>> cosim.sweep("heat-wave", ["homes.solar.share=0:0.6:0.3"], "out/sweep")  # doctest: +SKIP
    """
    variations = [parse_variation(text) for text in vary]
    cases = build_cases(Path(scenario), variations, variant=variant, overrides=overrides)
    if slice_ is not None:
        index, count = parse_slice(slice_)
        cases = cases[index - 1 :: count]
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SweepError(f"{folder}: cannot be made a folder for results ({error.strerror})") from None
    done = {case.number: outcome for case in cases if (outcome := finished(folder, case)) is not None}
    skipped = len(done)
    todo = [case for case in cases if case.number not in done]
    outcomes = run_here(todo, folder, threads) if scheduler is None else run_on_dask(todo, folder, scheduler)
    try:
        for outcome in outcomes if todo else ():
            done[outcome.number] = outcome
            if progress is not None:
                progress(len(done), len(cases))
    except KeyboardInterrupt:
        raise InterruptedSweep(len(done), len(cases)) from None
    keys = tuple(variation.key for variation in variations)
    table = _table(cases, done)
    stem = "summary" if slice_ is None else f"summary-{slice_.replace('/', '-of-')}"
    return SweepSummary(table, keys, folder, _write_table(table, folder, stem), skipped)


def _table(cases: list[Case], outcomes: dict[int, Outcome]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for case in cases:
        outcome = outcomes[case.number]
        file = f"{case.stem}.h5" if outcome.status == "finished" else ""
        rows.append(
            {
                "case": case.number,
                **dict(case.values),
                "status": outcome.status,
                "error": outcome.error,
                "file": file,
                **outcome.figures,
            }
        )
    return pd.DataFrame(rows)


def _write_table(table: pd.DataFrame, folder: Path, stem: str) -> Path:
    """The table as CSV, and as Parquet where pyarrow is installed; path of the CSV."""
    target = folder / f"{stem}.csv"
    temporary = folder / f".{stem}.{os.getpid()}.csv"
    table.to_csv(temporary, index=False)
    os.replace(temporary, target)
    if importlib.util.find_spec("pyarrow") is None:
        return target
    temporary = temporary.with_suffix(".parquet")
    table.to_parquet(temporary, index=False)
    os.replace(temporary, folder / f"{stem}.parquet")
    return target
