"""Command about the ageing of an adapter's contacts: age."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosim.cli.runs import JsonOption, QuietOption
from cosim.cli.shell import Meter, print_json, print_table


def add_to(app: typer.Typer) -> None:
    """Add the command to `cosim adapter`."""
    app.command()(age)


def age(
    name: Annotated[str, typer.Argument(help="Name of an adapter, or a TOML file.", show_default=False)],
    years: Annotated[float, typer.Option(help="How long.")] = 20.0,
    homes: Annotated[int, typer.Option(help="Homes computed for the central values.")] = 10_000,
    insertions: Annotated[
        str, typer.Option(help="Years at which the meter is changed, such as 10 or 5,12; none if not given.")
    ] = "",
    draws: Annotated[
        int, typer.Option(help="Draws of all estimates over their ranges; 0 leaves that uncertainty out.")
    ] = 60,
    population: Annotated[str, typer.Option(help="Population of models/contacts.")] = "us-sockets",
    weather: Annotated[str, typer.Option(help="Weather, as in a scenario.")] = "tmy3:greensboro",
    timezone: Annotated[str, typer.Option(help="Time zone of the homes.")] = "America/New_York",
    ev_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of homes that charge a car.")
    ] = 0.0,
    branch_a: Annotated[float, typer.Option(min=0.0, help="Constant current of the adapter's branch.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same numbers.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write an HTML page as well.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Age the contacts over years: how many jaws grow hot or glow, beside published counts.

    Example: cosim adapter age bare-socket --years 20 --insertions 10 --out sockets.html
    """
    from cosim import library
    from cosim.errors import LibraryError
    from cosim.outputs import output_file
    from cosim.studies.hot_socket import PUBLISHED, hot_sockets
    from cosim.studies.hot_socket_exposure import household_exposure
    from cosim.studies.hot_socket_page import page

    if out is not None:
        output_file(out, [library.entry_path("adapters", name)], LibraryError)
    pulled = _years(insertions)
    exposure = household_exposure(weather, timezone, ev_share=ev_share, branch_a=branch_a, seed=seed)
    with Meter("ageing", "draws", quiet=quiet or json) as meter:
        found = hot_sockets(
            name, years=years, homes=homes, insertions=pulled, draws=draws, population=population,
            exposure=exposure, seed=seed, progress=meter,
        )  # fmt: skip
    if out is not None:
        out.write_text(page(found), encoding="utf-8")
    if json:
        print_json(found.as_dict())
        return
    columns = ("per million", "central", "sampling error", "5 %", "median", "95 % over the estimates")
    print_table(
        columns, [(row[0], *("-" if v != v else f"{v:.3g}" for v in row[1:])) for row in found.table()]
    )
    typer.echo("\nPublished, not used:")
    rows = [
        (what, of, f"{low:g} to {high:g}" if low < high else f"{low:g}")
        for what, of, low, high, _ in PUBLISHED
    ]
    print_table(("what", "of", "per million"), rows)
    if found.influence:
        strongest = ", ".join(f"{i.key} ({i.correlation:+.2f})" for i in found.influence[:4])
        typer.echo(f"\nThe rate of glowing jaws hangs most on {strongest}.")
    if out is not None:
        typer.echo(f"page: {out}")


def _years(text: str) -> list[float]:
    """Years from a list with commas."""
    from cosim.errors import LibraryError, Problem

    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise LibraryError(
            Problem("write years with commas, such as 5,12", key="--insertions", value=text)
        ) from None
