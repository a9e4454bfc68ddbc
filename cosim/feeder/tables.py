"""The columns of a feeder's tables: name, dtype, unit, default and meaning, stated once.

Tables that pandapower also has (`NET_TABLES`) keep its column names, so that
``feeder.net`` can hold the very same frames; further columns stand beside them.
Missing numbers are NaN, missing rows -1, missing text is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NAN = float("nan")


@dataclass(frozen=True)
class Column:
    """One column: dtype is ``int64``, ``float64``, ``bool`` or ``str``."""

    name: str
    dtype: str
    unit: str
    default: Any
    meaning: str


def _table(text: str) -> tuple[Column, ...]:
    """Columns from lines of ``name | dtype | unit | default | meaning`` (an empty default is none)."""
    read: dict[str, Callable[[str], Any]] = {
        "int64": int,
        "float64": float,
        "bool": lambda word: word == "true",
        "str": str,
    }
    columns = []
    for line in text.strip().splitlines():
        name, dtype, unit, default, meaning = (cell.strip() for cell in line.split("|"))
        value = None if default == "required" else read[dtype](default)
        columns.append(Column(name, dtype, unit, value, meaning))
    return tuple(columns)


TABLES: dict[str, tuple[Column, ...]] = {
    "bus": _table("""
        name | str | | required | unique name
        vn_kv | float64 | kV | required | nominal line-to-line voltage
        type | str | | b | pandapower bus type
        zone | str | | | free text
        in_service | bool | | true | connected
        geo | str | | | GeoJSON point, empty if unknown
        nodes | str | | required | conductors of the bus, such as 1.2.3
        base_v | float64 | V | required | nominal voltage to ground, base of per-unit figures
        x | float64 | | nan | map coordinate
        y | float64 | | nan | map coordinate
    """),
    "line": _table("""
        name | str | | required | unique name
        std_type | str | | | conductor or line code; the matrices belong to it
        from_bus | int64 | | required | bus row
        to_bus | int64 | | required | bus row
        length_km | float64 | km | required | the matrices are totals over this length
        r_ohm_per_km | float64 | ohm/km | nan | mean positive-sequence figure, for pandapower only
        x_ohm_per_km | float64 | ohm/km | nan | mean positive-sequence figure, for pandapower only
        c_nf_per_km | float64 | nF/km | 0 | mean positive-sequence figure, for pandapower only
        g_us_per_km | float64 | uS/km | 0 | for pandapower only
        max_i_ka | float64 | kA | nan | continuous rating of a conductor
        df | float64 | | 1 | pandapower derating
        parallel | int64 | | 1 | must be 1: the matrices hold the whole line
        type | str | | ol | ol overhead, cs cable
        in_service | bool | | true | connected
        from_nodes | str | | required | conductors at the from end
        to_nodes | str | | required | conductors at the to end
        level | str | | primary | primary, secondary or drop
        is_switch | bool | | false | a switching device, not a length of conductor
    """),
    "switch": _table("""
        bus | int64 | | required | bus row of the end that opens
        element | int64 | | required | line row
        et | str | | l | l: switch at the end of a line
        type | str | | LBS | CB, LBS, ...
        closed | bool | | true | state
        name | str | | | name
        z_ohm | float64 | ohm | 0 | for pandapower only
        in_ka | float64 | kA | nan | rated current
    """),
    "ext_grid": _table("""
        name | str | | required | unique name
        bus | int64 | | required | bus row
        vm_pu | float64 | pu | 1 | scales the stored EMFs
        va_degree | float64 | degree | 0 | turns the stored EMFs
        slack_weight | float64 | | 1 | for pandapower only
        in_service | bool | | true | connected
        controllable | bool | | true | for pandapower only
        nodes | str | | required | conductors fed, one EMF each
    """),
    "shunt": _table("""
        bus | int64 | | required | bus row
        name | str | | required | unique name
        q_mvar | float64 | Mvar | required | of one step at vn_kv, consumed: negative for a capacitor
        p_mw | float64 | MW | 0 | of one step at vn_kv, consumed
        vn_kv | float64 | kV | required | rated: line-to-line, or of the coil for one phase
        step | int64 | | 1 | steps switched on
        max_step | int64 | | 1 | steps present
        in_service | bool | | true | connected
        nodes | str | | required | phases (1.2.3 earthed; 1.2.3.4 and 1.2.0 name the star point of a wye last)
        connection | str | | wye | wye or delta
    """),
    "trafo": _table("""
        name | str | | required | name of its transformer
        std_type | str | | | type
        hv_bus | int64 | | required | bus row
        lv_bus | int64 | | required | bus row
        sn_mva | float64 | MVA | required | rating
        vn_hv_kv | float64 | kV | required | rated line-to-line
        vn_lv_kv | float64 | kV | required | rated line-to-line
        vk_percent | float64 | % | required | short-circuit voltage
        vkr_percent | float64 | % | required | its real part
        pfe_kw | float64 | kW | 0 | no-load loss
        i0_percent | float64 | % | 0 | no-load current
        shift_degree | float64 | degree | 0 | lag of the low side
        tap_side | str | | lv | side of the tap
        tap_neutral | float64 | | 0 | neutral position
        tap_min | float64 | | 0 | lowest position
        tap_max | float64 | | 0 | highest position
        tap_step_percent | float64 | % | 0 | step
        tap_step_degree | float64 | degree | 0 | step
        tap_pos | float64 | | 0 | position
        tap_changer_type | str | | Ratio | pandapower tap changer
        tap_dependency_table | bool | | false | for pandapower only
        parallel | int64 | | 1 | must be 1
        df | float64 | | 1 | pandapower derating
        in_service | bool | | true | connected; the unit is on only if its transformer row says so too
        vector_group | str | | | such as Dyn
        transformer | int64 | | required | row of the transformer table, which owns the electrical model
    """),
    "transformer": _table("""
        name | str | | required | unique name
        kind | str | | other | substation, regulator, service or other
        phases | int64 | | required | phases of every winding
        rated_kva | float64 | kVA | required | base of the per-cent figures
        x12_percent | float64 | % | required | leakage reactance of windings 1 and 2
        x13_percent | float64 | % | nan | of windings 1 and 3
        x23_percent | float64 | % | nan | of windings 2 and 3
        noload_percent | float64 | % | 0 | no-load loss
        imag_percent | float64 | % | 0 | magnetising current
        antifloat_ppm | float64 | ppm | 1 | tiny shunt that ties a floating winding to ground
        leading | bool | | false | low side of a delta-wye bank leads (Euro) instead of lagging (ANSI)
        in_service | bool | | true | connected
        model | str | | | catalogue entry or type, free text
    """),
    "winding": _table("""
        transformer | int64 | | required | row of the transformer table
        number | int64 | | required | from 1
        bus | int64 | | required | bus row
        nodes | str | | required | phases + 1 conductors, the neutral last (0 is ground; unused for delta)
        connection | str | | wye | wye or delta
        kv | float64 | kV | required | rated voltage of one coil
        r_percent | float64 | % | required | resistance
        tap_pu | float64 | pu | 1 | present tap
        tap_min_pu | float64 | pu | 0.9 | lowest tap
        tap_max_pu | float64 | pu | 1.1 | highest tap
        tap_steps | int64 | | 32 | steps from lowest to highest
        neutral_r_ohm | float64 | ohm | nan | neutral grounding; NaN: as the nodes say
        neutral_x_ohm | float64 | ohm | nan | neutral grounding
    """),
    "regulator": _table("""
        name | str | | required | unique name
        transformer | int64 | | required | unit whose tap moves
        winding | int64 | | required | winding number whose tap moves
        sensed_winding | int64 | | -1 | winding whose voltage and current are sensed, -1 for the one that moves
        bus | int64 | | -1 | sensed bus, -1 for the winding's own
        nodes | str | | | conductors sensed there, such as 2.0; empty for the first and ground
        target_v | float64 | V | required | set point on the control base
        band_v | float64 | V | required | width of the band
        pt_ratio | float64 | | required | voltage transformer ratio
        remote_pt_ratio | float64 | | nan | voltage transformer ratio at the sensed bus; NaN: as at the winding
        ct_primary_a | float64 | A | nan | current transformer rating
        r_v | float64 | V | 0 | line-drop compensation
        x_v | float64 | V | 0 | line-drop compensation
        ldc_z_v | float64 | V | 0 | compensation by magnitudes, in place of r_v and x_v
        delay_s | float64 | s | 15 | before the first step
        tap_delay_s | float64 | s | 2 | between steps
        max_taps | int64 | | 16 | steps in one action
        pt_phase | str | | 1 | phase sensed: a number, max or min
        v_limit | float64 | V | nan | never raise above, on the control base
        reversible | bool | | false | acts on reverse power
        reverse_target_v | float64 | V | nan | set point on reverse power
        reverse_band_v | float64 | V | nan | band on reverse power
        reverse_r_v | float64 | V | 0 | line-drop compensation on reverse power
        reverse_x_v | float64 | V | 0 | line-drop compensation on reverse power
        reverse_ldc_z_v | float64 | V | 0 | compensation by magnitudes on reverse power
        reverse_threshold_kw | float64 | kW | 100 | power backwards above which flow counts as reversed
        reverse_delay_s | float64 | s | 60 | how long before the control turns
        reverse_neutral | bool | | false | goes to the neutral tap on reverse power
        cogeneration | bool | | false | on reverse power takes the reverse settings and looks the same way
        inverse_time | bool | | false | its delay falls with the distance from the set point
        in_service | bool | | true | acting
    """),
    "capacitor_control": _table("""
        name | str | | required | unique name
        shunt | int64 | | required | row of the shunt table
        mode | str | | required | what is sensed: voltage, current, kvar, pf, time (h) or temperature (degree C)
        element | str | | | sensed element
        terminal | int64 | | 1 | sensed terminal
        on | float64 | | required | switch-on setting, in the unit of its mode
        off | float64 | | required | switch-off setting
        v_min | float64 | V | nan | voltage override, on the control base
        v_max | float64 | V | nan | voltage override
        pt_ratio | float64 | | 60 | voltage transformer ratio
        ct_ratio | float64 | | 60 | current transformer ratio
        pt_phase | str | | 1 | phase whose voltage is sensed: a number, avg, max or min
        ct_phase | str | | 1 | phase whose current is sensed: a number, avg, max or min
        delay_s | float64 | s | 15 | before switching on
        delay_off_s | float64 | s | 15 | before switching off
        dead_time_s | float64 | s | 300 | discharge time before switching on again
        min_kvar_percent | float64 | % | 50 | of a step that must be wanted before one goes on by power factor
        in_service | bool | | true | acting
    """),
    "other": _table("""
        name | str | | required | unique name
        kind | str | | | what it was: reactor, transformer, ...
        in_service | bool | | true | connected
        note | str | | | why it is a fixed block
    """),
    "other_terminal": _table("""
        other | int64 | | required | row of the other table
        number | int64 | | required | terminal, from 1
        bus | int64 | | required | bus row
        nodes | str | | required | conductors of the terminal
    """),
    "home": _table("""
        name | str | | required | unique name
        bus | int64 | | required | bus row
        nodes | str | | required | split: L1.L2(.N); single: a(.b); three: phases, and a wye's neutral
        kind | str | | required | split (120/240 V three-wire), single (one coil), three
        connection | str | | wye | wye, delta or open-delta, of a three
        leg | str | | both | of a split home, where its nominal load hangs: both, 1, 2 or line
        model | int64 | | 1 | LoadModel code
        kw | float64 | kW | required | nominal, consumed
        kvar | float64 | kvar | required | nominal, consumed
        kv | float64 | kV | required | across one injector where power is nominal; split: leg to neutral
        v_min_pu | float64 | pu | 0.95 | model holds above
        v_max_pu | float64 | pu | 1.05 | model holds below
        v_low_pu | float64 | pu | 0.5 | nominal impedance below
        p_exponent | float64 | | 1 | of model 4
        q_exponent | float64 | | 2 | of model 4
        zip_pz | float64 | | 0 | of model 8: impedance share of P
        zip_pi | float64 | | 0 | current share of P
        zip_pp | float64 | | 1 | power share of P
        zip_qz | float64 | | 0 | impedance share of Q
        zip_qi | float64 | | 0 | current share of Q
        zip_qp | float64 | | 1 | power share of Q
        v_cut_pu | float64 | pu | 0 | of model 8: draws nothing below
        service_rating_a | float64 | A | nan | of the service, each leg
        socket | str | | | meter socket, such as ringless-200
        transformer | int64 | | -1 | row of the service transformer
        drop | int64 | | -1 | row of the service drop in the line table
        shape | str | | | name of its load shape
        x | float64 | | nan | map coordinate
        y | float64 | | nan | map coordinate
        in_service | bool | | true | connected
    """),
    "generator": _table("""
        name | str | | required | unique name
        bus | int64 | | required | bus row
        nodes | str | | required | as for a home of kind three
        connection | str | | wye | wye, delta or open-delta
        model | int64 | | 1 | LoadModel code; below the band the impedance at its edge, at every voltage
        kw | float64 | kW | required | produced
        kvar | float64 | kvar | required | produced
        kv | float64 | kV | required | across one injector
        v_min_pu | float64 | pu | 0.9 | model holds above
        v_max_pu | float64 | pu | 1.1 | model holds below
        shape | str | | | name of its shape
        in_service | bool | | true | connected
    """),
    "shape": _table("""
        name | str | | required | unique name
        interval_s | float64 | s | required | between points, 0 if irregular
        actual | bool | | false | values are kW, not shares of nominal
    """),
    "protective_device": _table("""
        name | str | | required | unique name, such as fuse:f1
        kind | str | | required | fuse, recloser or relay
        section | str | | required | whose current it sees and what it opens, line:NAME or transformer:NAME
        conductors | str | | required | phases that it carries, such as abc
        ganged | bool | | true | opens all of them together
        opening_s | float64 | s | 0 | from the decision to parted contacts
        reset_s | float64 | s | 0 | closed without pick-up for so long it begins anew
        interrupting_a | float64 | A | nan | largest current that it breaks
        source | str | | | where its settings come from
    """),
    "protective_shot": _table("""
        device | int64 | | required | row of the protective_device table
        number | int64 | | required | opening of its sequence, from 1
        dead_s | float64 | s | nan | until it closes again; NaN after the last
    """),
    "protective_element": _table("""
        device | int64 | | required | row of the protective_device table
        shot | int64 | | required | opening that it brings about
        label | str | | | as the log names it
        sees | str | | phase | each phase, or the sum of all: phase, ground
        pickup_a | float64 | A | required | the curve's multiples are multiples of it
        curve | str | | | of the curve_point table; empty: the dial is the time from pick-up on
        dial | float64 | | 1 | times the curve
        adder_s | float64 | s | 0 | on top
        reset_s | float64 | s | 0 | back from its end without current, 0 for at once
    """),
    "curve_point": _table("""
        curve | str | | required | name of the time-current curve
        multiple | float64 | | required | current over pick-up, rising
        seconds | float64 | s | required | time there; log-log between points, none before, flat beyond
    """),
}

CARRIED_PROTECTION = ("protective_device", "protective_shot", "protective_element", "curve_point")
"""Tables that a feeder without protective devices of its own has empty, and its file and digest leave out."""

NET_TABLES = ("bus", "line", "switch", "ext_grid", "shunt", "trafo")
"""Tables that stand in ``feeder.net`` once it is materialised."""

_CHOICES = {
    ("home", "kind"): ("split", "single", "three"),
    ("home", "leg"): ("both", "1", "2", "line"),
    ("home", "connection"): ("wye", "delta", "open-delta"),
    ("home", "model"): (1, 2, 4, 5, 6, 7, 8),
    ("shunt", "connection"): ("wye", "delta"),
    ("winding", "connection"): ("wye", "delta"),
    ("generator", "connection"): ("wye", "delta", "open-delta"),
    ("generator", "model"): (1, 2, 6, 7),
    ("line", "level"): ("primary", "secondary", "drop"),
    ("transformer", "kind"): ("substation", "regulator", "service", "other"),
    ("protective_device", "kind"): ("fuse", "recloser", "relay"),
    ("protective_element", "sees"): ("phase", "ground"),
}

_REFERENCES = {
    ("line", "from_bus"): "bus",
    ("line", "to_bus"): "bus",
    ("switch", "bus"): "bus",
    ("switch", "element"): "line",
    ("ext_grid", "bus"): "bus",
    ("shunt", "bus"): "bus",
    ("trafo", "hv_bus"): "bus",
    ("trafo", "lv_bus"): "bus",
    ("trafo", "transformer"): "transformer",
    ("winding", "transformer"): "transformer",
    ("winding", "bus"): "bus",
    ("regulator", "transformer"): "transformer",
    ("capacitor_control", "shunt"): "shunt",
    ("other_terminal", "other"): "other",
    ("other_terminal", "bus"): "bus",
    ("home", "bus"): "bus",
    ("home", "transformer"): "transformer",
    ("home", "drop"): "line",
    ("generator", "bus"): "bus",
    ("protective_shot", "device"): "protective_device",
    ("protective_element", "device"): "protective_device",
}

_OPTIONAL_REFERENCES = {("home", "transformer"), ("home", "drop")}


def frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A table from rows of cells, defaults filled in, columns in the order of the specification."""
    data = {}
    for column in TABLES[table]:
        values = [row.get(column.name, column.default) for row in rows]
        data[column.name] = pd.Series(values, dtype=_pandas_dtype(column.dtype))
    return pd.DataFrame(data)


