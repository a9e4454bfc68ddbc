"""A feeder as one file: a zip of plain ``.npy`` arrays and a JSON header. Nothing in it can run.

The file is written under a temporary name, synced, and renamed, so that no file stands under its
final name that is not whole. Equal feeders give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosim.errors import FeederError, Problem
from cosim.feeder.checks import require_sound, structural_problems
from cosim.feeder.feeder import Feeder, Matrices
from cosim.feeder.import_report import ImportReport, Item, Outcome
from cosim.feeder.tables import CARRIED_PROTECTION, TABLES, frame
from cosim.outputs import output_file

if TYPE_CHECKING:
    Array = NDArray[Any]

KIND, VERSION = "cosim-feeder", 2
_LARGEST = 2**31  # bytes unpacked; the 8500-node feeder has 4 MB
# What the zip, deflate, JSON and array readers raise on damaged data.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)
_SQUARE = frozenset(["line_z_ohm", "line_y_siemens", "source_z_ohm", "other_y_siemens"])
_SCALAR = frozenset(["line_length_km", "line_std_type"])


def digest(feeder: Feeder) -> str:
    """SHA-256 over name, frequency, tables and matrices."""
    total = hashlib.sha256(json.dumps([KIND, feeder.name, feeder.frequency_hz]).encode())
    for name, values in _arrays(feeder):
        data = json.dumps(values.tolist()).encode() if values.dtype.kind == "U" else values.tobytes()
        total.update(f"{name}:{values.dtype.kind}:{values.shape}:{len(data)}:".encode())
        total.update(data)
    return total.hexdigest()


def save_feeder(feeder: Feeder, path: Path) -> Path:
    """See `Feeder.save`."""
    require_sound(feeder)
    given, path = path, output_file(path, error=FeederError).absolute()
    header = {
        "kind": KIND,
        "version": VERSION,
        "name": feeder.name,
        "frequency_hz": feeder.frequency_hz,
        "digest": digest(feeder),
        "report": asdict(feeder.report) if feeder.report else None,
    }
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                _put(archive, "header.json", json.dumps(header, indent=1).encode())
                for name, values in _arrays(feeder):
                    data = io.BytesIO()
                    np.lib.format.write_array(data, values, allow_pickle=False)
                    _put(archive, f"{name}.npy", data.getvalue())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(path.parent)
    return given.absolute()


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name)  # a fixed date: equal content, equal bytes
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    archive.writestr(member, data)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _arrays(feeder: Feeder) -> Iterator[tuple[str, Array]]:
    """Every column and matrix as a plain array, in a fixed order."""
    for table in TABLES:
        data = feeder.table(table)
        if table in CARRIED_PROTECTION and not len(data):
            continue
        known = [column.name for column in TABLES[table]]
        for column in [*known, *sorted(set(data.columns) - set(known))]:
            yield f"tables/{table}/{column}", _plain(data[column], f"{table}.{column}")
    for part in fields(Matrices):
        values = getattr(feeder.matrices, part.name)
        if part.name in _SCALAR:
            scalar: Any = np.str_ if part.name == "line_std_type" else np.float64
            yield f"matrices/{part.name}", np.array(values, dtype=scalar)
            continue
        sizes = np.array([len(value) for value in values], dtype=np.int64)
        dtype: Any = np.float64 if part.name.startswith("shape") else np.complex128
        flat = [np.asarray(value, dtype=dtype).ravel() for value in values]
        yield f"matrices/{part.name}.sizes", sizes
        yield f"matrices/{part.name}", np.concatenate(flat) if flat else np.zeros(0, dtype=dtype)


def _plain(values: pd.Series[Any], key: str) -> Array:
    kind = values.dtype.kind
    if kind in "iu":
        return values.to_numpy(dtype=np.int64)
    if kind == "f":
        return values.to_numpy(dtype=np.float64)
    if kind == "b":
        return values.to_numpy(dtype=np.bool_)
    if not all(value is None or isinstance(value, str) for value in values):
        raise FeederError(Problem("only numbers, truth values and text can be saved", key=key))
    return np.array([value or "" for value in values], dtype=np.str_)


def load_feeder(path: Path) -> Feeder:
    """See `Feeder.load`."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise FeederError(Problem("unpacks to more than 2 GiB", file=str(path)))
            header = _header(archive, path)
            arrays = {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except FileNotFoundError:
        raise FeederError(Problem("no such feeder file", file=str(path))) from None
    except IsADirectoryError:
        raise FeederError(Problem("is a directory; give a feeder file", file=str(path))) from None
    except PermissionError as error:
        raise FeederError(Problem(f"cannot be read: {error.strerror}", file=str(path))) from None
    except _BROKEN as error:
        if not zipfile.is_zipfile(path):
            message = "not a cosim feeder file, or cut short (not a zip archive)"
            raise FeederError(Problem(message, file=str(path))) from None
        raise FeederError(Problem(f"not a whole feeder file: {error}", file=str(path))) from None
    feeder = _assemble(header, arrays, path)
    problems = structural_problems(feeder)
    if not problems and digest(feeder) != header["digest"]:
        problems = [Problem("its content was changed after it was saved (digest differs)")]
    if problems:
        raise FeederError(replace(problem, file=str(path)) for problem in problems)
    return feeder


def _header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if "header.json" not in archive.namelist():
        raise FeederError(Problem("not a feeder file: it has no header", file=str(path)))
    header = json.loads(archive.read("header.json"))
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise FeederError(
            Problem(f"not a feeder file: its kind must be {KIND!r}", file=str(path), key="kind")
        )
    if header.get("version") != VERSION:
        raise FeederError(
            Problem(
                f"this cosim reads version {VERSION}; save the feeder again with the cosim that wrote it",
                file=str(path),
                key="version",
                value=str(header.get("version")),
            )
        )
    right: dict[str, Any] = {
        "name": str,
        "frequency_hz": (int, float),
        "digest": str,
        "report": (dict, type(None)),
    }
    wrong = [key for key, kind in right.items() if key not in header or not isinstance(header[key], kind)]
    if wrong:
        raise FeederError(Problem("missing or of the wrong type", file=str(path), key=key) for key in wrong)
    return header


def _assemble(header: dict[str, Any], arrays: dict[str, Array], path: Path) -> Feeder:
    problems: list[Problem] = []
    frames: dict[str, pd.DataFrame] = {}
    for table, columns in TABLES.items():
        found = {
            name.rsplit("/", 1)[1]: a for name, a in arrays.items() if name.startswith(f"tables/{table}/")
        }
        if table in CARRIED_PROTECTION and not found:
            frames[table] = frame(table, ())
            continue
        missing = [column.name for column in columns if column.name not in found]
        lengths = {len(values) if values.ndim == 1 else -1 for values in found.values()}
        if missing or len(lengths) != 1 or -1 in lengths:
            what = f"lacks columns {missing}" if missing else "has columns of different length"
            problems.append(Problem(f"table {what}", file=str(path), key=table))
            continue
        order = [column.name for column in columns] + sorted(set(found) - {column.name for column in columns})
        frames[table] = pd.DataFrame({name: _column(found[name], name) for name in order})
    parts: dict[str, tuple[Any, ...]] = {}
    for part in fields(Matrices):
        try:
            parts[part.name] = _matrices(part.name, arrays)
        except (KeyError, ValueError):
            problems.append(Problem("missing or cut short", file=str(path), key=f"matrices.{part.name}"))
    if problems:
        raise FeederError(problems)
    return Feeder(
        header["name"], float(header["frequency_hz"]), frames, Matrices(**parts), _report(header["report"])
    )


def _column(values: Array, name: str) -> Any:
    if values.dtype.kind != "U":
        return values
    text = values.astype(object)
    if name == "geo":  # pandapower's missing
        text[text == ""] = None
    return text


def _matrices(name: str, arrays: dict[str, Array]) -> tuple[Any, ...]:
    values = arrays[f"matrices/{name}"]
    if name in _SCALAR:
        return tuple(values.tolist())
    sizes = arrays[f"matrices/{name}.sizes"].astype(np.int64)
    counts = sizes**2 if name in _SQUARE else sizes
    if (sizes < 0).any() or counts.sum() != len(values):
        raise ValueError(name)
    pieces = np.split(values, np.cumsum(counts)[:-1]) if len(sizes) else []
    if name in _SQUARE:
        return tuple(piece.reshape(n, n).copy() for piece, n in zip(pieces, sizes, strict=True))
    return tuple(piece.copy() for piece in pieces)


def _report(data: dict[str, Any] | None) -> ImportReport | None:
    if data is None:
        return None
    items = [
        Item(str(i["kind"]), Outcome(i["outcome"]), str(i["effect"]), [str(n) for n in i["names"]])
        for i in data["items"]
    ]
    return ImportReport(str(data["source"]), items, [str(note) for note in data["notes"]])
