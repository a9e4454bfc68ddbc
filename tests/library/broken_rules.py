"""A scenario whose utility does not approve one of its adapters and asks for another socket."""

from __future__ import annotations

BROKEN_RULES = """
start = 2026-07-14T00:00:00
duration = "10 min"
utility = "pseg"
[feeder]
homes = 24
[homes.backup]
share = 0.25
adapter = "tesla-backup-switch"
socket = "ringless-320"
[homes.solar]
share = 0.25
adapter = "connectder-solar-60"
socket = "ringless-200"
"""
