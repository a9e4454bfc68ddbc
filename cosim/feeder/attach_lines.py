"""Carries the lines of a pandapower net: transposed matrices from sequence figures."""

from __future__ import annotations

import math

from cosim.feeder.attach_base import Import, sequence_matrix, unique
from cosim.feeder.import_report import Outcome


def add_lines(net: Import) -> dict[int, int]:
    """Lines as transposed matrices; returns builder rows by net index."""
    tables, omega = net.tables, 2.0 * math.pi * net.tables.frequency_hz
    number = {
        column: tables.numbers("line", column, default)
        for column, default in (
            ("length_km", math.nan),
            ("r_ohm_per_km", math.nan),
            ("x_ohm_per_km", math.nan),
            ("c_nf_per_km", 0.0),
            ("g_us_per_km", 0.0),
            ("r0_ohm_per_km", math.nan),
            ("x0_ohm_per_km", math.nan),
            ("c0_nf_per_km", math.nan),
            ("max_i_ka", math.nan),
            ("parallel", 1.0),
        )
    }
    frame, rows = tables.frame("line"), {}
    names = unique(tables.texts("line", "name"), frame.index, "line")
    kinds, on = tables.texts("line", "type", "ol"), tables.flags("line")
    types = tables.texts("line", "std_type")
    for i, index in enumerate(frame.index):
        cell = {column: float(values[i]) for column, values in number.items()}
        length, r, x = (cell[c] for c in ("length_km", "r_ohm_per_km", "x_ohm_per_km"))
        if not (
            length > 0.0 and r >= 0.0 and math.isfinite(r) and math.isfinite(x) and math.hypot(r, x) > 0.0
        ):
            said = f"length_km {length:g}, r {r:g} and x {x:g} ohm/km"
            net.problem("length and impedance must be positive numbers", f"line[{index}] {names[i]}", said)
            continue
        low = net.tables.frame("bus")["vn_kv"][frame["from_bus"].iloc[i]] < 1.0
        r0, x0, c0 = _zero_sequence(net, names[i], cell, low=bool(low), cable=kinds[i] == "cs")
        parallel = cell["parallel"]
        scale = length / parallel
        shunt_0 = complex(cell["g_us_per_km"] * 1e-6, omega * c0 * 1e-9)
        shunt_1 = complex(cell["g_us_per_km"] * 1e-6, omega * cell["c_nf_per_km"] * 1e-9)
        rows[int(index)] = net.builder.add_line(
            names[i],
            net.bus_names[int(frame["from_bus"].iloc[i])],
            "1.2.3",
            net.bus_names[int(frame["to_bus"].iloc[i])],
            "1.2.3",
            sequence_matrix(complex(r, x) * scale, complex(r0, x0) * scale),
            sequence_matrix(shunt_1, shunt_0) * (length * parallel / 2.0),
            length_m=length * 1e3,
            std_type=types[i],
            rating_a=cell["max_i_ka"] * 1e3 * parallel,
            level="secondary" if low else "primary",
            cable=kinds[i] == "cs",
            in_service=on[i],
        )
        net.report.add("line", Outcome.CARRIED, names[i])
    return rows


def _zero_sequence(
    net: Import, name: str, cell: dict[str, float], *, low: bool, cable: bool
) -> tuple[float, float, float]:
    """Zero-sequence figures per km, assumed and listed where the net has none."""
    r0, x0, c0 = cell["r0_ohm_per_km"], cell["x0_ohm_per_km"], cell["c0_nf_per_km"]
    if math.isnan(r0) or math.isnan(x0):
        if low:  # return through a neutral like the phases: three times it in series
            r0, x0 = 4.0 * cell["r_ohm_per_km"], 4.0 * cell["x_ohm_per_km"]
            said = "no r0, x0; four times r, x assumed (return through an equal neutral)"
        else:  # Carson: earth return adds w mu0 / 8 to every self and mutual term
            r0 = cell["r_ohm_per_km"] + 3e3 * (2.0 * math.pi * net.tables.frequency_hz) * 4e-7 * math.pi / 8.0
            x0 = 3.5 * cell["x_ohm_per_km"]
            said = "no r0, x0; earth return added to r and 3.5 x assumed"
        net.report.add("line", Outcome.APPROXIMATED, name, said)
    if math.isnan(c0):
        c0 = cell["c_nf_per_km"] * (1.0 if cable else 0.6)
        if c0 > 0.0:
            net.report.add(
                "line", Outcome.APPROXIMATED, name, "no c0; c of a cable or 0.6 c of a bare line assumed"
            )
    return r0, x0, c0
