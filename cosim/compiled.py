"""Numba, set up once: where compiled code is kept and how kernels are declared.

Numba's disk cache looks only at the file a function stands in, so editing a
callee elsewhere would leave a stale caller. The cache folder is therefore named
by a digest of every kernel source, this file, and the versions that decide the
machine code. A run never meets code compiled from other sources.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from platformdirs import user_cache_dir

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE = Path(__file__).parent


def kernel_sources() -> list[Path]:
    """Files whose text decides the compiled code: every ``*kernels.py`` and this one."""
    return sorted([*PACKAGE.rglob("*kernels.py"), Path(__file__)])


def cache_digest() -> str:
    """Digest of all kernel sources and of the versions that compile them."""
    digest = hashlib.sha256()
    for path in kernel_sources():
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    for name in ("numba", "llvmlite", "numpy"):
        digest.update(importlib.metadata.version(name).encode())
    digest.update(f"{sys.version_info[:3]} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def _writable_cache_dir() -> Path:
    folder = Path(user_cache_dir("cosim")) / "numba" / cache_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:  # a home that cannot be written: compile into a fresh folder
        return Path(tempfile.mkdtemp(prefix="cosim-numba-"))
    return folder


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(_writable_cache_dir())

# Threads that wait spin by default, and take the core from whoever has work: on a busy machine this
# tripled the processor time of a run.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numba  # noqa: E402  (the cache folder must be named before numba reads it)

numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]

if TYPE_CHECKING:

    def kernel(function: F) -> F:
        """Typed as the plain function it wraps."""
        return function

    def inlined_kernel(function: F) -> F:
        """Typed as the plain function it wraps."""
        return function

    def parallel_kernel(function: F) -> F:
        """Typed as the plain function it wraps."""
        return function

else:
    # error_model="numpy": a division by zero gives inf as in NumPy and leaves loops vectorisable.
    kernel = numba.njit(cache=True, error_model="numpy", nogil=True)
    # Always inlined: for what an inner loop calls with many numbers, which passing on the stack would slow.
    inlined_kernel = numba.njit(cache=True, error_model="numpy", nogil=True, forceinline=True)
    parallel_kernel = numba.njit(cache=True, error_model="numpy", nogil=True, parallel=True)
