"""Sweeps: the same scenario with many values, one result file a case and one table of all."""

from cosim.sweeps.study import SweepSummary, sweep

__all__ = ["SweepSummary", "sweep"]
