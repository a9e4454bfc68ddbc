"""Feeders: tables, matrices, builders and importers; `cosim.feeder.feeder.Feeder` is the door."""
