"""What workers of this machine are started with."""

from __future__ import annotations

import os

import pytest

from cosim.sweeps.runner import connected


def numba_threads() -> int:
    import numba

    return numba.config.NUMBA_NUM_THREADS


@pytest.mark.slow
def test_workers_hold_one_thread_and_the_caller_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread count left in the caller's environment stops Numba's next compilation there."""
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    with connected("local") as client:
        assert "NUMBA_NUM_THREADS" not in os.environ
        threads = client.run(numba_threads)
    assert set(threads.values()) == {1}
    assert "NUMBA_NUM_THREADS" not in os.environ
