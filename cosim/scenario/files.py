"""Files that a scenario names: where their names stand in it, which they are, and a digest of what is in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cosim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from cosim.scenario.schema import Scenario

SOURCES = {
    ("feeder",): ("opendss", "file", "pandapower"),
    ("weather",): ("file",),
    ("demand",): ("csv", "parquet", "dss"),
    ("demand", "head"): ("csv", "parquet"),
}
# Entries of the library may be files of one's own: keys of tables, of groups of homes and of what hangs on them.
ENTRIES = {
    (): ("utility",),
    ("demand",): ("household",),
    ("faults",): ("rates",),
    ("crews",): ("entry",),
    ("studies", "backfeed_hazard"): ("source",),
}
ENTRIES_OF_GROUP = {
    (): ("adapter", "transfer", "household", "battery", "generator", "inverter"),
    ("battery",): ("entry", "tariff"),
    ("generator",): ("entry",),
    ("ev",): ("vehicle", "tariff"),
    ("inverter",): ("volt_var", "volt_watt", "ride_through"),
}
_NAME_IN_MASTER = re.compile(rb"[\w./\\-]+\.(?:dss|csv|txt|dbl|sng)\b", re.IGNORECASE)


class Named(NamedTuple):
    """A place in a scenario's data at which a file is named; ``kind:`` stands before the name if there is a kind."""

    table: dict[str, Any]
    key: str
    kind: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        text: str = self.table[self.key]
        return text.removeprefix(f"{self.kind}:") if self.kind else text

    def put(self, name: str) -> None:
        """Another in its place."""
        self.table[self.key] = f"{self.kind}:{name}" if self.kind else name


def named(data: Any) -> Iterator[Named]:
    """Every place in a scenario's data, checked or not, that names a file."""
    for path, kinds in SOURCES.items():
        table = _at(data, path)
        kind, _, name = _text(table, "source").partition(":")
        if kind in kinds and name:
            yield Named(table, "source", kind)
    entries = [(_at(data, path), key) for path, keys in ENTRIES.items() for key in keys]
    devices = _at(data, ("protection",)).get("devices")
    entries += [(device, "entry") for device in (devices if isinstance(devices, list | tuple) else ())]
    others = [(_at(data, ("population",)), "table")]
    for name in _at(data, ("homes",)):
        group = _at(data, ("homes", name))
        entries += [(_at(group, path), key) for path, keys in ENTRIES_OF_GROUP.items() for key in keys]
        others.append((_at(group, ("battery",)), "signal"))
    yield from (Named(table, key) for table, key in entries if _text(table, key).endswith(".toml"))
    yield from (Named(table, key) for table, key in others if _text(table, key))


def _at(data: Any, path: tuple[str, ...]) -> dict[str, Any]:
    """The table at a path; an empty one if there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _text(table: Any, key: str) -> str:
    """A text of a table; empty if there is none."""
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, str) else ""


def input_files(scenario: Scenario) -> list[Path]:
    """Every file that a run of the scenario reads, library entries by name apart."""
    own = scenario.written()[0]
    names = [place.name for place in named(scenario.model_dump(mode="json"))]
    return [file for name in (*names, own) if name for file in named_files(Path(name))]


def digest(scenario: Scenario) -> str:
    """Digest of a scenario with the contents of its files in place of their names."""
    data = scenario.model_dump(mode="json")
    del data["variants"]  # what was not chosen does not decide the run
    for place in named(data):
        place.put(_content(Path(place.name)))
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _content(file: Path) -> str:
    """Digest of a file and, for an OpenDSS master, of the files it names, and those they name."""
    total = hashlib.sha256()
    for _, content in _with_named(file):
        total.update(content)
    return total.hexdigest()


def named_files(file: Path) -> list[Path]:
    """A file and, if it is an OpenDSS master, the files it names, and those they name."""
    return [path for path, _ in _with_named(file)]


def _with_named(file: Path) -> Iterator[tuple[Path, bytes]]:
    waiting, seen = [file], {file}
    while waiting:
        current = waiting.pop(0)
        try:
            content = current.read_bytes()
        except OSError as error:
            raise ScenarioError(Problem(f"cannot be read: {error.strerror}", str(current))) from error
        yield current, content
        if current.suffix.lower() != ".dss":
            continue
        for name in dict.fromkeys(_NAME_IN_MASTER.findall(content)):
            below = current.parent / name.decode(errors="replace").replace("\\", "/")
            if below not in seen and below.is_file():
                seen.add(below)
                waiting.append(below)
