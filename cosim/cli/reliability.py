"""The command about interruptions over many years: reliability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.runs import JsonOption, QuietOption
from cosim.cli.shell import MOST_SEED, MOST_YEARS, Meter, print_json, print_table

if TYPE_CHECKING:
    from cosim.devices.protection import Protection
    from cosim.feeder.feeder import Feeder
    from cosim.reliability.indices import Index, Indices
    from cosim.reliability_entry import ReliabilityEntry


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(reliability)


def reliability(
    case: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|FEEDER",
            help="A scenario, whose feeder is taken, or a saved feeder, OpenDSS master or pandapower net.",
            show_default=False,
        ),
    ],
    years: Annotated[int, typer.Option(help="Feeder-years.", min=1, max=MOST_YEARS)] = 200,
    seed: Annotated[int, typer.Option(help="Seed of faults, storms and crews.", min=0, max=MOST_SEED)] = 1,
    rates: Annotated[
        str, typer.Option(help="Entry of models/reliability, or a file of one's own.")
    ] = "us-average",
    storms: Annotated[bool, typer.Option(help="Storms too.")] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(help="'local' for a process on each core, or the address of a Dask scheduler."),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            help="Also find the factors that give SAIFI 1.02 and CAIDI 121 min; storms are off then."
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Interruption indices of a feeder, IEEE 1366, over many years without a power flow.

    Faults strike by rate, protective devices clear them by their curves, crews repair them.

    Example: cosim reliability oak-street.feeder --years 500 --seed 1 --json
    """
    from cosim import library
    from cosim.errors import LibraryError, Problem
    from cosim.feeder.protection import protection_of
    from cosim.reliability.assessment import assess
    from cosim.reliability.draws import Rates
    from cosim.sweeps.years import run_years

    if calibrate and storms:
        raise LibraryError(Problem("are off while factors are found: leave one of both out", key="--storms"))
    entry = library.load("reliability", rates)
    feeder = _feeder(case)
    protection = protection_of(feeder)
    if calibrate:
        _calibrate(feeder, protection, entry, years, seed, scheduler, json)
        return
    with Meter("faults, protection, crews", "feeder-year", quiet or json) as meter:
        history = run_years(
            feeder, protection, Rates.of(feeder, entry), years, seed,
            storms=storms, scheduler=scheduler, progress=meter,
        )  # fmt: skip
    found = assess(feeder, history)
    if json:
        print_json({"years": years, "seed": seed, "rates": entry.name, "storms": storms, **found.as_dict()})
        return
    typer.echo(
        f"{feeder.name}: {found.homes} homes, {found.overhead_km:.1f} km overhead and {found.underground_km:.1f} km "
        f"underground, {len(protection.devices)} devices; {found.faults_per_year:.1f} faults a year over {years} years"
    )
    days = [("every day", found.every_day), ("without major event days", found.without_major_event_days)]
    print_table(["index", *(name for name, _ in days)], _rows([one for _, one in days]))


def _calibrate(
    feeder: Feeder,
    protection: Protection,
    entry: ReliabilityEntry,
    years: int,
    seed: int,
    scheduler: str | None,
    json: bool,
) -> None:
    """Tell the two factors, and the indices that they lead to."""
    from functools import partial

    from cosim.reliability.assessment import calibrate
    from cosim.sweeps.years import run_years

    runs = partial(run_years, scheduler=scheduler)
    entry, found = calibrate(feeder, protection, entry, years, seed, run_years=runs)
    factors = entry.calibration
    if json:
        told = {"permanent": factors.permanent.value, "durations": factors.durations.value}
        print_json({"years": years, "seed": seed, "calibration": told, **found.as_dict()})
        return
    typer.echo(
        f"permanent rates times {factors.permanent.value:.4f}, durations times {factors.durations.value:.4f}"
    )
    print_table(["index", "every day"], _rows([found.every_day]))


def _rows(columns: list[Indices]) -> list[list[str]]:
    """Indices a row; 95 % intervals from the scatter of the years."""
    told = (
        ("SAIFI [1/year]", "saifi", ".3f"), ("SAIDI [min/year]", "saidi_min", ".1f"),
        ("CAIDI [min]", "caidi_min", ".1f"), ("MAIFI [1/year]", "maifi", ".2f"),
        ("MAIFI_E [1/year]", "maifi_e", ".2f"), ("ASAI", "asai", ".6f"),
    )  # fmt: skip

    def cell(index: Index, form: str) -> str:
        return f"{index.value:{form}} ± {index.half_width:{form}}"

    rows = [[title, *(cell(getattr(column, name), form) for column in columns)] for title, name, form in told]
    for count in (1, 3, 5):
        shares = [column.cemi[count - 1] if count <= len(column.cemi) else 0.0 for column in columns]
        rows.append([f"CEMI-{count}", *(f"{share:.2%}" for share in shares)])
    return [*rows, ["days left out", *(str(column.major_event_days) for column in columns)]]


def _feeder(case: str) -> Feeder:
    """The feeder of a scenario or of a file."""
    from cosim.cli.feeders import open_feeder
    from cosim.scenario import Scenario
    from cosim.simulation.sources import feeder_of

    path = Path(case)
    if path.suffix.lower() in (".feeder", ".dss", ".json"):
        return open_feeder(path)
    return feeder_of(Scenario.load(case))
