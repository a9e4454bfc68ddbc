"""What may be wrong with a name that a scenario gives, of a library entry above all."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from functools import lru_cache

from cosim import library
from cosim.errors import LibraryError

Violation = tuple[tuple[str | int, ...], str, object]  # path, what would be right, value

MOST_TOLD = 20  # problems of one library entry


def library_violations(
    path: tuple[str | int, ...], kind: str, name: str | None, der_kind: str | None = None
) -> Iterator[Violation]:
    """What is wrong with a library entry's name: unknown, malformed, or of another kind than `der_kind`."""
    if name is None:
        return
    try:
        modified = library.entry_path(kind, name).stat().st_mtime_ns
    except LibraryError as error:
        for problem in error.problems:
            yield path, problem.message, problem.file or None
        return
    if kind != "households":  # those are read and checked by the demand model
        for message in _entry_problems(kind, name, der_kind, modified):
            yield path, message, None


@lru_cache(maxsize=256)
def _entry_problems(kind: str, name: str, der_kind: str | None, modified: int) -> tuple[str, ...]:
    """What is wrong inside an entry; kept until its file changes, since a sweep asks for every case."""
    try:
        entry = library.load(kind, name)
    except LibraryError as error:
        told = [": ".join(filter(None, (p.file, p.key, p.message))) for p in error.problems]
        more = [f"{told[0].partition(': ')[0]}: and {len(told) - MOST_TOLD} more problems"]
        return (*told[:MOST_TOLD], *(more if len(told) > MOST_TOLD else ()))
    if der_kind is None or getattr(entry, "kind", None) == der_kind:
        return ()
    known = [n for n in library.names("der") if library.raw("der", n).get("kind") == der_kind]
    return (f"{name!r} is no {der_kind}; those of models/der are: {', '.join(known)}",)


def nearest(given: str, known: Collection[str]) -> str:
    """Hint at the nearest known name, or a few of those there are."""
    found = difflib.get_close_matches(given, list(known), n=1, cutoff=0.5)
    if found:
        return f" (did you mean {found[0]!r}?)"
    shown = sorted(known)[:6]
    return f"; known: {', '.join(shown)}{', ...' if len(known) > 6 else ''}" if shown else "; there are none"
