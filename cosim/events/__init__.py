"""The clock and its processes."""

from cosim.events import control_processes as control_processes
from cosim.events import hazard_processes as hazard_processes
from cosim.events import processes as processes
from cosim.events import transfer_processes as transfer_processes
from cosim.events.environment import Environment, Priority, Snapshot
from cosim.events.log import EventLog, EventRecord
from cosim.events.physics import Act, Action, Crossing, Operation, Physics, Watch

__all__ = [
    "Act",
    "Action",
    "Crossing",
    "Environment",
    "EventLog",
    "EventRecord",
    "Operation",
    "Physics",
    "Priority",
    "Snapshot",
    "Watch",
]
