"""A whole run: clock, physics, writer and progress; the one function behind ``cosim run``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cosim.errors import InterruptedRun, Problem, ResultsError
from cosim.events.environment import Environment
from cosim.events.log import EventLog
from cosim.outputs import output_file
from cosim.results import Results, RunWriter, open_results
from cosim.results.record import RecordPlan, RunInfo
from cosim.results.resumption import require_interrupted
from cosim.scenario.files import input_files
from cosim.simulation.ahead import compiling_ahead
from cosim.simulation.assembly import Study, assemble
from cosim.simulation.inverters import inverter_table
from cosim.simulation.observers import Observers
from cosim.simulation.physics import BLOCK_STEPS, StudyPhysics
from cosim.simulation.recording import bus_table
from cosim.simulation.state import Block
from cosim.simulation.story import start_processes
from cosim.simulation.tables import feeder_map, home_table, transformer_table

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
    resume: bool = False,
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
    resume
        Whether to go on after the last checkpoint of a run of the same scenario into the same file that was
        interrupted in whatever way. The finished file is the same, byte for byte.

    Returns
    -------
    Results
        The finished file, open.

    Raises
    ------
    InputError
        If the scenario's feeder, library entries or files cannot be used; nothing is written then. With
        `resume`, if there is nothing to resume, or it was made with another scenario, feeder, library or versions.
    InterruptedRun
        After Ctrl-C; names the partial file. What `resume` needs stays beside it.

    Examples
    --------
    >>> import cosim
    >>> scenario = cosim.Scenario.load("fault-duty", overrides={"feeder.homes": 12})
    >>> results = cosim.run(scenario, "fault-duty.h5")  # doctest: +SKIP
    """
    named = out if out is not None else f"{_slug(scenario.title) or 'run'}.h5"
    target = output_file(named, input_files(scenario), ResultsError)
    if resume:
        require_interrupted(target)
    with _threads(threads), compiling_ahead(threads != 1):
        parallel = threads != 1
        study, inputs = assemble(scenario, parallel=parallel), _inputs(scenario)
        plan = RecordPlan(scenario.record_interval_us, study.full_rows, scenario.record.quantize)
        tables = home_table(study), transformer_table(study), feeder_map(study)
        others = bus_table(study), inverter_table(study.inverters, study.population)
        with RunWriter(target, _info(study), *tables, plan, *others, resume=resume) as writer:
            if resume:
                _require_same(writer.saved["inputs"], inputs)
            try:
                _simulate(study, writer, progress, inputs=inputs, parallel=parallel, block_steps=block_steps)
                done = writer.finish()
            except KeyboardInterrupt:
                raise InterruptedRun(writer.abandon(), writer.resumable) from None
            except BaseException:
                writer.abandon()  # what was done is kept, whatever stopped it
                raise
        return open_results(done)


def _simulate(
    study: Study,
    writer: RunWriter,
    progress: Progress | None,
    *,
    inputs: dict[str, str],
    parallel: bool,
    block_steps: int,
) -> None:
    saved, scenario = writer.saved, study.scenario
    log = EventLog() if saved is None else EventLog(saved["clock"]["next_record"])
    log.listen(lambda event: writer.event(*event))
    observers = Observers(study, log, writer)

    def record(block: Block, count: int) -> None:
        observers.watch(physics, block, count)
        if progress is not None:
            progress(min(block.plan.first_step + count, scenario.steps), scenario.steps)

    physics = StudyPhysics(study, record, parallel=parallel, block_steps=block_steps)
    if saved is None:
        env = Environment(physics, log)
        start_processes(env, study, physics.without_voltage())
    else:
        physics.take_up(saved["physics"])
        observers.take_up(saved["observers"])
        env = Environment.restore(saved["clock"], physics, log)
    begun_us = env.now if saved is not None else -1
    # An end of a day or of a checkpoint's interval never splits a step: the step divides both.
    for start_us in range(env.now, scenario.duration_us, scenario.checkpoint_us):
        clock, standing = env.snapshot(), physics.checkpoint()
        if start_us > begun_us:
            checkpoint = {
                "clock": clock, "physics": standing, "observers": observers.checkpoint(), "inputs": inputs,
            }  # fmt: skip
            writer.commit(checkpoint, kept=observers.worst.asked and start_us % DAY_US == 0)
        env.run_until(min(start_us + scenario.checkpoint_us, scenario.duration_us))
    observers.record_tables(physics, env)
    observers.record_windows(writer.checkpoint_at, parallel=parallel, block_steps=block_steps)


def _inputs(scenario: Scenario) -> dict[str, str]:
    """Digests of the files that a run reads, by name; what the scenario's own says stands in the scenario."""
    found = {}
    for file in input_files(scenario):
        if str(file) != scenario.written()[0] and file.is_file():
            with file.open("rb") as content:
                found[str(file)] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


def _require_same(was: dict[str, str], now: dict[str, str]) -> None:
    """Refuse to go on with other contents of files."""
    changed = [file for file in was.keys() | now.keys() if was.get(file) != now.get(file)]
    if changed:
        message = "has changed since the run was begun; set it back, or run without --resume"
        raise ResultsError([Problem(message, file=file) for file in sorted(changed)])


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
