"""Runs the cases of a sweep: here, over local processes, or on a Dask cluster.

A case is run by `run_case`, which leaves a whole result file and a record beside it, or
neither. What is finished is known from those records and the digest of the file they name,
so a rerun, a killed worker and a slice of a job array all continue the same way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim.errors import CosimError, InterruptedRun, MissingExtraError, Problem, SweepError
from cosim.results.segments import parts_folder
from cosim.sweeps.cases import Case

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
# Ctrl-C reaches every process of a terminal; workers leave the answer to the command.
DEAF_TO_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """How one case ended: its summary figures, or the error that stopped it."""

    number: int
    status: str
    error: str
    figures: dict[str, Any]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.json"


def finished(folder: Path, case: Case) -> Outcome | None:
    """Outcome of a case that is already done and whole, else None."""
    record_path, result = _record_path(folder, case.stem), folder / f"{case.stem}.h5"
    if not record_path.is_file() or not result.is_file():
        return None
    record = json.loads(record_path.read_text())
    if record["sha256"] != _sha256(result):
        return None
    return Outcome(case.number, "finished", "", record["figures"])


def run_case(number: int, scenario_json: str, folder: str, stem: str, threads: int | None) -> Outcome:
    """Run one case to its file and record; an error of cosim's becomes the outcome.

    Safe to run twice: files appear whole under their names or not at all.

    Raises
    ------
    KeyboardInterrupt
        The user stopped it; nothing of the case is left.
    """
    from cosim.results import summarise
    from cosim.scenario import Scenario
    from cosim.simulation.run import run

    target = Path(folder) / f"{stem}.h5"
    try:
        with run(Scenario.from_json(scenario_json), target, threads=threads) as results:
            figures = summarise(results).as_dict()
        for own in ("title", "status"):  # of the file, not of the case
            del figures[own]
    except InterruptedRun as stopped:
        stopped.partial.unlink(missing_ok=True)
        raise KeyboardInterrupt from None
    except (CosimError, OSError, ArithmeticError, ValueError, MemoryError) as error:
        return Outcome(number, "failed", f"{type(error).__name__}: {error}", {})
    finally:
        shutil.rmtree(parts_folder(target), ignore_errors=True)  # a case is done whole or again
    record = {"number": number, "sha256": _sha256(target), "figures": figures}
    record_path = _record_path(Path(folder), stem)
    temporary = record_path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(record, indent=1))
    os.replace(temporary, record_path)
    return Outcome(number, "finished", "", figures)


def run_here(cases: list[Case], folder: Path, threads: int | None) -> Iterator[Outcome]:
    """One case after another in this process."""
    for case in cases:
        yield run_case(case.number, case.scenario.to_json(), str(folder), case.stem, threads)


def run_on_dask(cases: list[Case], folder: Path, scheduler: str) -> Iterator[Outcome]:
    """Cases as Dask tasks, in the order they end; a case that kills its workers is a failed case.

    Raises
    ------
    SweepError
        If the scheduler does not answer.
    MissingExtraError
        If distributed is not installed.
    """
    try:
        with connected(scheduler) as client:
            yield from _outcomes(client, cases, folder)
    except KeyboardInterrupt:
        if scheduler == "local":  # its workers are dead by now, and what they were writing is of no use
            from cosim.results.segments import parts_folder

            for case in cases:
                shutil.rmtree(parts_folder(folder / f"{case.stem}.h5"), ignore_errors=True)
        raise


def _outcomes(client: Client, cases: list[Case], folder: Path) -> Iterator[Outcome]:
    """Outcomes of cases on a cluster, in the order they end."""
    from distributed import as_completed

    futures = {
        client.submit(
            run_case, case.number, case.scenario.to_json(), str(folder), case.stem, 1,
            key=case.stem, pure=False,
        ): case
        for case in cases
    }  # fmt: skip
    for future in as_completed(list(futures), raise_errors=False):
        case = futures[future]
        error = future.exception()
        if error is None:
            yield future.result()
        else:  # the worker died under it too often, or could not even start it
            yield Outcome(case.number, "failed", f"{type(error).__name__}: {error}", {})
        future.release()


@contextlib.contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """A Dask client: of processes of this machine (``local``), or at an address."""
    try:
        import dask

        dask.config.set({"logging.distributed": "critical"})  # read when distributed is imported
        import distributed
    except ImportError:
        raise MissingExtraError(
            Problem(
                "needs the extra 'sweep': pip install 'msa-cosim[sweep]'", key="--scheduler", value=scheduler
            )
        ) from None
    if scheduler == "local":
        dask.config.set({"distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical"})
        cluster = distributed.LocalCluster(
            processes=True,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            preload=[DEAF_TO_CTRL_C],
            # Workers hold one thread each; without this every one of them would start Numba's full pool. Not by
            # pre-spawn-environ: that would change the caller's own environment, and Numba there would not have it.
            env={"NUMBA_NUM_THREADS": "1"},
        )
        with cluster, distributed.Client(cluster) as client:
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise SweepError(
            Problem(
                f"no Dask scheduler answered within {CONNECT_SECONDS} s ({type(error).__name__}); "
                "start one with 'dask scheduler' and give its address, or use 'local'",
                key="--scheduler",
                value=scheduler,
            )
        ) from None
    with client:
        yield client
