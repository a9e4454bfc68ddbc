"""Running statistics of a run: the open recording interval, and totals of the whole run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cosim.results import kernels, layout
from cosim.results.layout import Variable
from cosim.results.record import Array, Float, Int, StepBlock, quantised
from cosim.saving import attributes, set_attributes

JOULE_PER_WH = 3600.0
GIVEN = ("_nominal_v",)  # of the totals, by who makes them


class Envelope:
    """Minimum, duration-weighted mean, maximum and its time, for quantities of one kind of item."""

    def __init__(self, quantities: tuple[Variable, ...], items: int) -> None:
        self.quantities = quantities
        shape = (len(quantities), items)
        self.low, self.high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self.total, self.weight = np.zeros(shape), np.zeros(shape)
        self.when = np.full(shape, layout.NO_TIME, np.int64)

    def add(
        self,
        values: Mapping[str, Float],
        first: int,
        last: int,
        start_us: Int,
        seconds: Float,
        use: NDArray[np.bool_],
    ) -> None:
        """Take in steps first..last-1 of a block, those marked in `use`."""
        for k, q in enumerate(self.quantities):
            kernels.accumulate(
                values[q.name], first, last, start_us, seconds, use, q.energised,
                self.low[k], self.high[k], self.total[k], self.weight[k], self.when[k],
            )  # fmt: skip

    def row(self, quantise: bool) -> dict[str, Array]:
        """One row of every envelope dataset: (1, items, statistic) and (1, items)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.total / self.weight
        present = self.weight > 0
        row: dict[str, Array] = {}
        for k, q in enumerate(self.quantities):
            # a rounded sum may leave the mean an ulp outside what it is the mean of
            inside = np.clip(mean[k], self.low[k], self.high[k])
            values = np.stack([self.low[k], inside, self.high[k]], axis=-1)
            values[~present[k]] = np.nan
            statistic, time = layout.envelope(q)
            row[statistic.name] = quantised(values, statistic, quantise)[np.newaxis]
            row[time.name] = self.when[k].copy()[np.newaxis]
        return row

    def state(self) -> dict[str, Array]:
        """Everything it holds, by name."""
        return {name: getattr(self, name) for name in ("low", "high", "total", "weight", "when")}


class OpenInterval:
    """The recording interval that steps are being taken into.

    Parameters
    ----------
    sizes
        Number of items of each kind in `layout.ENVELOPES`.
    """

    def __init__(self, sizes: Mapping[str, int], index: int = -1) -> None:
        self.index = index
        self.parts = {
            item: Envelope(quantities, sizes[item]) for item, (_, quantities) in layout.ENVELOPES.items()
        }
        self.simulated_s = np.zeros(1)
        self.faulted_s = np.zeros(1)
        self.unconverged = np.zeros(1, np.int64)

    def add(self, block: StepBlock, first: int, last: int) -> None:
        """Take in steps first..last-1 of a block; one that did not converge, or of a short circuit, is only counted."""
        steps = (block.start_us, block.seconds, block.usual)
        for item, part in self.parts.items():
            part.add(block.items(item), first, last, *steps)
        for s in range(first, last):
            if not block.converged[s]:
                self.unconverged[0] += 1
            elif block.faulted[s]:
                self.faulted_s[0] += block.seconds[s]
            else:
                self.simulated_s[0] += block.seconds[s]

    def rows(self, interval_us: int, quantise: bool) -> dict[str, Array]:
        """Its row in every dataset that grows by interval, by path in the file."""
        rows: dict[str, Array] = {
            "interval": np.array([self.index * interval_us], np.int64),
            "intervals/simulated_s": self.simulated_s.copy(),
            "intervals/faulted_s": self.faulted_s.copy(),
            "intervals/unconverged_steps": self.unconverged.copy(),
        }
        for item, part in self.parts.items():
            path = layout.ENVELOPES[item][0].path
            rows |= {f"{path}/{name}": row for name, row in part.row(quantise).items()}
        return rows

    def state(self) -> dict[str, Array]:
        """Everything it holds, by name."""
        return {
            "index": np.array([self.index]),
            "simulated_s": self.simulated_s,
            "faulted_s": self.faulted_s,
            "unconverged": self.unconverged,
            **{
                f"{item}_{name}": value
                for item, part in self.parts.items()
                for name, value in part.state().items()
            },
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Array]) -> OpenInterval:
        """The interval whose `state` this is."""
        sizes = {item: state[f"{item}_low"].shape[1] for item in layout.ENVELOPES}
        interval = cls(sizes, int(state["index"][0]))
        for name, own in interval.state().items():
            if name != "index":
                own[...] = state[name]
        return interval


