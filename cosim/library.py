"""Finds, reads and checks the entries of ``models/``, the library a planner edits.

An entry is one TOML file, ``models/<kind>/<name>.toml``; its file name is its name. What an
entry may hold is written as frozen models in `cosim.entries` and `cosim.adapter_entry`, which
are imported when the first entry is read, so that naming entries stays cheap.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from cosim.errors import LibraryError, Problem
from cosim.heat_base import merged, stands_in
from cosim.heat_faults import faults

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from cosim.adapter_entry import AdapterEntry
    from cosim.entries import (
        BreakerEntry,
        ConductorEntry,
        CurveEntry,
        DerEntry,
        Entry,
        MaterialEntry,
        SeriesRatingEntry,
        TransformerEntry,
    )
    from cosim.grid_profile_entry import GridProfileEntry
    from cosim.protection_entry import FuseEntry, ReclosingEntry, SectionalizerEntry
    from cosim.reliability_entry import ReliabilityEntry
    from cosim.tariff_entry import TariffEntry
    from cosim.tolerance_entry import ToleranceEntry
    from cosim.transfer_entry import TransferEntry
    from cosim.utility_entry import MeterEntry, PanelEntry, SocketEntry, UtilityEntry
    from cosim.varistor_entry import VaristorEntry

PACKAGE = Path(__file__).parent


def _data_folder(name: str) -> Path:
    packaged = PACKAGE / "_data" / name  # inside the wheel; in a source checkout it stands beside the package
    return packaged if packaged.is_dir() else PACKAGE.parent / name


def models_folder() -> Path:
    """Folder that holds ``adapters/``, ``breakers/``, ``conductors/`` and the other kinds."""
    return _data_folder("models")


def scenarios_folder() -> Path:
    """Folder that holds the shipped scenarios."""
    return _data_folder("scenarios")


def kinds() -> list[str]:
    """Kinds of entry: the folders of ``models/``."""
    return sorted(path.name for path in models_folder().iterdir() if path.is_dir())


def names(kind: str) -> list[str]:
    """Names of all entries of a kind, sorted.

    Raises
    ------
    LibraryError
        If there is no such kind; names the nearest.
    """
    if kind not in kinds():
        raise LibraryError(Problem(_unknown("kind", kind, kinds())))
    return sorted(path.stem for path in (models_folder() / kind).glob("*.toml"))


def entry_path(kind: str, name: str | Path) -> Path:
    """File of an entry, given by its name or by the path of a TOML file of one's own.

    Raises
    ------
    LibraryError
        If the name is unknown (names the nearest) or the file is missing.
    """
    if isinstance(name, Path) or name.endswith(".toml") or "/" in name:
        path = Path(name)
        if path.is_dir():
            raise LibraryError(Problem(_inside(path), file=str(path)))
        if not path.is_file():
            raise LibraryError(Problem("no such file; give the path of a TOML entry", file=str(path)))
        return path
    known = names(kind)
    if name not in known and Path(name).is_dir():
        raise LibraryError(Problem(_inside(Path(name)), file=name))
    if name not in known:
        raise LibraryError(Problem(_unknown(f"entry of models/{kind}", name, known)))
    return models_folder() / kind / f"{name}.toml"


def _inside(folder: Path) -> str:
    """What to say of a folder given in place of an entry."""
    files = sorted(path.name for path in folder.glob("*.toml"))
    shown = f"{', '.join(files[:5])}{', ...' if len(files) > 5 else ''}" if files else "there is none"
    return f"a folder, not an entry; give one TOML file in it: {shown}"


def raw(kind: str, name: str | Path) -> dict[str, Any]:
    """An entry as plain data, unchecked, with its name put in and its body on the bodies it names."""
    path = entry_path(kind, name)
    return _embodied(_read(path), path)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LibraryError(Problem(f"not a TOML file: {error}", file=str(path))) from error
    return {"name": path.stem, **data}


def _embodied(data: dict[str, Any], path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """An entry with the body under its own; `above` are the files that led here."""
    base = _base_path(data, path)
    if base is None:
        return data
    if base.resolve() in (chain := (*above, path.resolve())):
        round_trip = " on ".join(file.stem for file in (*chain, base))
        raise LibraryError(Problem(f"a body that stands on itself: {round_trip}", str(path), "heat.base"))
    body = _embodied(_read(base), base, chain).get("heat", {})
    return {**data, "heat": merged(data["heat"], body)}


def _base_path(data: Mapping[str, Any], path: Path) -> Path | None:
    """File of the body that an entry's own body stands on; a ``.toml`` name is relative to the entry's file."""
    heat = data.get("heat")
    name = heat.get("base") if isinstance(heat, Mapping) else None
    if not isinstance(name, str) or not name:
        return None  # a base that is no text is told by the schema
    try:
        return entry_path("bodies", path.parent / name if name.endswith(".toml") else name)
    except LibraryError as error:
        raise LibraryError([Problem(p.message, str(path), "heat.base") for p in error.problems]) from error


def raw_json(kind: str, name: str | Path) -> str:
    """An entry as JSON text, for keeping in a result file; `from_json` reads it back."""
    return json.dumps(raw(kind, name), ensure_ascii=False, default=str)


def from_json(kind: str, text: str) -> Entry:
    """Entry from the text that `raw_json` gave."""
    return check(kind, json.loads(text), file=f"{kind} entry kept in a result file")


@overload
def load(kind: Literal["adapters"], name: str | Path) -> AdapterEntry: ...
@overload
def load(kind: Literal["breakers"], name: str | Path) -> BreakerEntry: ...
@overload
def load(kind: Literal["curves"], name: str | Path) -> CurveEntry: ...
@overload
def load(kind: Literal["series-ratings"], name: str | Path) -> SeriesRatingEntry: ...
@overload
def load(kind: Literal["conductors"], name: str | Path) -> ConductorEntry: ...
@overload
def load(kind: Literal["materials"], name: str | Path) -> MaterialEntry: ...
@overload
def load(kind: Literal["sockets"], name: str | Path) -> SocketEntry: ...
@overload
def load(kind: Literal["meters"], name: str | Path) -> MeterEntry: ...
@overload
def load(kind: Literal["panels"], name: str | Path) -> PanelEntry: ...
@overload
def load(kind: Literal["utilities"], name: str | Path) -> UtilityEntry: ...
@overload
def load(kind: Literal["transformers"], name: str | Path) -> TransformerEntry: ...
@overload
def load(kind: Literal["der"], name: str | Path) -> DerEntry: ...
@overload
def load(kind: Literal["grid-profiles"], name: str | Path) -> GridProfileEntry: ...
@overload
def load(kind: Literal["tariffs"], name: str | Path) -> TariffEntry: ...
@overload
def load(kind: Literal["reliability"], name: str | Path) -> ReliabilityEntry: ...
@overload
def load(
    kind: Literal["protection"], name: str | Path
) -> FuseEntry | ReclosingEntry | SectionalizerEntry: ...
@overload
def load(kind: Literal["transfer"], name: str | Path) -> TransferEntry: ...
@overload
def load(kind: Literal["tolerances"], name: str | Path) -> ToleranceEntry: ...
@overload
def load(kind: Literal["varistors"], name: str | Path) -> VaristorEntry: ...
@overload
def load(kind: str, name: str | Path) -> Entry: ...
def load(kind: str, name: str | Path) -> Entry:
    """Read and check one entry.

    Parameters
    ----------
    kind
        Folder of ``models/``, such as ``"adapters"``.
    name
        Name of an entry, or path of a TOML file.

    Returns
    -------
    Entry
        Frozen; every product number is a `cosim.entries.Quantity` with its source.

    Raises
    ------
    LibraryError
        With every problem of the file: key, value and what would be right.
    """
    path = entry_path(kind, name)
    own = _read(path)
    data = _embodied(own, path)
    found: list[Problem] = []
    if (base := _base_path(own, path)) is not None:
        try:
            load("bodies", base)
        except LibraryError as error:
            found = list(error.problems)
    try:
        entry = check(kind, data, file=str(path))
    except LibraryError as error:
        found += [problem for problem in error.problems if not found or stands_in(own, problem.key)]
    if kind == "adapters":
        from cosim.adapter_check import misfits

        found += misfits(data, str(path))
    if not found:
        found += _dangling(entry, data, str(path))
    if found:
        raise LibraryError(found)
    return entry


def _dangling(entry: Entry, data: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """What an entry names that is not there, or is of another kind than it needs."""
    for kind, name in entry.references():
        try:
            entry_path(kind, name)
        except LibraryError as error:
            yield from (Problem(problem.message, file, _key_of(name, data)) for problem in error.problems)
            continue
        if message := entry.misfit(kind, name):
            yield Problem(message, file, _key_of(name, data), repr(name))


def _key_of(value: str, data: Any) -> str:
    """Dotted key of the first place that holds a value; empty if there is none."""
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        if item == value and key != "name":
            return str(key)
        if below := _key_of(value, item):
            return f"{key}.{below}"
    return ""


def check(kind: str, data: Mapping[str, Any], file: str = "") -> Entry:
    """Entry from plain data; raises `LibraryError` with all problems."""
    from pydantic import TypeAdapter, ValidationError

    schema = schema_of(kind, file)
    problems = list(_body_problems(data, file)) if kind in ("adapters", "bodies") else []
    try:
        entry = TypeAdapter(schema).validate_python(_tuples(data))
    except ValidationError as error:
        found = [_problem(schema, detail, file) for detail in error.errors()]
        raise LibraryError(found + problems) from error
    if problems:
        raise LibraryError(problems)
    return cast("Entry", entry)


def _body_problems(data: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """What is wrong with a body as a whole: loose parts, unknown ends and materials, current in an insulator."""
    for key, message in faults(data.get("heat"), names("materials"), conducts):
        yield Problem(message, file, key)


def conducts(material: str) -> bool:
    """Whether a material of the library has a resistivity."""
    resistivity = raw("materials", material).get("resistivity", {})
    return bool(resistivity.get("confidence") != "not found")


def schemas() -> dict[str, Any]:
    """Model (or union of models) that an entry of each kind is checked by."""
    from cosim.adapter_entry import AdapterEntry
    from cosim.contact_entry import ContactsEntry
    from cosim.entries import SCHEMAS
    from cosim.grid_profile_entry import SCHEMAS as PROFILES
    from cosim.heat_body import BodyEntry
    from cosim.house_entry import SCHEMAS as HOUSES
    from cosim.household_entry import SCHEMAS as HOUSEHOLDS
    from cosim.protection_entry import SCHEMAS as PROTECTION
    from cosim.reliability_entry import SCHEMAS as RELIABILITY
    from cosim.tariff_entry import SCHEMAS as TARIFFS
    from cosim.tolerance_entry import SCHEMAS as TOLERANCES
    from cosim.transfer_entry import SCHEMAS as TRANSFERS
    from cosim.utility_entry import SCHEMAS as SITES
    from cosim.varistor_entry import SCHEMAS as VARISTORS

    own = {"adapters": AdapterEntry, "bodies": BodyEntry, "contacts": ContactsEntry}
    return {
        **SCHEMAS,
        **HOUSES,
        **HOUSEHOLDS,
        **PROFILES,
        **PROTECTION,
        **RELIABILITY,
        **SITES,
        **TARIFFS,
        **TOLERANCES,
        **TRANSFERS,
        **VARISTORS,
        **own,
    }


def schema_of(kind: str, file: str = "") -> Any:
    """Model of one kind; raises `LibraryError` with the nearest kind that has one."""
    known = schemas()
    if kind not in known:
        raise LibraryError(Problem(_unknown("kind with a schema", kind, sorted(known)), file=file))
    return known[kind]


def _unknown(what: str, given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    return f"unknown {what} {given!r}; {hint}"


def _tuples(value: Any) -> Any:
    """TOML arrays as tuples, so that strict frozen models take them."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _problem(schema: Any, detail: ErrorDetails, file: str) -> Problem:
    """What pydantic found, as key, value and remedy."""
    from cosim.entries import fields_at, tags_of

    place = [part for part in detail["loc"] if not (isinstance(part, str) and part.startswith("<"))]
    tags = tags_of(schema)
    if detail["type"] in ("union_tag_not_found", "union_tag_invalid") and not place:
        wrong = repr(detail["ctx"]["tag"]) if detail["type"] == "union_tag_invalid" else ""
        return Problem(f"should be one of {', '.join(sorted(tags))}", file, "kind", wrong)
    if place and place[0] in tags:  # which model of a union it was checked by: no key of the file
        del place[0]
    key, given = ".".join(str(part) for part in place), repr(detail["input"])
    value = given if len(given) <= 60 else ""
    if detail["type"] == "extra_forbidden":
        near = _unknown("key", str(place[-1]), fields_at(schema, detail["loc"][:-1]))
        return Problem(near, file, key)
    if detail["type"] == "missing":
        return Problem("missing; add it (docs/library.md says what it means)", file, key)
    message = detail["msg"].removeprefix("Value error, ")
    return Problem(message[:1].lower() + message[1:], file, key, value)
