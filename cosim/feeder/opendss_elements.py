"""Sources, lines, transformers, capacitors, controls and fixed blocks of an OpenDSS circuit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cosim.electrical.circuit import Complex, Float
from cosim.electrical.elements import line_block
from cosim.electrical.transformer import TransformerData, transformer_block
from cosim.errors import FeederError, Problem
from cosim.feeder.builder import Winding
from cosim.feeder.compile import capacitor_parts
from cosim.feeder.import_report import Outcome
from cosim.feeder.opendss_session import SECONDARY_V, Reading, Seen, dotted
from cosim.feeder.tables import NAN

_BLOCKED = 1e10

SAME = 1e-6
"""Largest difference from the engine's own primitive admittance, relative, that counts as the same."""

TRANSMISSION_V = 19_000.0
"""To ground: a unit fed from above this (34.5 kV line-to-line) is a substation's."""

LEAST_OHM = 1e-7
"""Less than this would cost digits in the solution and changes no voltage that could be measured."""

_METRES = {0: 1.0, 1: 1609.344, 2: 304.8, 3: 1000.0, 4: 1.0, 5: 0.3048, 6: 0.0254, 7: 0.01, 8: 0.001}


def read_sources(reading: Reading) -> None:
    """Voltage sources with their full impedance; the EMF follows from the engine's solved state."""
    for seen in reading.elements("vsource"):
        n = seen.phases
        if any(seen.nodes[1]):
            raise FeederError(
                Problem("a source between two buses cannot be carried", key=f"vsource.{seen.name}")
            )
        element = reading.circuit.ActiveCktElement
        v, i = (
            np.asarray(flat, dtype=np.float64).view(np.complex128)
            for flat in (element.Voltages, element.Currents)
        )
        y = seen.y_siemens[:n, :n]
        if np.linalg.cond(y) > _BLOCKED:
            # A sequence without a path has no impedance matrix; a billionth of the admittance gives it one.
            y = y + np.eye(n) * np.abs(y).max() * 1e-9
            reading.report.add(
                "vsource", Outcome.CARRIED, seen.name, "blocks one sequence: given a leak of 1e-9"
            )
        z = np.linalg.inv(y)
        # the engine's terminal current is Y (V - E)
        emf = v[:n] - z @ i[:n]
        reading.builder.add_source(seen.name, seen.buses[0], dotted(seen.nodes[0][:n]), emf, z)
        reading.report.add("vsource", Outcome.CARRIED, seen.name)


def read_lines(reading: Reading) -> None:
    """Lines with the matrices the engine made of line codes, geometry and units."""
    opened = _close_lines(reading)
    lines = reading.circuit.Lines
    for seen in reading.elements("line"):
        lines.Name = seen.name
        n = seen.phases
        series = np.asarray(-seen.y_siemens[:n, n:], dtype=np.complex128)
        y: Complex = seen.y_siemens[:n, :n] - series
        z: Complex = np.linalg.inv(series).astype(np.complex128)
        if np.abs(z.diagonal()).max() < LEAST_OHM:
            z *= LEAST_OHM / np.abs(z.diagonal()).max()
            reading.report.add(
                "line impedance", Outcome.CARRIED, seen.name, f"below {LEAST_OHM:g} ohm, raised to that"
            )
        elif _difference(line_block(z, y), seen.y_siemens) > SAME:
            _fix(reading, "line", seen, "not a symmetric pi section")
            continue
        if not lines.Units:
            reading.report.add("line length", Outcome.CARRIED, seen.name, "no unit given, shown as metres")
        a, b = seen.terminals
        row = reading.builder.add_line(
            seen.name,
            a[0],
            a[1],
            b[0],
            b[1],
            z,
            y,
            length_m=max(lines.Length * _METRES[lines.Units], 1e-6),
            std_type=lines.LineCode or lines.Geometry,
            rating_a=lines.NormAmps or NAN,
            level="secondary" if reading.base_v[a[0]] < SECONDARY_V else "primary",
            cable=seen.text("LineType").lower().startswith("ug"),
            is_switch=lines.IsSwitch,
        )
        for bus, end in zip(seen.buses, (1, 2), strict=True):
            if lines.IsSwitch or (seen.name, end) in opened:
                reading.builder.add_switch(row, bus, closed=(seen.name, end) not in opened, name=seen.name)
        reading.line_ends.append((row, a[0], b[0]))
        reading.carried[f"line.{seen.name.lower()}"] = seen.nodes[0]
        reading.report.add("line", Outcome.CARRIED, seen.name)


