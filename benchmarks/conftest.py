"""The `pair` fixture: cosim and a peer, round by round in turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEEDS = "needs "
_SKIPPED: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--smoke", action="store_true", help="a few steps, one round: the work is asserted, not timed"
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        name = report.nodeid.partition("::")[2].removeprefix("bench_")
        _SKIPPED[name] = report.longrepr[2].removeprefix("Skipped: ")


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    output_json["skipped"] = dict(_SKIPPED)


@pytest.fixture(scope="session")
def smoke(request: pytest.FixtureRequest) -> bool:
    """Whether only the work is to be asserted."""
    return bool(request.config.getoption("--smoke"))


@pytest.fixture
def pair(benchmark: Any, smoke: bool) -> Callable[..., Any]:
    """Measures `own` and `peer` in turn, so that both meet the same noise, and keeps the pairs.

    The first call of each is apart: it compiles or loads code, and touches memory for the first time.
    """

    def measure(
        own: Callable[[], Any],
        peer: Callable[[], Any],
        *,
        unit: str,
        units: int,
        peer_name: str,
        peer_units: int | None = None,
        rounds: int = 7,
        needs: str = "",
        **facts: Any,
    ) -> None:
        peer_s: list[float] = []

        def peer_round() -> None:
            start = time.perf_counter()
            peer()
            peer_s.append(time.perf_counter() - start)

        start = time.perf_counter()
        own()
        first_s = time.perf_counter() - start
        if not smoke:
            peer()
        benchmark.pedantic(own, setup=peer_round, rounds=1 if smoke else rounds, iterations=1)
        benchmark.extra_info |= {
            "unit": unit,
            "units": units,
            "peer": peer_name,
            "peer_units": units if peer_units is None else peer_units,
            "peer_s": peer_s,
            "first_s": first_s,
            "needs": needs,
            "facts": facts,
        }

    return measure


@pytest.fixture(scope="session")
def ieee8500() -> Path:
    """Master file of the IEEE 8500-node feeder beside the checkout."""
    master = ROOT.parent / "shared" / "feeders" / "dss" / "ieee8500" / "Master.dss"
    if not master.is_file():
        pytest.skip(f"{NEEDS}the IEEE 8500-node feeder in ../shared/feeders/dss/ieee8500")
    return master
