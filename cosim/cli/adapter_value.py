"""The command that compares products over the same outages: `cosim adapter value`."""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli.feeders import FeederArgument, open_feeder
from cosim.cli.runs import JsonOption
from cosim.cli.shell import MOST_SEED, MOST_YEARS, print_json, print_table, wrong_entries


def add_to(app: typer.Typer) -> None:
    """Add the command to `cosim adapter`."""
    app.command("value")(value)


def value(
    feeder: FeederArgument,
    adapter: Annotated[
        list[str] | None, typer.Option(help="Only this adapter, beside none; may be repeated.")
    ] = None,
    years: Annotated[int, typer.Option(help="Feeder-years.", min=1, max=MOST_YEARS)] = 10,
    storms: Annotated[bool, typer.Option(help="Storms too.")] = True,
    rates: Annotated[
        str, typer.Option(help="Entry of models/reliability, or a file of one's own.")
    ] = "us-average",
    weather: Annotated[str, typer.Option(help="Weather of the households.")] = "tmy3:greensboro",
    seed: Annotated[
        int, typer.Option(help="Seed of faults, crews, households and people.", min=0, max=MOST_SEED)
    ] = 1,
    json: JsonOption = False,
) -> None:
    """What each product is worth in the same outages: hours avoided, energy, critical loads, hazard.

    Example: cosim adapter value oak-street.feeder --years 20 --adapter tesco-bptm --json
    """
    from cosim import library
    from cosim.errors import LibraryError, Problem
    from cosim.feeder.protection import protection_of
    from cosim.reliability.draws import Rates
    from cosim.reliability.history import run_events
    from cosim.studies.reliability_value import NONE, compare, products, year_demand

    wrong = wrong_entries(*(("adapters", name) for name in adapter or ()), ("reliability", rates))
    known = {one.adapter for one in products()}
    if not wrong:
        wrong += [
            Problem("takes no home off the grid: nothing to compare", key="--adapter", value=name)
            for name in adapter or ()
            if name not in known
        ]
    if wrong:
        raise LibraryError(wrong)
    opened = open_feeder(feeder)
    demand = year_demand([str(name) for name in opened.home["name"]], seed, weather)
    entry = library.load("reliability", rates)
    history = run_events(opened, protection_of(opened), Rates.of(opened, entry), years, seed, storms=storms)
    chosen = [one for one in products() if not adapter or one.adapter in (NONE, *adapter)]
    found = [one.as_dict() for one in compare(opened, history, demand, chosen, seed=seed)]
    if json:
        print_json({"file": str(feeder), "years": years, "storms": storms, "products": found})
        return
    rows = [
        tuple("-" if v is None else f"{v:.4g}" if isinstance(v, float) else v for v in one.values())
        for one in found
    ]
    heads = (
        "adapter", "source", "outages", "home-h out", "h avoided", "share", "kWh served", "kWh asked", "critical",
        "survived", "ran dry", "hazards", "hazard min", "out of phase",
    )  # fmt: skip
    print_table(heads, rows)
