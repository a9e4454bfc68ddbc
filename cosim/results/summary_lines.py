"""Lines of the summary of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosim.results import layout

if TYPE_CHECKING:
    from cosim.results.summary import Summary


def heat_line(s: Summary) -> str:
    """Hottest adapter against the rise allowed."""
    if s.heat is None:
        return "Heat: no adapter was simulated"
    margin = s.heat_margin_k
    verdict = f"{margin:.1f} K below" if margin >= 0 else f"{-margin:.1f} K ABOVE"
    return (
        f"Hottest adapter: {s.heat.item}, {s.heat.what} {s.heat.value:.1f} K over air, "
        f"{verdict} the limit of {s.heat.limit:.0f} K ({s.heat.time}); "
        f"homes over a limit: {s.homes_over_heat_limit} of {s.adapters}"
    )


def temperature_line(s: Summary) -> str:
    """Highest temperature against its material."""
    if s.temperature is None:
        return "Temperature: no adapter was simulated"
    allowed = s.temperature.limit
    limit = "material limit unknown" if np.isnan(allowed) else f"{allowed:.0f} °C allowed"
    if not np.isnan(s.material_margin_k):
        limit = f"least margin of any part to its material's limit {s.material_margin_k:.0f} K"
    return (
        f"Highest temperature: {s.temperature.value:.1f} °C at {s.temperature.item}, {limit} "
        f"({s.temperature.time}); homes over a known material limit: {s.homes_over_temperature_limit}"
    )


def fault_line(s: Summary) -> str:
    """Worst socket against its rating."""
    if s.fault is None:
        return "Fault current: not studied"
    rating = "rating unknown" if np.isnan(s.fault.limit) else f"rating {s.fault.limit:,.0f} A"
    return (
        f"Fault current: worst socket {s.fault.item} {s.fault.value:,.0f} A, {rating} ({s.fault.what}); "
        f"over rating: {s.sockets_over_rating}, unknown: {s.sockets_of_unknown_rating} of {s.homes}{_alone(s)}"
    )


def _alone(s: Summary) -> str:
    """How many sockets are within a rating that is not all of what stands there."""
    if not s.sockets_breaker_only:
        return ""
    return f", within the breaker's rating alone (the adapter's is not known): {s.sockets_breaker_only}"


def service_line(s: Summary) -> str:
    """Fullest service."""
    if s.service is None:
        return "Service current: nothing was simulated"
    rating = "rating unknown" if np.isnan(s.service.limit) else f"of {s.service.limit:.0f} A"
    return (
        f"Service current: {s.service.value:.0f} A {rating} at {s.service.item} ({s.service.time}); "
        f"homes over their rating: {s.homes_over_service_rating}"
    )


def voltage_line(s: Summary) -> str:
    """Range of voltages, and unbalance."""
    if s.low_voltage is None or s.high_voltage is None:
        return "Voltage: no home with a known nominal voltage was energised"
    return (
        f"Voltage: {s.low_voltage.value:.3f} pu ({s.low_voltage.item}) to {s.high_voltage.value:.3f} pu "
        f"({s.high_voltage.item}); homes outside {layout.ANSI_LOW_PU:.2f}-{layout.ANSI_HIGH_PU:.2f}: "
        f"{s.homes_outside_voltage}, for {s.home_hours_outside_a:.3g} home-hours{_unbalance_part(s)}"
    )


def _unbalance_part(s: Summary) -> str:
    return f"; unbalance {100 * s.unbalance.value:.2g} % ({s.unbalance.item})" if s.unbalance else ""


def back_line(s: Summary) -> str:
    """What flowed back at the head."""
    if s.head_back is None:
        return f"Backfeed at the head: none{_phase_part(s)}; homes that fed back: {s.homes_back}"
    return (
        f"Backfeed at the head: {s.head_back_wh / 1e3:,.1f} kWh, peak {s.head_back.value / 1e3:,.1f} kW "
        f"({s.head_back.time}){_phase_part(s)}; homes that fed back: {s.homes_back}"
    )


def _phase_part(s: Summary) -> str:
    return f", phase {s.phase_back.item} {s.phase_back.value / 1e3:,.1f} kW" if s.phase_back else ""


def transformer_back_line(s: Summary) -> str:
    """What flowed back through service transformers."""
    if s.transformer_back is None:
        return "Backfeed through service transformers: none"
    back = s.transformer_back
    peak = f"{back.value / 1e3:,.1f} kW"
    return f"Backfeed through service transformers: worst {back.item}, peak {peak} ({back.time})"


def load_line(s: Summary) -> str:
    """Fullest transformer and line."""
    if s.transformer_load is None:
        return "Service transformers: none"
    load = s.transformer_load
    return (
        f"Service transformers: most loaded {load.item} at {load.value * 100:.0f} % ({load.time}); "
        f"over rating: {s.transformers_over_rating}{_line_part(s)}"
    )


def _line_part(s: Summary) -> str:
    if s.line_load is None:
        return "; no line with a rating"
    load = s.line_load
    return (
        f"; lines: {load.item} at {load.value * 100:.0f} % ({load.time}), over rating: {s.lines_over_rating}"
    )


def solver_line(s: Summary) -> str:
    """How the power flow went."""
    state = "" if s.status == "complete" else "; PARTIAL: the run was interrupted"
    if s.unconverged_steps:
        return (
            f"Steps: {s.steps:,}, of which {s.unconverged_steps:,} did NOT converge and are left out{state}"
        )
    newton = f", {s.newton_steps:,} by Newton's method" if s.newton_steps else ""
    return f"Steps: {s.steps:,}, all converged{newton}{state}"