def _close_lines(reading: Reading) -> set[tuple[str, int]]:
    """Close every line that stands open with all phases, so that its own matrices can be read."""
    opened = set()
    for seen in reading.elements("line"):
        element = reading.circuit.ActiveCktElement
        for end in (1, 2):
            states = [element.IsOpen(end, phase + 1) for phase in range(seen.phases)]
            if all(states):
                opened.add((seen.name, end))
                element.Close(end, 0)
    if opened:
        reading.circuit.Solution.BuildYMatrix(2, 0)
    return opened


def read_transformers(reading: Reading) -> None:
    """Transformers rebuilt from their nameplates and checked against the engine's own admittance."""
    controls = reading.circuit.RegControls
    regulated = set()
    for name in controls.AllNames if controls.Count else ():
        controls.Name = name
        regulated.add(controls.Transformer.lower())
    source_buses = {seen.buses[0] for seen in reading.elements("vsource")}
    for seen in reading.elements("transformer"):
        data = _nameplate(reading, seen)
        problem = "" if data is not None else "more than three windings"
        if data is not None and _scaled_difference(data, seen) > SAME:
            problem = "its nameplate does not give the engine's admittance"
        if data is None or problem:
            _fix(reading, "transformer", seen, f"{problem}; kept as a fixed block, taps cannot move")
            continue
        _add_transformer(reading, seen, data, regulated, source_buses)
        reading.report.add("transformer", Outcome.CARRIED, seen.name)


def _nameplate(reading: Reading, seen: Seen) -> TransformerData | None:
    units = reading.circuit.Transformers
    units.Name = seen.name
    windings = units.NumWindings
    if windings not in (2, 3):
        return None
    kv, r, tap, delta, neutral = [], [], [], [], []
    for number in range(1, windings + 1):
        units.Wdg = number
        coil = math.sqrt(3.0) if seen.phases > 1 and not units.IsDelta else 1.0
        kv.append(units.kV / coil)
        r.append(units.R / 100.0)
        tap.append(units.Tap)
        delta.append(bool(units.IsDelta))
        earthed = units.Rneut >= 0.0 and not units.IsDelta
        neutral.append(complex(units.Rneut, units.Xneut) if earthed else complex(NAN, NAN))
    units.Wdg = 1
    x = [units.Xhl] if windings == 2 else [units.Xhl, units.Xht, units.Xlt]
    return TransformerData(
        phases=seen.phases,
        winding_v=np.array(kv) * 1e3,
        rated_va=units.kVA * 1e3,
        r_pu=np.array(r),
        x_pu=np.array(x) / 100.0,
        tap_pu=np.array(tap),
        delta=np.array(delta),
        leading=seen.text("LeadLag").lower() in ("lead", "euro"),
        noload_loss_pu=seen.number("%NoLoadLoss") / 100.0,
        magnetising_pu=seen.number("%IMag") / 100.0,
        antifloat_ppm=seen.number("ppm_Antifloat"),
        neutral_ohm=np.array(neutral),
    )


