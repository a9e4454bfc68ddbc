"""The clock and its processes."""

from cosim.events import processes as processes
from cosim.events.environment import Environment, Priority, Snapshot
from cosim.events.log import EventLog, EventRecord
from cosim.events.physics import Act, Action, Crossing, Physics, Watch

__all__ = [
    "Act",
    "Action",
    "Crossing",
    "Environment",
    "EventLog",
    "EventRecord",
    "Physics",
    "Priority",
    "Snapshot",
    "Watch",
]
