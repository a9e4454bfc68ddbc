"""From a TOML file, a variant and overrides to a checked `Scenario`, with every problem told at once."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cosim.errors import Problem, ScenarioError
from cosim.library import scenarios_folder
from cosim.scenario import files, rules
from cosim.scenario.declared import annotation_at, keys_at, model_of
from cosim.scenario.entry_rules import nearest
from cosim.scenario.locator import locate
from cosim.scenario.quantities import Amount
from cosim.scenario.schema import Scenario

Place = tuple[str | int, ...]  # keys and list indices from the top
CURVE_KEYS = ("volt_var", "volt_watt")  # of a group's inverter


def load(
    path: str | Path,
    overrides: Mapping[str, object] | None = None,
    variant: str | None = None,
) -> Scenario:
    """Read a scenario file, apply a variant and overrides, and check everything.

    Parameters
    ----------
    path
        A TOML file, with or without its suffix, or the name of a shipped scenario such as ``"heat-wave"``.
    overrides
        Values by dotted key, such as ``{"homes.solar.share": 0.5}``; applied after the variant.
    variant
        Name of one of the file's ``[variants.NAME]`` tables.

    Returns
    -------
    Scenario
        Checked; paths in it are absolute.

    Raises
    ------
    ScenarioError
        With every problem found: file, line, key, value, and what would be right.
    """
    document = Document.read(find(path))
    if variant is not None:
        document.apply_variant(variant)
    document.apply_overrides(overrides or {})
    return document.scenario()


def find(path: str | Path) -> Path:
    """File of a scenario: a path, with or without ``.toml``, else the name of a shipped one."""
    given = Path(path)
    beside = given.with_name(f"{given.name}.toml") if given.name else given
    for file in (given, beside):
        if file.is_file():
            return file
    if given.is_dir():
        raise ScenarioError(Problem("is a directory; give a scenario file", file=str(path)))
    if given.suffix != ".toml" and given.name == str(path):
        return find_shipped(given.name)
    raise ScenarioError(Problem("no such file", file=str(path)))


def find_shipped(name: str) -> Path:
    """File of a scenario that comes with cosim."""
    shipped = scenarios_folder() / f"{name}.toml"
    if name not in shipped_names():
        hint = nearest(name, shipped_names())
        raise ScenarioError(Problem(f"no such file or shipped scenario{hint}", file=name))
    return shipped


def shipped_names() -> list[str]:
    """Names of the scenarios that come with cosim."""
    return sorted(path.stem for path in scenarios_folder().glob("*.toml"))


def parse_settings(settings: Iterable[str]) -> dict[str, object]:
    """Overrides from ``key=value`` texts; the value is read as TOML, else kept as text.

    Raises
    ------
    ScenarioError
        For texts without a key or an equals sign.
    """
    overrides: dict[str, object] = {}
    problems = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            problems.append(Problem("should be KEY=VALUE, such as --set seed=3", file="--set", value=setting))
            continue
        overrides[key.strip()] = _toml_value(text.strip())
    if problems:
        raise ScenarioError(problems)
    return overrides


@dataclass(frozen=True)
class _Typed:
    """A TOML value with the text it was read from, for keys that want text."""

    value: object
    text: str


def _toml_value(text: str) -> object:
    try:
        table = tomllib.loads(f"v = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return _Typed(table["v"], text) if set(table) == {"v"} else text


def from_json(text: str) -> Scenario:
    """Scenario from the text of `Scenario.to_json`."""
    try:
        data = json.loads(text)
        return Scenario.model_validate(_tuples(data))
    except json.JSONDecodeError as error:
        raise ScenarioError(Problem(f"not the JSON of a scenario: {error}")) from error
    except ValidationError as error:
        raise ScenarioError([Problem(_said(e), key=_dotted(e["loc"])) for e in error.errors()]) from error


class Document:
    """A scenario as plain data, knowing where each value was written."""

    def __init__(self, file: Path, data: dict[str, Any], lines: dict[Place, int]) -> None:
        self.file = file
        self.data = data
        self.lines = lines
        self.origins: dict[Place, str] = {}  # path -> "--set" or the like, for values not from the file
        self.problems: list[Problem] = []

    @classmethod
    def read(cls, file: Path) -> Document:
        """Parse a file; raises `ScenarioError` if it is not TOML."""
        try:
            text = file.read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            raise ScenarioError(
                Problem(f"not valid TOML: {error}", str(file), line=int(line[1]) if line else 0)
            ) from error
        except UnicodeDecodeError as error:
            raise ScenarioError(Problem(f"not a UTF-8 text: {error}", str(file))) from error
        except OSError as error:
            raise ScenarioError(Problem(f"cannot be read: {error.strerror}", str(file))) from error
        return cls(file, data, locate(text))

    def problem(self, path: Place, message: str, value: object = None) -> Problem:
        """A problem at a path, with the file and line (or flag) where its nearest known part was written."""
        below = [flag for place, flag in self.origins.items() if place[: len(path)] == path]
        if below and path not in self.lines:
            return Problem(message, below[0], _dotted(path), _shown(value))
        for length in range(len(path), -1, -1):
            if path[:length] in self.origins:
                return Problem(message, self.origins[path[:length]], _dotted(path), _shown(value))
            if path[:length] in self.lines:
                return Problem(
                    message, str(self.file), _dotted(path), _shown(value), self.lines[path[:length]]
                )
        return Problem(message, str(self.file), _dotted(path), _shown(value))

    def apply_variant(self, name: str) -> None:
        """Apply ``[variants.NAME]``."""
        variants = self.data.get("variants", {})
        if not isinstance(variants, dict) or not isinstance(variants.get(name), dict):
            known = list(variants) if isinstance(variants, dict) else []
            hint = nearest(name, known) if known else "; the file has none"
            raise ScenarioError(Problem(f"no variant of this name{hint}", str(self.file), "variants", name))
        leaves = list(_leaves(variants[name], (), ("variants", name)))
        given = {path for path, _, _ in leaves}
        for path, value, written in leaves:
            # A new group comes with more than a share; a share alone is a misspelt name.
            adds_group = len({other for other in given if other[:2] == path[:2]}) > 1
            self._put(path, value, written=written, adds_group=adds_group)

    def apply_overrides(self, overrides: Mapping[str, object]) -> None:
        """Put values in place of what stands at their dotted keys."""
        for key, value in overrides.items():
            self._put(_split(key), value, origin="--set")
        if "feeder.source" in overrides and isinstance(self.data.get("feeder"), dict):
            self._drop_keys_of_other_feeders()

    def _drop_keys_of_other_feeders(self) -> None:
        """Leave out what the file says of the feeder that another source took the place of."""
        feeder = self.data["feeder"]
        kind = str(feeder["source"]).partition(":")[0]
        others = {key for keys in rules.OWN_KEYS.values() for key in keys}.difference(
            rules.OWN_KEYS.get(kind, ())
        )
        for key in others & set(feeder):
            if ("feeder", key) not in self.origins:  # given beside the source, it is a mistake and told
                del feeder[key]

    def _put(
        self, path: Place, value: object, origin: str = "", written: Place = (), *, adds_group: bool = False
    ) -> None:
        """Set one value, given by a flag or written elsewhere in the file, making tables on the way."""
        line = self.lines.get(written, 0)
        homes = self.data.get("homes")
        homes = homes if isinstance(homes, dict) else {}
        if path[0] == "homes" and len(path) > 2 and path[1] not in homes and not adds_group:
            message = f"no group of this name{nearest(str(path[1]), [str(name) for name in homes])}"
            self.problems.append(Problem(message, origin or str(self.file), _dotted(path), line=line))
            return
        if isinstance(value, _Typed):
            wants_text = annotation_at(path) is str and not isinstance(value.value, str)
            value = value.text if wants_text else value.value
        if path[0] == "homes" and len(path) == 4 and path[2] == "inverter":
            kit = homes[path[1]]
            if isinstance(kit, dict) and isinstance(name := kit.get("inverter"), str):
                kit["inverter"] = dict.fromkeys(CURVE_KEYS, name)  # a name alone stands for both curves
        if path[0] == "homes" and len(path) == 4 and path[2] in ("battery", "generator"):
            kit = homes[path[1]]
            if isinstance(kit, dict) and isinstance(name := kit.get(path[2]), str):
                kit[path[2]] = {"entry": name}
        if path[0] == "homes" and len(path) == 4 and path[2] == "jaws":
            kit = homes[path[1]]
            if isinstance(kit, dict) and isinstance(text := kit.get("jaws"), str):
                kit["jaws"] = {} if text in ("new", "population") else {"age": text}
        if not _set(self.data, path, value):
            message = "there is no such place in the scenario"
            self.problems.append(Problem(message, origin or str(self.file), _dotted(path), line=line))
            return
        self.lines = {p: n for p, n in self.lines.items() if p[: len(path)] != path}
        self.origins = {p: flag for p, flag in self.origins.items() if p[: len(path)] != path}
        if origin:
            self.origins[path] = origin
        else:
            self.lines[path] = line

    def scenario(self) -> Scenario:
        """The checked scenario.

        Raises
        ------
        ScenarioError
            With all problems: those of single keys, and those between keys as far as the
            keys concerned are right.
        """
        data = self._absolute(_tuples(self.data))
        problems: list[Problem] = list(self.problems)
        wrong: set[str] = set()
        try:
            scenario = Scenario.model_validate(data)
        except ValidationError as error:
            problems += self._told(error.errors(), data)
            scenario, wrong = _what_is_right(data, error)
        named = self.data.get("homes", {})
        groups = set(named) if isinstance(named, dict) else set()
        problems += [self.problem(*found) for found in rules.violations(scenario, groups, wrong)]
        if problems:
            problems.sort(key=lambda problem: problem.line)
            raise ScenarioError(problems)
        scenario._file, scenario._lines = str(self.file), self.lines
        return scenario

    def _told(self, details: list[ErrorDetails], data: Any) -> Iterator[Problem]:
        paths = [_known_path(detail["loc"], data) for detail in details]
        for detail, path in zip(details, paths, strict=True):
            kind = detail["type"]
            below = any(other[: len(path)] == path and len(other) > len(path) for other in paths)
            if kind == "too_short" and below:
                continue  # said only because every item was wrong
            key = str(detail["loc"][-1]) if detail["loc"] else ""
            if kind == "extra_forbidden":
                yield self.problem(path, f"unknown key{nearest(key, keys_at(path[:-1]))}")
            elif kind == "missing" and isinstance(detail["loc"][-1], int):
                yield self.problem(path, "has too few items")
            elif kind == "missing":
                yield self.problem((*path, key), "missing; a scenario must give it")
            else:
                yield self.problem(path, _said(detail), detail["input"])

    def _absolute(self, data: Any) -> Any:
        """File names resolved against the folder of the scenario file."""
        folder = self.file.resolve().parent
        for place in files.named(data):
            place.put(str(folder / place.name))
        return data


def variant_names(path: str | Path) -> list[str]:
    """Variants that a scenario file has."""
    variants = Document.read(find(path)).data.get("variants", {})
    return list(variants) if isinstance(variants, dict) else []


def _leaves(table: Mapping[str, Any], path: Place, written: Place) -> Iterator[tuple[Place, object, Place]]:
    """(path in the scenario, value, path where written) of every value of a table of differences."""
    for key, value in table.items():
        below, here = path + _split(key), (*written, key)
        replaced_whole = model_of(annotation_at(below)) is Amount
        if isinstance(value, Mapping) and not replaced_whole:
            yield from _leaves(value, below, here)
        else:
            yield below, value, here


def _split(key: str) -> Place:
    return tuple(int(part) if part.isascii() and part.isdigit() else part for part in key.split("."))


def _set(data: Any, path: Place, value: object) -> bool:
    """Set a value, making tables on the way; False if the path leads through something else."""
    for part in path[:-1]:
        if isinstance(data, dict):
            data = data.setdefault(part, {})
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return False
    last = path[-1]
    in_list = isinstance(data, list) and isinstance(last, int) and last < len(data)
    fits = in_list or isinstance(data, dict)
    if fits:
        data[last] = value
    return fits


def _tuples(value: Any) -> Any:
    """A copy with lists as tuples, which strict frozen models want."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _known_path(location: tuple[str | int, ...], data: Any) -> Place:
    """The part of an error's location that the data has; union tags are left out."""
    path: list[str | int] = []
    for part in location:
        in_list = isinstance(data, tuple) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data = data[part]
            path.append(part)
    return tuple(path)


