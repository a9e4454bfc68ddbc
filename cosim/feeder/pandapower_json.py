"""Reads the tables of a pandapower net, from a net or from its JSON file, without trusting the file.

pandapower's own ``from_json`` imports and calls what the file names, so it is not used: the
file is parsed as plain JSON, only data frames with known names are taken, and only plain
cells (text, numbers, true, false, null) are accepted in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cosim.electrical.circuit import Float
from cosim.errors import FeederError, Problem

CARRIED = (
    "bus",
    "line",
    "trafo",
    "switch",
    "ext_grid",
    "shunt",
    "load",
    "sgen",
    "asymmetric_load",
    "asymmetric_sgen",
    "bus_geodata",
)
REFUSED = (  # equipment that changes the power flow and cannot be carried
    "trafo3w",
    "gen",
    "impedance",
    "dcline",
    "ward",
    "xward",
    "motor",
    "storage",
    "svc",
    "ssc",
    "tcsc",
    "vsc",
    "vsc_stacked",
    "vsc_bipolar",
    "b2b_vsc",
    "bi_vsc",
    "bus_dc",
    "line_dc",
    "load_dc",
    "source_dc",
)


@dataclass(frozen=True)
class NetTables:
    """Tables of a pandapower net.

    Parameters
    ----------
    name
        Of the net or its file.
    frequency_hz
        Of the net.
    frames
        Non-empty tables among `CARRIED` and `REFUSED`.
    ignored
        Names of what else the net holds (controllers, costs, ...), empty tables and results apart.
    """

    name: str
    frequency_hz: float
    frames: Mapping[str, pd.DataFrame]
    ignored: tuple[str, ...]

    def frame(self, table: str) -> pd.DataFrame:
        """A table; empty if the net has none."""
        return self.frames.get(table, pd.DataFrame())

    def numbers(self, table: str, column: str, default: float = 0.0) -> Float:
        """A numeric column, `default` where it is missing or NaN."""
        frame = self.frame(table)
        if column not in frame:
            return np.full(len(frame), default)
        values = np.array(pd.to_numeric(frame[column], errors="coerce"), dtype=np.float64)
        return np.where(np.isnan(values), default, values)

    def flags(self, table: str, column: str = "in_service") -> list[bool]:
        """A true-or-false column, true where it is missing."""
        frame = self.frame(table)
        if column not in frame:
            return [True] * len(frame)
        return [bool(value) if pd.notna(value) else True for value in frame[column]]

    def texts(self, table: str, column: str, default: str = "") -> list[str]:
        """A text column, `default` where it is missing or empty."""
        frame = self.frame(table)
        if column not in frame:
            return [default] * len(frame)
        return [value if isinstance(value, str) and value else default for value in frame[column]]


def tables_of(net: Any) -> NetTables:
    """Tables of a pandapower net in memory, or of the JSON file at a path."""
    if isinstance(net, str | Path):
        return read_tables(Path(net))
    if not isinstance(net, Mapping):
        message = "must be a pandapower net or the path of its JSON file"
        raise FeederError(Problem(message, key="net", value=type(net).__name__))
    frames, ignored = {}, []
    for key, value in net.items():
        if not isinstance(value, pd.DataFrame) or value.empty or key.startswith(("res_", "_")):
            continue
        if key in CARRIED or key in REFUSED:
            frames[key] = value
        else:
            ignored.append(key)
    return NetTables(
        str(net.get("name") or "pandapower"), float(net.get("f_hz", 50.0)), frames, tuple(ignored)
    )


def read_tables(path: Path) -> NetTables:
    """Tables of a pandapower JSON file.

    Raises
    ------
    FeederError
        The file is missing, is not JSON, or is not a pandapower net of plain tables; all is named.
    """
    content = _net_content(path)
    frames: dict[str, pd.DataFrame] = {}
    ignored: list[str] = []
    problems: list[Problem] = []
    for key, value in content.items():
        if key.startswith(("res_", "_")) or not isinstance(value, dict):
            continue
        if key not in CARRIED and key not in REFUSED:
            if "_class" in value and not _is_empty_table(value):
                ignored.append(key)
            continue
        try:
            frame = _table(value)
        except ValueError as error:
            problems.append(Problem(f"cannot be read: {error}", str(path), key))
            continue
        if len(frame):
            frames[key] = frame
    if problems:
        raise FeederError(problems)
    name, frequency = content.get("name"), content.get("f_hz", 50.0)
    if not isinstance(frequency, int | float) or not 1.0 <= frequency <= 1000.0:
        raise FeederError(Problem("must be a frequency in hertz", str(path), "f_hz", repr(frequency)))
    return NetTables(
        name if isinstance(name, str) and name else path.stem, float(frequency), frames, tuple(ignored)
    )


def _net_content(path: Path) -> dict[str, Any]:
    try:
        outer = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FeederError(Problem(f"cannot be opened: {error.strerror}", str(path))) from error
    except (ValueError, RecursionError) as error:
        raise FeederError(Problem(f"is not a JSON file: {error}", str(path))) from error
    if not isinstance(outer, dict) or outer.get("_class") != "pandapowerNet":
        raise FeederError(Problem("is not a pandapower net: _class must be pandapowerNet", str(path)))
    content = outer.get("_object")
    if isinstance(content, str):  # files of pandapower 2 hold the net as text in text
        try:
            content = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise FeederError(Problem(f"is not JSON inside: {error}", str(path), "_object")) from error
    if not isinstance(content, dict):
        raise FeederError(Problem("must be a table of tables", str(path), "_object"))
    return content


def _is_empty_table(value: Mapping[str, Any]) -> bool:
    try:
        return _table(value).empty
    except ValueError:
        return False


def _table(value: Mapping[str, Any]) -> pd.DataFrame:
    """A data frame from its JSON form; ValueError says what is not plain about it."""
    if (value.get("_module"), value.get("_class")) != ("pandas.core.frame", "DataFrame"):
        raise ValueError(f"a DataFrame is expected, not {value.get('_module')}.{value.get('_class')}")
    payload = value.get("_object")
    if value.get("orient", "split") != "split" or not isinstance(payload, str):
        raise ValueError("the frame must be written as text with orient 'split'")
    content = json.loads(payload)
    if not isinstance(content, dict) or set(content) != {"columns", "index", "data"}:
        raise ValueError("the frame must hold columns, index and data and nothing else")
    columns, index, data = content["columns"], content["index"], content["data"]
    if not all(isinstance(column, str) for column in columns):
        raise ValueError("column names must be text")
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data) or len(index) != len(data):
        raise ValueError("rows and columns do not fit together")
    for row in data:
        for column, cell in zip(columns, row, strict=True):
            if not (cell is None or isinstance(cell, str | bool | int | float)):
                raise ValueError(f"column {column!r} holds an object, not a plain value")
    return pd.DataFrame(data, index=index, columns=columns)
