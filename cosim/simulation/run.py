"""A whole run: clock, physics, writer and progress; the one function behind ``cosim run``."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cosim.errors import InterruptedRun, ResultsError
from cosim.events.environment import Environment
from cosim.events.log import EventLog
from cosim.outputs import output_file
from cosim.results import Results, RunWriter, open_results
from cosim.results.record import RecordPlan, RunInfo
from cosim.scenario.loading import input_files
from cosim.simulation.assembly import Study, assemble
from cosim.simulation.car_days import CarDays
from cosim.simulation.comfort import Comfort
from cosim.simulation.control_record import ControlRecord, work_columns
from cosim.simulation.inverters import effect, inverter_table
from cosim.simulation.jaws import jaw_columns
from cosim.simulation.physics import BLOCK_STEPS, StudyPhysics
from cosim.simulation.recording import bus_table, step_block
from cosim.simulation.state import Block
from cosim.simulation.story import start_processes
from cosim.simulation.unsettled import Unsettled
from cosim.simulation.worst import Worst
from cosim.studies import der_placement
from cosim.studies.site_rules import as_columns, largest_fault

if TYPE_CHECKING:
    from cosim.scenario import Scenario

DAY_US = 86_400_000_000
VERSIONED = ("msa-cosim", "numpy", "scipy", "numba", "pandapower", "simpy", "h5py", "pvlib")

Progress = Callable[[int, int], None]


def run(
    scenario: Scenario,
    out: str | Path | None = None,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
    block_steps: int = BLOCK_STEPS,
) -> Results:
    """Run a scenario and write its result file.

    Parameters
    ----------
    scenario
        Checked scenario.
    out
        Result file; by default named after the title, in the working folder.
    progress
        Called with (steps done, steps in all) now and then.
    threads
        Threads of the kernels, all cores by default; 1 uses the serial twins.
    block_steps
        Steps computed together. Results depend neither on it nor on `threads`.

    Returns
    -------
    Results
        The finished file, open.

    Raises
    ------
    InputError
        If the scenario's feeder, library entries or files cannot be used; nothing is written then.
    InterruptedRun
        After Ctrl-C; names the partial file.

    Examples
    --------
    >>> import cosim
    >>> scenario = cosim.Scenario.load("fault-duty", overrides={"feeder.homes": 12})
    >>> results = cosim.run(scenario, "fault-duty.h5")  # doctest: +SKIP
    """
    named = out if out is not None else f"{_slug(scenario.title) or 'run'}.h5"
    target = output_file(named, input_files(scenario), ResultsError)
    with _threads(threads):
        parallel = threads != 1
        study = assemble(scenario, parallel=parallel)
        plan = RecordPlan(scenario.record_interval_us, study.full_rows, scenario.record.quantize)
        tables = study.home_table(), study.transformer_table(), study.feeder_map()
        others = bus_table(study), inverter_table(study.inverters, study.population)
        with RunWriter(target, _info(study), *tables, plan, *others) as writer:
            try:
                _simulate(study, writer, progress, parallel=parallel, block_steps=block_steps)
                done = writer.finish()
            except KeyboardInterrupt:
                raise InterruptedRun(writer.abandon()) from None
            except BaseException:
                writer.abandon()  # what was done is kept, whatever stopped it
                raise
        return open_results(done)


def _simulate(
    study: Study, writer: RunWriter, progress: Progress | None, *, parallel: bool, block_steps: int
) -> None:
    worst, controls, cars = Worst(study), ControlRecord(study.controls), CarDays(study)
    comfort, log = Comfort(study.homes), EventLog()
    log.listen(lambda event: writer.event(*event))
    unsettled = Unsettled(log, study.compiled.circuit.nodes)
    done = 0

    def record(block: Block, count: int) -> None:
        nonlocal done
        steps = step_block(study, block, count)
        writer.write(steps)
        worst.watch(steps)
        comfort.watch(steps)
        unsettled.watch(block, count)
        cars.watch(block, count)
        controls.watch(physics.state.setting, int(block.plan.start_us[0]))
        done += count
        if progress is not None:
            progress(min(block.plan.first_step + count, study.scenario.steps), study.scenario.steps)

    physics = StudyPhysics(study, record, parallel=parallel, block_steps=block_steps)
    env = Environment(physics, log)
    start_processes(env, study, physics.without_voltage())
    for day_us in range(0, study.scenario.duration_us, DAY_US):
        worst.remember(env.snapshot(), physics.snapshot())
        # A day's end never splits a step: the step divides a day.
        env.run_until(min(day_us + DAY_US, study.scenario.duration_us))
        if day_us + DAY_US < study.scenario.duration_us:
            writer.commit()
    for name, (kind, time_us, values) in physics.studied.items():
        writer.study(name, time_us, values, kind)
    if physics.sunniest.time_us >= 0:
        sun = physics.sunniest
        found = effect(
            study.compiled, physics.network(sun.grid), sun, study.nominal_v, study.scenario.tolerance_pu
        )
        writer.study("inverter_effect", sun.time_us, found, "inverter_effect")
    site = study.site(largest_fault(physics.studied))
    if study.scenario.utility is not None or site.findings:
        writer.study("site_rules", 0, as_columns(site, study.home_names), "site_rules")
    if len(placement := study.placement()):
        writer.study(
            "der_placement", 0, der_placement.as_columns(placement, study.home_names), "der_placement"
        )
    if (indoors := comfort.columns(study.home_names)) is not None:
        writer.study("comfort", 0, indoors, "comfort")
    if study.jaws:
        writer.study("aged_jaws", 0, jaw_columns(study.jaws, study.population), "aged_jaws")
    if len(study.cars.home):
        writer.study("car_days", 0, cars.columns(), "car_days")
    if len(study.controls):
        writer.study("control_positions", 0, controls.columns(), "control_positions")
        writer.study("control_work", 0, work_columns(physics.work), "control_work")
    for window in worst.windows(parallel=parallel, block_steps=block_steps):
        writer.window(*window)


def _info(study: Study) -> RunInfo:
    scenario = study.scenario
    return RunInfo(
        title=scenario.title,
        scenario_json=scenario.to_json(),
        seed=scenario.seed,
        step_s=scenario.step_us / 1e6,
        duration_s=scenario.duration_us / 1e6,
        start=scenario.start.isoformat(),
        timezone=scenario.timezone,
        feeder=study.feeder.name,
        feeder_digest=study.feeder.digest(),
        versions={name: importlib.metadata.version(name) for name in VERSIONED},
        library=study.library,
    )


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Limit Numba's threads for a while."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(count, before) if count else before)
    try:
        yield
    finally:
        numba.set_num_threads(before)
