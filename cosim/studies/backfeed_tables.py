"""Tables of the result file from studies of sources that nothing isolates, see `cosim.results.layout`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cosim.studies.backfeed_hazard import BackfeedHazard

LATE_S = 10.0


def backfeed_tables(found: Sequence[BackfeedHazard], adapters: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``backfeed_hazard``, ``backfeed_decay`` and ``backfeed_energised`` as columns, homes in the order given."""
    hazard = [_hazard(one, adapter) for one, adapter in zip(found, adapters, strict=True)]
    decay = [{"home": one.home, **row} for one in found if not one.isolated for row in one.table()]
    live = [
        {"home": one.home, "what": what, "name": name, "voltage_v": float(volts)}
        for one in found
        for what, names, values in (("conductor", one.nodes, one.node_v), ("home", one.homes, one.home_v))
        for name, volts in zip(names, values, strict=True)
    ]
    decay_keys = (
        "home",
        "seconds",
        "source_a",
        "source_v",
        "primary_v",
        "transformer_a",
        "line_a",
        "contact_a",
    )
    return {
        "backfeed_hazard": {key: [row[key] for row in hazard] for key in hazard[0]},
        "backfeed_decay": {key: [row[key] for row in decay] for key in decay_keys},
        "backfeed_energised": {
            key: [row[key] for row in live] for key in ("home", "what", "name", "voltage_v")
        },
    }


def _hazard(one: BackfeedHazard, adapter: str) -> dict[str, Any]:
    return {
        "home": one.home,
        "source": one.source,
        "adapter": adapter,
        "isolated": int(one.isolated),
        "hazard": one.hazard,
        "energised_nodes": len(one.nodes),
        "energised_homes": len(one.homes),
        "source_a": float(one.source_a[0]),
        "source_v": float(one.source_v[0]),
        "primary_v": float(one.primary_v[0]),
        "transformer_a": float(one.transformer_a[0]),
        "contact_a": float(one.contact_a[0]),
        "contact_node": one.contact_node,
        "late_contact_a": float(np.interp(LATE_S, one.seconds, one.contact_a)),
        "breaker_s": one.breaker_s,
        "fuse_a": one.fuse,
        "fuse_s": one.fuse_s,
        "rejection_pu": 0.0 if one.isolated else one.rejection.pu,
    }
