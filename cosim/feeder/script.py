"""Running an OpenDSS master file as data: only what describes the circuit reaches the engine.

The script is read here, files it redirects to are put in its place, and each command is sent
to a private engine context on its own. So an error names its file and line, paths inside the
script mean what they mean to OpenDSS without changing the process's working directory, and
commands that write, plot, show, start programs or load libraries are never sent. What the engine
writes of its own accord all the same goes to a folder that is gone when the script has run.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosim.errors import FeederError, MissingExtraError, Problem

# Commands that describe or solve a circuit; all others are left out and listed.
_ALLOWED = frozenset(
    [
        "new",
        "edit",
        "more",
        "m",
        "~",
        "select",
        "solve",
        "enable",
        "disable",
        "reset",
        "set",
        "open",
        "close",
        "clear",
        "clearall",
        "calcvoltagebases",
        "setkvbase",
        "buildy",
        "init",
        "allocateloads",
        "buscoords",
        "makebuslist",
        "interpolate",
        "reconductor",
        "setloadandgenkv",
        "setbusxy",
        "latlongcoords",
        "batchedit",
        "reprocessbuses",
        "var",
    ]
)
# Harmless ones that change nothing here and are not worth a line in the report.
_QUIET = frozenset(["//", "get", "?", "help", "next", "about", "addbusmarker", "clearbusmarkers", "wait"])
# Options that write files or name programs.
_FORBIDDEN_OPTIONS = [
    "datapath",
    "editor",
    "recorder",
    "demandinterval",
    "diverbose",
    "overloadreport",
    "voltexceptionreport",
    "querylog",
    "showexport",
    "registryupdate",
    "dssvisualizationtool",
    "casename",
    "log",
]
# Properties that make the engine load a library: refused. `debugtrace` writes a file: left out.
_LIBRARY_PROPERTIES = ("usermodel", "shaftmodel", "dynadll")
_TRACE = "debugtrace"

_FILE = re.compile(r"""(\b\w*file\s*=\s*)("[^"]*"|'[^']*'|[^\s,)\]}]+)""", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"""([%\w]+)\s*=\s*("[^"]*"|'[^']*'|\([^)]*\)|\[[^\]]*\]|\{[^}]*\}|[^\s,]*)""")
_LIBRARY = re.compile(r"\.(so|dll|dylib)(\.\d+)*$", re.IGNORECASE)
_PROTECTIVE = frozenset(["fuse", "recloser", "relay"])
_CONTROLS_UNSETTLED = 485
_MANY = 500


@dataclass
class Session:
    """An engine holding the circuit of a master file.

    Parameters
    ----------
    engine
        A private dss-python context.
    left_out
        Command verb to the places where it stood and was not obeyed.
    notes
        Things worth telling.
    verbs, options
        The engine's own lists, whose order decides what an abbreviation means.
    """

    engine: Any
    left_out: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)


def run_master(master: Path, *, controls: str) -> Session:
    """Run `master` in a fresh engine and leave its circuit solved.

    Raises
    ------
    FeederError
        A file is missing, or the engine rejects a command: file, line and its message.
    MissingExtraError
        dss-python is not installed.
    """
    try:
        from dss import DSS
    except ImportError:
        raise MissingExtraError(
            Problem("reading OpenDSS files needs the extra: pip install 'msa-cosim[opendss]'", key="opendss")
        ) from None
    if controls not in ("solved", "off"):
        raise FeederError(Problem("must be 'solved' or 'off'", key="controls", value=controls))
    if not master.is_file():
        raise FeederError(Problem("no such master file", file=str(master)))
    master = master.resolve()
    here = Path.cwd()
    engine = DSS.NewContext()
    os.chdir(here)  # a new engine puts the process back into the folder where it was imported
    engine.AllowForms = False
    engine.AllowEditor = False
    engine.AllowChangeDir = False
    session = Session(engine)
    session.verbs = [engine.Executive.Command(i + 1).lower() for i in range(engine.Executive.NumCommands)]
    session.options = [engine.Executive.Option(i + 1).lower() for i in range(engine.Executive.NumOptions)]
    with tempfile.TemporaryDirectory(prefix="cosim-opendss-") as aside:
        engine.DataPath = aside
        _run(master, session, controls)
    return session


