"""Compiling beside a first run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cosim.simulation import ahead


def test_it_calls_kernels_that_the_cache_then_has() -> None:
    ahead.compile_late_kernels()
    assert not ahead._cold()


def test_an_empty_cache_is_cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert ahead._cold()


@pytest.mark.parametrize(("wanted", "cold", "cores"), [(False, True, 2), (True, False, 2), (True, True, 1)])
def test_nothing_is_started_without_need(
    wanted: bool, cold: bool, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_cold", lambda: cold)
    monkeypatch.setattr(ahead.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(ahead.subprocess, "Popen", lambda *_, **__: pytest.fail("started"))
    with ahead.compiling_ahead(wanted):
        pass


def test_what_was_started_ends_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    plain = subprocess.Popen

    def start(command: list[str], **options: int) -> subprocess.Popen[bytes]:
        started.append(plain(command, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(ahead, "_cold", lambda: True)
    monkeypatch.setattr(ahead.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(ahead.subprocess, "Popen", start)
    with pytest.raises(KeyError), ahead.compiling_ahead(True):
        raise KeyError("the run failed")
    assert started[0].poll() is not None