def _add_transformer(
    reading: Reading, seen: Seen, data: TransformerData, regulated: set[str], source_buses: set[str]
) -> None:
    units = reading.circuit.Transformers
    units.Name = seen.name
    windings = []
    for number, (bus, nodes) in enumerate(seen.terminals, start=1):
        units.Wdg = number
        k = number - 1
        grounding = None if data.neutral_ohm is None or np.isnan(data.neutral_ohm[k]) else data.neutral_ohm[k]
        windings.append(
            Winding(
                bus,
                nodes,
                kv=float(data.winding_v[k]) / 1e3,
                r_percent=units.R,
                connection="delta" if data.delta[k] else "wye",
                tap_pu=units.Tap,
                tap_min_pu=units.MinTap,
                tap_max_pu=units.MaxTap,
                tap_steps=units.NumTaps,
                neutral_ohm=None if grounding is None else complex(grounding),
            )
        )
    row = reading.builder.add_transformer(
        seen.name,
        _kind(reading, seen, regulated, source_buses),
        windings,
        rated_kva=data.rated_va / 1e3,
        x_percent=[units.Xhl] if len(windings) == 2 else [units.Xhl, units.Xht, units.Xlt],
        phases=data.phases,
        noload_percent=seen.number("%NoLoadLoss"),
        imag_percent=seen.number("%IMag"),
        antifloat_ppm=data.antifloat_ppm,
        leading=data.leading,
        model=units.XfmrCode,
    )
    reading.transformers[seen.name.lower()] = row
    reading.carried[f"transformer.{seen.name.lower()}"] = seen.nodes[0]
    if seen.phases == 1 and len(windings) == 3 and seen.buses[1] == seen.buses[2]:
        reading.centre_taps[seen.buses[1]] = row


def _kind(reading: Reading, seen: Seen, regulated: set[str], source_buses: set[str]) -> str:
    volts = [reading.base_v[bus] for bus in seen.buses]
    ratio = max(volts) / max(min(volts), 1e-9)
    if seen.name.lower() in regulated and ratio < 1.2:
        return "regulator"
    if min(volts) < SECONDARY_V <= max(volts):
        return "service"
    bulk = max(volts) > TRANSMISSION_V and ratio > 1.2
    return "substation" if bulk or source_buses.intersection(seen.buses) else "other"


def read_capacitors(reading: Reading) -> dict[str, int]:
    """Capacitor banks as their steps stand; returns the shunt row of each.

    What is not a plain bank to ground of equal steps (in series, on a floating star point, with a
    reactor) becomes a fixed block.
    """
    rows = {}
    banks = reading.circuit.Capacitors
    for seen in reading.elements("capacitor"):
        banks.Name = seen.name
        steps_on = sum(state > 0 for state in banks.States)
        connection = "delta" if banks.IsDelta else "wye"
        nodes = seen.nodes[0] if banks.IsDelta else seen.nodes[0][: seen.phases]
        var_per_step = banks.kvar * 1e3 / banks.NumSteps
        rated, present = (
            capacitor_parts(nodes, connection, var_per_step, banks.kV * 1e3, steps)[
                : len(nodes), : len(nodes)
            ]
            for steps in (banks.NumSteps, steps_on)
        )
        off_by = np.abs(present - seen.y_siemens[: len(nodes), : len(nodes)]).max() / np.abs(rated).max()
        to_ground = banks.IsDelta or not any(seen.nodes[1])
        equal_steps = len(set(_numbers(seen.text("kvar")))) == 1
        if not (to_ground and equal_steps and off_by < SAME):
            _fix(reading, "capacitor", seen, "not a plain shunt bank; a fixed block, its steps cannot move")
            continue
        rows[seen.name.lower()] = reading.builder.add_capacitor(
            seen.name,
            seen.buses[0],
            dotted(nodes if banks.IsDelta else (*nodes, 0)),
            kvar=banks.kvar,
            kv=banks.kV,
            connection=connection,
            steps=banks.NumSteps,
            steps_on=steps_on,
        )
        reading.report.add("capacitor", Outcome.CARRIED, seen.name)
    return rows


def read_fixed(reading: Reading, kind: str) -> None:
    """Elements that are linear and never move: the engine's own admittance as it stands."""
    for seen in reading.elements(kind):
        _fix(reading, kind, seen, "")


def _fix(reading: Reading, kind: str, seen: Seen, note: str) -> None:
    reading.builder.add_other(f"{kind}.{seen.name}", seen.terminals, seen.y_siemens, kind=kind, note=note)
    reading.report.add(kind, Outcome.CARRIED, seen.name, note)


def _reverse_settings(seen: Seen, reversible: bool, cogeneration: bool) -> dict[str, Any]:
    return {
        "reversible": reversible,
        "cogeneration": cogeneration,
        "reverse_target_v": seen.number("RevVReg"),
        "reverse_band_v": seen.number("RevBand"),
        "reverse_r_v": seen.number("RevR"),
        "reverse_x_v": seen.number("RevX"),
        "reverse_ldc_z_v": seen.number("Rev_Z"),
        "reverse_threshold_kw": seen.number("RevThreshold"),
        "reverse_delay_s": seen.number("RevDelay"),
        "reverse_neutral": seen.flag("RevNeutral"),
    }