def _pandas_dtype(dtype: str) -> str:
    return "object" if dtype == "str" else dtype


def complaints(tables: Mapping[str, pd.DataFrame]) -> Iterable[tuple[str, str]]:
    """What is wrong with the form of the tables: pairs of (``table.column[row]``, sentence)."""
    for table, columns in TABLES.items():
        if table not in tables:
            yield table, "table is missing"
            continue
        data = tables[table]
        if not np.array_equal(data.index.to_numpy(), np.arange(len(data))):
            yield table, "rows must be numbered 0, 1, 2, ... without gaps"
            continue
        for column in columns:
            if column.name not in data:
                yield f"{table}.{column.name}", "column is missing"
            else:
                yield from _column_complaints(table, column, data[column.name], tables)


def _column_complaints(
    table: str, column: Column, values: pd.Series[Any], tables: Mapping[str, pd.DataFrame]
) -> Iterable[tuple[str, str]]:
    key = (table, column.name)
    where = f"{table}.{column.name}"
    kind = values.dtype.kind
    right = {"int64": kind in "iu", "float64": kind in "fiu", "bool": kind == "b", "str": True}[column.dtype]
    if column.dtype == "str":
        right = all(value is None or isinstance(value, str) for value in values)
    if not right:
        yield where, f"must be {column.dtype}, is {values.dtype}"
        return
    if column.dtype == "float64" and column.default is None:
        for row in np.flatnonzero(~np.isfinite(values.to_numpy(dtype=float))):
            yield f"{where}[{row}]", "must be a finite number"
    if column.name == "name" and column.default is None:
        for row in np.flatnonzero(values.duplicated().to_numpy()):
            yield f"{where}[{row}]", f"name {values.iloc[row]!r} is used twice"
    if key in _CHOICES:
        for row in np.flatnonzero(~values.isin(_CHOICES[key]).to_numpy()):
            yield f"{where}[{row}]", f"must be one of {_CHOICES[key]}, is {values.iloc[row]!r}"
    if key in _REFERENCES:
        target = _REFERENCES[key]
        index = values.to_numpy(dtype=np.int64)
        low = -1 if key in _OPTIONAL_REFERENCES else 0
        for row in np.flatnonzero((index < low) | (index >= len(tables.get(target, ())))):
            yield f"{where}[{row}]", f"points at row {index[row]}, which table {target!r} does not have"
