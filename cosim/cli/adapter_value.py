"""The command that compares products over the same outages: `cosim adapter value`."""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli.feeders import FeederArgument, open_feeder
from cosim.cli.runs import JsonOption
from cosim.cli.shell import MOST_SEED, MOST_YEARS, print_json, print_table, wrong_entries

MOST_SOLAR_KW = 100.0


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
    solar_kw: Annotated[
        float, typer.Option(help="Solar on every roof; it fills batteries in outages.")
    ] = 0.0,
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
    from cosim.studies.reliability_value import NONE, compare, products, year_of

    wrong = wrong_entries(*(("adapters", name) for name in adapter or ()), ("reliability", rates))
    if not 0.0 <= solar_kw <= MOST_SOLAR_KW:
        wrong.append(Problem(f"must be 0 to {MOST_SOLAR_KW:g} kW", key="--solar-kw", value=f"{solar_kw:g}"))
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
    demand, solar = year_of([str(name) for name in opened.home["name"]], seed, weather, solar_kw)
    entry = library.load("reliability", rates)
    history = run_events(opened, protection_of(opened), Rates.of(opened, entry), years, seed, storms=storms)
    chosen = [one for one in products() if not adapter or one.adapter in (NONE, *adapter)]
    found = [one.as_dict() for one in compare(opened, history, demand, chosen, seed=seed, solar_w=solar)]
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