def _nothing_yet(count: int) -> tuple[Float, Float, Int]:
    """Energy, peak and time of the peak of so many items."""
    return np.zeros(count), np.zeros(count), np.full(count, layout.NO_TIME, np.int64)


class Totals:
    """What flowed back, what inverters gave, how long homes were dead or out of range, over the run so far.

    `nominal_v` (homes,) is NaN where it is not known.
    """

    def __init__(self, homes: int, transformers: int, inverters: int, nominal_v: Float) -> None:
        counts = {"home_": homes, "transformer_": transformers, "phase_": len(layout.PHASES), "head_": 1}
        self._back = {prefix: _nothing_yet(n) for prefix, n in counts.items()}
        self._inverter = {v.name: _nothing_yet(inverters) for v in layout.INVERTER_ENERGY.variables}
        self._dead_s = np.zeros(homes)
        self._nominal_v = np.ascontiguousarray(nominal_v, np.float64)
        self._outside: dict[str, tuple[float, float, Float]] = {
            "a": (layout.ANSI_LOW_PU, layout.ANSI_HIGH_PU, np.zeros(homes)),
            "b": (layout.ANSI_B_LOW_PU, layout.ANSI_B_HIGH_PU, np.zeros(homes)),
        }

    def add(self, block: StepBlock) -> None:
        """Take in a block; steps that did not converge are left out, those of a short circuit count
        in energy of inverters and dead time alone."""
        usual = block.usual
        power = {
            "home_": block.home["service_power_w"],
            "transformer_": block.transformer["power_w"],
            "phase_": np.stack([block.feeder[f"power_{phase}_w"] for phase in layout.PHASES], axis=1),
            "head_": block.feeder["power_w"][:, np.newaxis],
        }
        for prefix, back in self._back.items():
            kernels.accumulate_back(power[prefix], block.start_us, block.seconds, usual, *back)
        power_w, var, held_w = (block.inverter[q.name] for q in layout.INVERTER_QUANTITIES)
        for values, total in zip((-power_w, -held_w, var, -var), self._inverter.values(), strict=True):
            kernels.accumulate_back(values, block.start_us, block.seconds, block.converged, *total)
        legs = block.home["voltage_l1_v"], block.home["voltage_l2_v"]
        kernels.accumulate_dead(legs[0], block.seconds, block.converged, self._dead_s)
        for low, high, outside_s in self._outside.values():
            kernels.accumulate_outside(*legs, self._nominal_v, low, high, block.seconds, usual, outside_s)

    def state(self) -> dict[str, object]:
        """Everything it holds, by name."""
        return attributes(self, GIVEN)

    def take_up(self, state: Mapping[str, object]) -> None:
        """Hold what `state` of another gave."""
        set_attributes(self, state, GIVEN)

    def datasets(self) -> dict[str, Array]:
        """The datasets of the groups `backfeed`, `inverter_energy`, `supply` and `ansi`, by path in the file."""
        out: dict[str, Array] = {"supply/unsupplied_s": self._dead_s.copy()}
        for name, (energy_j, _, _) in self._inverter.items():
            out[f"{layout.INVERTER_ENERGY.path}/{name}"] = energy_j / JOULE_PER_WH
        out |= {f"ansi/outside_{name}_s": part[2].copy() for name, part in self._outside.items()}
        for prefix, (energy_j, peak_w, when) in self._back.items():
            values = (energy_j / JOULE_PER_WH, peak_w.copy(), when.copy())
            for name, value in zip(("energy_wh", "peak_w", "time_of_peak"), values, strict=True):
                out[f"backfeed/{prefix}{name}"] = value[0] if prefix == "head_" else value
        return out