def read_controls(reading: Reading, shunts: dict[str, int]) -> None:
    """Settings of regulator and capacitor controls; their present taps and states are already read."""
    reg, cap = reading.circuit.RegControls, reading.circuit.CapControls
    for seen in reading.elements("regcontrol"):
        reg.Name = seen.name
        if reg.Transformer.lower() not in reading.transformers:
            reading.report.add("regcontrol", Outcome.LEFT_OUT, seen.name, "its transformer is a fixed block")
            continue
        monitored, _, sensed = reg.MonitoredBus.lower().partition(".")
        cogeneration = seen.flag("Cogen")
        reverses = not monitored and (
            reg.IsReversible or cogeneration
        )  # with a sensed bus the engine looks ahead
        reading.builder.add_regulator(
            seen.name,
            transformer=reading.transformers[reg.Transformer.lower()],
            winding=reg.TapWinding or reg.Winding,
            sensed_winding=reg.Winding if reg.TapWinding and reg.TapWinding != reg.Winding else -1,
            bus=reading.builder.bus_row(monitored) if monitored else -1,
            nodes=sensed if monitored else "",
            remote_pt_ratio=seen.number("RemotePTRatio") if monitored else NAN,
            ldc_z_v=seen.number("LDC_Z"),
            target_v=reg.ForwardVreg,
            band_v=reg.ForwardBand,
            pt_ratio=reg.PTratio,
            ct_primary_a=reg.CTPrimary,
            r_v=reg.ForwardR,
            x_v=reg.ForwardX,
            delay_s=float(reg.Delay),
            tap_delay_s=float(reg.TapDelay),
            max_taps=reg.MaxTapChange,
            pt_phase=seen.text("PTPhase").lower(),
            v_limit=reg.VoltageLimit or NAN,
            inverse_time=bool(reg.IsInverseTime),
            **(_reverse_settings(seen, bool(reg.IsReversible), cogeneration) if reverses else {}),
        )
        reading.report.add("regcontrol", Outcome.CARRIED, seen.name)
    for seen in reading.elements("capcontrol"):
        cap.Name = seen.name
        if cap.Capacitor.lower() not in shunts:
            reading.report.add("capcontrol", Outcome.LEFT_OUT, seen.name, "its capacitor is a fixed block")
            continue
        mode = seen.text("type").lower()
        if cap.UseVoltOverride and seen.text("VBus").strip():
            reading.report.add(
                "capcontrol", Outcome.APPROXIMATED, seen.name, "voltage override at its element, not at a bus"
            )
        reading.builder.add_capacitor_control(
            seen.name,
            shunt=shunts[cap.Capacitor.lower()],
            mode="pf" if mode == "powerfactor" else mode,
            element=cap.MonitoredObj.lower(),
            terminal=cap.MonitoredTerm,
            on=cap.ONSetting,
            off=cap.OFFSetting,
            v_min=cap.Vmin if cap.UseVoltOverride else NAN,
            v_max=cap.Vmax if cap.UseVoltOverride else NAN,
            pt_ratio=cap.PTratio,
            ct_ratio=cap.CTratio,
            pt_phase=seen.text("PTPhase").lower(),
            ct_phase=seen.text("CTPhase").lower(),
            delay_s=cap.Delay,
            delay_off_s=cap.DelayOff,
            dead_time_s=cap.DeadTime,
            min_kvar_percent=seen.number("pctMinkvar"),
        )
        reading.report.add("capcontrol", Outcome.CARRIED, seen.name)


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.strip("[]() ").replace(",", " ").split()]


def _difference(ours: Complex, theirs: Complex) -> float:
    """Largest difference relative to the largest entry."""
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-300))


def _scaled_difference(data: TransformerData, seen: Seen) -> float:
    """As `_difference`, with every winding brought to its own rated voltage first."""
    volts: Float = np.repeat(data.winding_v, data.phases + 1)
    scale = np.outer(volts, volts)
    return _difference(transformer_block(data) * scale, seen.y_siemens * scale)
