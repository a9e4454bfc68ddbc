"""The command that type-tests an adapter: `cosim adapter test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table


def add_to(app: typer.Typer) -> None:
    """Add the command to `cosim adapter`."""
    app.command("test")(type_test)


def type_test(
    adapter: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE", help="An adapter's name, or a TOML file.", show_default=False),
    ],
    test: Annotated[
        list[str] | None,
        typer.Option(help="heat-rise, short-circuit, dielectric, mold-stress or all; may be repeated."),
    ] = None,
    current: Annotated[
        float | None,
        typer.Option(metavar="A", help="Service current of the heat run; the rating if left out."),
    ] = None,
    ambient: Annotated[float, typer.Option(metavar="C", help="Air around the product.")] = 25.0,
    degraded_jaw: Annotated[
        float | None,
        typer.Option(metavar="OHM", help="Resistance of the hottest jaw after it lost its grip."),
    ] = None,
    altitude: Annotated[float, typer.Option(metavar="M", help="Where clearances must hold.")] = 0.0,
    draws: Annotated[int, typer.Option(help="Draws of every number with a range.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.", min=0)] = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write the certificate as a page.", show_default=False),
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Rank the estimates the heat verdict hangs on; needs SALib.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the type tests of UL 414 that physics can compute; every other test is evidence or missing.

    Example: cosim adapter test connectder-solar-60 --out certificate.html
    """
    from cosim import library
    from cosim.errors import LibraryError
    from cosim.outputs import output_file
    from cosim.studies.type_test import run

    if out is not None:
        output_file(out, [library.entry_path("adapters", adapter)], LibraryError)
    certificate = run(
        library.load("adapters", adapter), test or ("all",), current, ambient, draws=draws, seed=seed,
        degraded_ohm=degraded_jaw, altitude_m=altitude,
    )  # fmt: skip
    ranked = None
    if sensitivity:
        from cosim.studies.sensitivity import sensitivity as rank

        ranked = rank(library.load("adapters", adapter), current_a=current, ambient_c=ambient, seed=seed)
    if out is not None:
        from cosim.studies.sensitivity_page import section
        from cosim.studies.type_test.page import write_page

        write_page(certificate, out, section(ranked) if ranked else "")
    if json:
        print_json(certificate.as_dict() | ({"sensitivity": ranked.as_dict()} if ranked else {}))
        return
    typer.echo(f"{certificate.title}\n")
    print_table(("test", "state", "verdict"), [line[:3] for line in certificate.lines()])
    for row in certificate.rows:
        if row.checks or row.state != "missing":
            typer.echo(f"\n{row.title}: {row.summary}")
    if ranked:
        foremost = ", ".join(f"{row.label} ({row.move_k:.0f} K)" for row in ranked.influences[:4])
        typer.echo(f"\nThe heat margin hangs most on {foremost}.")
    if out is not None:
        typer.echo(f"\nwrote {out}")
