"""The scenario file: what it may say, how it is read, and whom it puts in which home."""

from cosim.scenario.schema import Scenario

__all__ = ["Scenario"]
