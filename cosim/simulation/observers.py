"""What watches a run step by step, and the tables that it makes of what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cosim.saving import attributes, set_attributes
from cosim.simulation.car_days import CarDays
from cosim.simulation.comfort import Comfort
from cosim.simulation.control_record import ControlRecord, work_columns
from cosim.simulation.happened import happened
from cosim.simulation.inverters import effect
from cosim.simulation.island_record import IslandRecord
from cosim.simulation.jaws import jaw_columns
from cosim.simulation.outage_record import OutageRecord
from cosim.simulation.recording import step_block
from cosim.simulation.returns import Returns
from cosim.simulation.short_circuits import ShortCircuits
from cosim.simulation.unsettled import Unsettled
from cosim.simulation.worst import Worst
from cosim.studies import der_placement
from cosim.studies.coordination import coordination
from cosim.studies.site_rules import as_columns, largest_fault

if TYPE_CHECKING:
    from cosim.events.environment import Environment
    from cosim.events.log import EventLog
    from cosim.results import RunWriter
    from cosim.simulation.assembly import Study
    from cosim.simulation.physics import StudyPhysics
    from cosim.simulation.state import Block

Table = tuple[str, int, dict[str, Any], str]


class Observers:
    """Everything that a run keeps of its steps beside the recorder.

    Each has attributes that follow from the study (its ``GIVEN``); all others stand in a checkpoint.
    """

    def __init__(self, study: Study, log: EventLog, writer: RunWriter) -> None:
        self._study, self._writer = study, writer
        self.worst = Worst(study)
        self.controls = ControlRecord(study.controls)
        self.cars = CarDays(study)
        self.comfort = Comfort(study.homes)
        self.outages = OutageRecord(study, log)
        self.returns = Returns(study)
        self.short_circuits = ShortCircuits(study)
        self.islands = IslandRecord(study)
        self.unsettled = Unsettled(log, study.compiled.circuit.nodes)

    def watch(self, physics: StudyPhysics, block: Block, count: int) -> None:
        """The first `count` steps of a block are the past."""
        faulted = self.short_circuits.watch(physics, block, count)
        steps = step_block(self._study, block, count, faulted)
        self._writer.write(steps)
        self.worst.watch(steps)
        self.comfort.watch(steps)
        whole = physics.whole()
        self.outages.watch(physics.supplied(), whole, block, count, steps)
        self.returns.watch(whole, faulted, block, count, steps)
        self.islands.watch(physics.state.sections.formed, block, count, steps)
        self.unsettled.watch(block, count)
        self.cars.watch(block, count)
        self.controls.watch(physics.state.setting, int(block.plan.start_us[0]))

    def checkpoint(self) -> dict[str, dict[str, Any]]:
        """All that they hold, in values that `cosim.saving` takes."""
        return {name: attributes(one, one.GIVEN) for name, one in self._all()}

    def take_up(self, saved: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold what a checkpoint holds."""
        for name, one in self._all():
            set_attributes(one, saved[name], one.GIVEN)

    def _all(self) -> Iterator[tuple[str, Any]]:
        return ((name, one) for name, one in vars(self).items() if not name.startswith("_"))

    def tables(self, physics: StudyPhysics, env: Environment) -> Iterator[Table]:
        """Tables of a run that has come to its end: name, time, columns and kind in `layout.STUDIES`."""
        study = self._study
        for name, (kind, time_us, values) in physics.studied.items():
            yield name, time_us, values, kind
        if physics.sunniest.time_us >= 0:
            sun = physics.sunniest
            found = effect(
                study.compiled, physics.network(sun.grid), sun, study.nominal_v, study.scenario.tolerance_pu
            )
            yield "inverter_effect", sun.time_us, found, "inverter_effect"
        site = study.site(largest_fault(physics.studied))
        if study.scenario.utility is not None or site.findings:
            yield _table("site_rules", as_columns(site, study.home_names))
        if len(placement := study.placement()):
            yield _table("der_placement", der_placement.as_columns(placement, study.home_names))
        if study.protection.devices:
            order = coordination(study.feeder, study.protection, compiled=study.compiled)
            yield _table("coordination", order.as_columns())
        if (indoors := self.comfort.columns(study.home_names)) is not None:
            yield _table("comfort", indoors)
        for kind, columns in self.outages.tables().items():
            yield _table(kind, columns)
        if (returns := self.returns.columns()) is not None:
            yield _table("returns", returns)
        if (faults := self.short_circuits.columns()) is not None:
            yield _table("short_circuits", faults)
        if (energy := self.islands.columns()) is not None:
            yield _table("island_energy", energy)
        for kind, rows in happened(env):
            yield _table(kind, rows)
        if study.jaws:
            yield _table("aged_jaws", jaw_columns(study.jaws, study.population))
        if len(study.cars.home):
            yield _table("car_days", self.cars.columns())
        if len(study.controls):
            yield _table("control_positions", self.controls.columns())
            yield _table("control_work", work_columns(physics.work))

    def record_tables(self, physics: StudyPhysics, env: Environment) -> None:
        """Write the tables of a run that has come to its end."""
        for name, time_us, values, kind in self.tables(physics, env):
            self._writer.study(name, time_us, values, kind)

    def record_windows(self, checkpoint_at: Callable[[int], Any], **how: Any) -> None:
        """Write the days of the homes that were worst, computed again."""
        for window in self.worst.windows(checkpoint_at, **how):
            self._writer.window(*window)


def _table(name: str, columns: dict[str, Any]) -> Table:
    return name, 0, columns, name
