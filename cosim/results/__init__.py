"""Result files: one table of what stands in them, a writer that survives being killed, a reader.

Names load when used: `Results`, `open_results`, `recover`, `RunWriter`, `estimate_bytes`,
`Summary`, `summarise`; blocks and plans stand in `cosim.results.record`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosim.results.join import recover
    from cosim.results.reader import Results, open_results
    from cosim.results.summary import Summary, summarise
    from cosim.results.writer import RunWriter, estimate_bytes

__all__ = ["Results", "RunWriter", "Summary", "estimate_bytes", "open_results", "recover", "summarise"]

_HOMES = {
    "Results": "reader",
    "open_results": "reader",
    "recover": "join",
    "RunWriter": "writer",
    "estimate_bytes": "writer",
    "Summary": "summary",
    "summarise": "summary",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