def _run(master: Path, session: Session, controls: str) -> None:
    """Send every command of `master`, and see to it that its circuit is solved."""
    engine = session.engine
    solved = False
    for file, number, text in _commands(master, session, ()):
        verb = _verb(text, session.verbs)
        if verb == "solve":
            if controls == "solved":
                _solve(session, file, number, text)
                solved = True
        else:
            solved = solved and verb in ("buscoords", "setbusxy", "latlongcoords", "reset")
            _send(session, file, number, text)
    if not engine.NumCircuits:
        raise FeederError(Problem("defines no circuit", file=str(master)))
    if not solved:
        _solve(session, master, 0, "solve" if controls == "solved" else "solve controlmode=off")
    solution = engine.ActiveCircuit.Solution
    if not solution.Converged:
        session.notes.append(f"did not converge in {solution.MaxIterations} iterations; more were allowed")
        solution.MaxIterations = _MANY
        _solve(session, master, 0, "solve")
    if not solution.Converged:
        raise FeederError(Problem("the engine's own solution does not converge", file=str(master)))


def _solve(session: Session, file: Path, number: int, text: str) -> None:
    """One snapshot, whatever the mode: a feeder is a state, its days are studied elsewhere."""
    named = re.search(r"\bmode\s*=\s*(\w+)", text, re.IGNORECASE)
    solution = session.engine.ActiveCircuit.Solution
    if (named and not named[1].lower().startswith("snap")) or (not named and solution.Mode != 0):
        session.notes.append(f"{file.name}:{number}: solved as a snapshot instead of a study over time")
        text = "solve mode=snapshot"
    with _holding(session.engine):
        _send(session, file, number, text)


@contextmanager
def _holding(engine: Any) -> Iterator[None]:
    """Keep protective devices from acting: their sequences take place in time, a snapshot has none."""
    circuit: Any = engine.ActiveCircuit
    names = circuit.AllElementNames if engine.NumCircuits else ()
    held = []
    for name in names:
        if name.split(".", 1)[0].lower() in _PROTECTIVE:
            circuit.SetActiveElement(name)
            if circuit.ActiveCktElement.Enabled:
                circuit.ActiveCktElement.Enabled = False
                held.append(name)
    try:
        yield
    finally:
        for name in held:
            circuit.SetActiveElement(name)
            circuit.ActiveCktElement.Enabled = True


def _send(session: Session, file: Path, number: int, text: str) -> None:
    try:
        session.engine.Text.Command = text
    except Exception as error:  # the engine's exception class is only importable with the extra
        if type(error).__name__ != "DSSException":
            raise
        code, message = (*error.args, "", "")[:2]
        if code == _CONTROLS_UNSETTLED:
            session.notes.append("the controls did not settle within the engine's limit of control actions")
            return
        sentence = " ".join(str(message).split())
        raise FeederError(Problem(f"OpenDSS: {sentence}", file=str(file), line=number)) from None


def _commands(file: Path, session: Session, above: tuple[Path, ...]) -> Iterator[tuple[Path, int, str]]:
    """Every command to send, with its file and line, redirected files in place."""
    if file in above:
        raise FeederError(Problem("redirects to itself", file=str(file)))
    for number, line in _lines(file):
        verb = _verb(line, session.verbs)
        place = f"{file.name}:{number}"
        if verb in ("redirect", "compile"):
            inner = _resolve(file, number, _operand(line))
            yield from _commands(inner, session, (*above, file))
        elif verb == "quit":
            return
        elif verb in ("buscoords", "latlongcoords"):
            yield file, number, f'{verb} "{_resolve(file, number, _operand(line))}"'
        elif verb == "" or verb in _ALLOWED:
            yield file, number, _harmless(line, verb, file, number, session)
        elif verb not in _QUIET:
            session.left_out.setdefault(verb, []).append(place)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Lines with something on them, block comments left out."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    commented = False
    for number, line in enumerate(text.replace("\x1a", "").replace("\0", "").splitlines(), start=1):
        line = line.strip()
        if commented or line.startswith("/*"):
            commented = "*/" not in line
        elif line and not line.startswith(("!", "//")):
            yield number, line