STAND_INS: dict[str, Any] = {"start": "2001-01-01", "duration": "1 d"}


def _what_is_right(data: Any, error: ValidationError) -> tuple[Scenario, set[str]]:
    """Scenario without its wrong values, so that the rest can be checked, and their top-level keys."""
    wrong: set[str] = set()
    while True:
        details = error.errors()
        paths = [_known_path(detail["loc"], data) for detail in details]
        for detail, path in zip(details, paths, strict=True):
            place = (*path, detail["loc"][-1]) if detail["type"] == "missing" else path
            wrong.add(str(place[0]))
            if len(place) == 1 and place[0] in STAND_INS:
                data[place[0]] = STAND_INS[str(place[0])]
            elif len(place) == 3 and place[::2] == ("homes", "share") and place[1] in data.get("homes", ()):
                data["homes"][place[1]]["share"] = 0.0  # events may name the group
            else:
                _remove(data, path)
        try:
            return Scenario.model_validate(data), wrong
        except ValidationError as again:
            error = again


def _remove(data: Any, path: Place) -> None:
    """Drop what stands at a path, if it still does; an item of a list takes the list with it."""
    for part in path[:-1]:
        below = data.get(part)
        if not isinstance(below, dict):
            data.pop(part, None)
            return
        data = below
    data.pop(path[-1], None)


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in path)


def _shown(value: object) -> str:
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, date):
        return str(value)
    text = repr(list(value) if isinstance(value, tuple) else value)
    return (
        text if len(text) <= 80 else f"{text[:37]}...{text[-40:]}"
    )  # a path ends with what tells files apart


RIGHT_TYPE = {
    "model_type": "should be a table",
    "dict_type": "should be a table",
    "mapping_type": "should be a table",
    "tuple_type": "should be a list in brackets",
    "string_type": "should be text in quotes",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
}


NAMED = ("inverter", "battery", "generator")  # of a group: the name of an entry stands for a table


def _said(detail: ErrorDetails) -> str:
    """What would be right, in words of TOML."""
    if RIGHT_TYPE.get(detail["type"]) == "should be a table":
        if detail["loc"] == ("homes",):
            return "should be a table for each group, such as [homes.solar]"
        if detail["loc"][0] == "homes" and detail["loc"][-1] in NAMED:
            return "should be the name of an entry of models/der, or a table"
    message = detail["msg"].replace("Input should be", "should be", 1)
    return RIGHT_TYPE.get(detail["type"], message)
