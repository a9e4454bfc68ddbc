"""How hot a glowing jaw makes its blade, and how soon: the glow branch in the adapter's own heat network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.integrate import solve_ivp

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.errors import ConvergenceError
from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import METER_BLADES, ageing_joints, constants, load_contact, values
from cosim.thermal.contact_ageing import METER
from cosim.thermal.limits import steady_state
from cosim.thermal.network import Float, heat_network

LAB_C = (
    538.0  # 1,000 degF: a stab in a jaw with a gap of 0.25 mm, "in a few minutes" (TESCO Metering, MEA 2018)
)
STEP_S = 10.0


@dataclass(frozen=True)
class GlowRun:
    """A glow at constant current, from rest at that current with sound contacts elsewhere.

    Parameters
    ----------
    amp, glow_w
        Current and heat of the glow.
    seconds
        (steps,) times.
    blade_c, patch_c
        (steps,) the blade as a lump, and its surface where the glow stands.
    meter_c
        (steps,) the meter's inside.
    """

    amp: float
    glow_w: float
    seconds: Float
    blade_c: Float
    patch_c: Float
    meter_c: Float

    def time_to(self, limit_c: float = LAB_C) -> float:
        """Seconds until the patch passes a temperature, infinite if it does not."""
        above = np.flatnonzero(self.patch_c >= limit_c)
        return float(self.seconds[above[0]]) if len(above) else np.inf


def glow_run(
    entry: AdapterEntry,
    amp: float,
    *,
    hours: float = 4.0,
    ambient_c: float = 25.0,
    changed: Mapping[str, float] | None = None,
) -> GlowRun:
    """Let the first jaw on the meter's blade glow at a current.

    Parameters
    ----------
    entry
        Adapter with a meter.
    changed
        Numbers of the contact entry to replace, such as ``{"glow_exponent_above": 1.0}``.

    Notes
    -----
    Half of the heat enters each side. The patch stands above its blade by the spreading resistance of a disc on a
    half space, 1 / (4 k r). The network's laws are carried far above where plastics char: an upper structure that no
    longer holds is not modelled.
    """
    network = heat_network(entry)
    joint = next(j for j in ageing_joints(entry, network) if j.at_meter)
    contact = load_contact(joint.contact)
    c = constants(contact, changed)
    number = {**values(contact), **(changed or {})}
    watt = float(laws.glow_w(c, amp))
    loss = network.loss_w.copy()
    for node in joint.nodes:
        loss[node] += 0.5 * watt
    i2 = np.array([amp**2] * 4 + [0.0, 0.0])
    glowing = replace(network, loss_w=loss)  # one leg alone: no fleet, whose legs mirror each other
    start = steady_state(network, i2, ambient_c)
    seconds = np.arange(1, round(hours * 3600.0 / STEP_S) + 1, dtype=float) * STEP_S

    def rate(_: float, temperature_c: Float) -> Float:
        heat = glowing.heating_w(temperature_c, i2) - glowing.outflow_w(temperature_c, ambient_c)
        return np.asarray(heat / glowing.capacity_j_per_k)

    found = solve_ivp(rate, (0.0, float(seconds[-1])), start, "BDF", seconds, rtol=1e-5, atol=1e-3)
    if not found.success:
        raise ConvergenceError(f"heat of a glowing jaw at {amp:g} A", np.nan)
    run: Float = found.y.T
    blade = network.names.index(f"l1.{METER_BLADES}")
    metal = library.load("materials", entry.heat.parts[METER_BLADES].material)
    spreading = 1.0 / (4.0 * metal.conductivity.value * number["glow_patch_m"])
    meter_c = run[:, network.names.index(METER)]
    patch_c = np.asarray(run[:, blade] + 0.5 * watt * spreading)
    return GlowRun(amp, watt, seconds, run[:, blade], patch_c, meter_c)