def _verb(line: str, verbs: list[str]) -> str:
    """The command a line starts with, spelled out; empty for ``element.property=value`` lines.

    OpenDSS takes any abbreviation, the first in its own list winning. An unknown word passes as
    empty too, so that the engine can object to it.
    """
    if line.startswith("~"):
        return "~"
    word = re.split(r"[\s=,]", line, maxsplit=1)[0].strip("\"'").lower()
    if re.match(r"[^\s=,]+\s*=", line):
        return ""
    return _spelled_out(word, verbs)


def _spelled_out(word: str, words: list[str]) -> str:
    """OpenDSS's meaning of an abbreviation, empty if it has none."""
    if word in words:
        return word
    return next((known for known in words if word and known.startswith(word)), "")


def _operand(line: str) -> str:
    """The file name after a verb, without quotes and comment."""
    rest = re.split(r"[\s]", line, maxsplit=1)[1].strip() if re.search(r"\s", line) else ""
    rest = re.sub(r"^file\s*=\s*", "", rest, flags=re.IGNORECASE)
    closing = {'"': '"', "'": "'", "(": ")", "[": "]", "{": "}"}
    if rest[:1] in closing:
        return rest[1:].split(closing[rest[0]])[0]
    return re.split(r"\s|!|//", rest, maxsplit=1)[0]


def _resolve(base: Path, number: int, name: str) -> Path:
    """A file named in `base`, in OpenDSS's manner: relative to it, any slash, any case."""
    path = base.parent / name.replace("\\", "/")
    if path.is_file():
        return path.resolve()
    here = Path(path.anchor)
    for part in path.parts[1:]:
        if not (here / part).exists() and here.is_dir():
            part = next((p.name for p in here.iterdir() if p.name.lower() == part.lower()), part)
        here = here / part
    if not here.is_file():
        raise FeederError(Problem("no such file", file=str(base), line=number, value=name))
    return here.resolve()


def _harmless(line: str, verb: str, file: Path, number: int, session: Session) -> str:
    """`line` with data files named in full, and without what writes files or loads libraries.

    Raises
    ------
    FeederError
        It asks for a user model, which the engine would load, or names a library or another file
        where no data file belongs.
    """
    for match in reversed(list(_ASSIGNMENT.finditer(line))):
        name = match[1].lower()
        if verb != "set" and len(name) > 3 and any(word.startswith(name) for word in _LIBRARY_PROPERTIES):
            sentence = "user models are not loaded; replace the unit by one of the engine's own models"
            raise FeederError(Problem(sentence, file=str(file), line=number, key=name, value=match[2]))
        option = _spelled_out(name, session.options) if verb == "set" else ""
        if option in _FORBIDDEN_OPTIONS or (not option and len(name) > 3 and _TRACE.startswith(name)):
            session.left_out.setdefault(f"{name}=", []).append(f"{file.name}:{number}")
            line = line[: match.start()] + line[match.end() :]
    code, _, comment = line.partition("!")
    for token in re.split(r"""[\s,=()\[\]{}"'|]+""", _FILE.sub("", code)):
        if _LIBRARY.search(token) or (("/" in token or "\\" in token) and _names_file(file, token)):
            sentence = "names a file where no data file belongs; user models are not loaded"
            raise FeederError(Problem(sentence, file=str(file), line=number, value=token))

    def in_full(match: re.Match[str]) -> str:
        path = str(_resolve(file, number, match[2].strip("\"'")))
        return f'{match[1]}"{path}"' if " " in path else f"{match[1]}{path}"

    return _FILE.sub(in_full, code) + (f" !{comment}" if comment else "")


def _names_file(base: Path, token: str) -> bool:
    path = token.replace("\\", "/")
    return Path(path).is_file() or (base.parent / path).is_file()
