"""Feeder-years without a power flow, shared among processes or a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cosim.sweeps.runner import connected

if TYPE_CHECKING:
    from cosim.devices.protection import Protection
    from cosim.feeder.feeder import Feeder
    from cosim.reliability.draws import Rates
    from cosim.reliability.history import History

YEARS_A_TASK = 25


def run_years(
    feeder: Feeder,
    protection: Protection,
    rates: Rates,
    years: int,
    seed: int,
    *,
    storms: bool = False,
    scheduler: str | None = None,
    years_a_task: int = YEARS_A_TASK,
    progress: Callable[[int, int], None] | None = None,
) -> History:
    """Interruptions over many years; the same for any number of workers and any length of a task.

    Parameters
    ----------
    feeder, protection, rates, seed, storms
        As for `cosim.reliability.history.run_events`.
    years
        How many.
    scheduler
        None runs here; ``"local"`` starts a process for each core; anything else is the address of a Dask scheduler.
    years_a_task
        What a worker takes at a time.
    progress
        Called with (years done, years in all).

    Raises
    ------
    SweepError
        The scheduler does not answer.
    MissingExtraError
        distributed is not installed.
    """
    from cosim.reliability.event_physics import FaultedGrid
    from cosim.reliability.history import History, run_events

    parts: list[History] = []
    tasks = [range(start, min(start + years_a_task, years)) for start in range(0, years, years_a_task)]

    def keep(part: History) -> None:
        parts.append(part)
        if progress is not None:
            progress(sum(len(one.years) for one in parts), years)

    if scheduler is None:
        grid = FaultedGrid(feeder, feeder.compile(), protection)
        for task in tasks:
            keep(run_events(feeder, protection, rates, task, seed, storms=storms, grid=grid))
    else:
        for part in _on_dask(feeder, protection, rates, tasks, seed, storms, scheduler):
            keep(part)
    return History.joined(parts)


def _on_dask(
    feeder: Feeder,
    protection: Protection,
    rates: Rates,
    tasks: list[range],
    seed: int,
    storms: bool,
    scheduler: str,
) -> Iterator[History]:
    """Histories of tasks, in the order they end."""
    with connected(scheduler) as client:
        from distributed import as_completed

        [shared] = client.scatter([(feeder, protection, rates)], broadcast=True)
        futures = [client.submit(_task, shared, list(task), seed, storms, pure=False) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
            future.release()


def _task(shared: tuple[Feeder, Protection, Rates], years: list[int], seed: int, storms: bool) -> History:
    from cosim.reliability.history import run_events

    return run_events(*shared, years, seed, storms=storms)
