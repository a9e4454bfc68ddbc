"""Commands about how well an adapter's numbers are known: calibrate and sensitivity."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table

AdapterArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="An adapter's name, or a TOML file.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `cosim adapter`."""
    app.command()(calibrate)
    app.command()(sensitivity)


def calibrate(
    adapter: AdapterArgument,
    measured: Annotated[
        Path,
        typer.Option(
            metavar="RUN.csv",
            help="Heat run: time \\[s], current [A] (or grid, load, branch), ambient \\[degC], and a column for each "
            "node or part measured \\[degC].",
            show_default=False,
        ),
    ],
    fit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="A number of the body to fit, such as heat.joints.2.contact_ohm; may be repeated; numbers joined by + "
            "move together. Those that the run tells best if left out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="NEW.toml", help="Write the calibrated entry.", show_default=False)
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page with run and residuals.", show_default=False),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day of the run; the day its file was last changed if left out.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fit numbers of an adapter's body to a measured heat run, with their uncertainty.

    Example: cosim adapter calibrate my-adapter.toml --measured run.csv --out measured.toml --page fit.html
    """
    from cosim import library
    from cosim.errors import LibraryError
    from cosim.outputs import output_file
    from cosim.studies.calibration import TOLD, measured_on
    from cosim.studies.calibration import calibrate as calibrated
    from cosim.studies.calibration_entry import write_entry

    for target in (path for path in (out, page) if path is not None):
        output_file(target, [library.entry_path("adapters", adapter), measured], LibraryError)
    found = calibrated(adapter, measured, fit or ())
    if out is not None:
        write_entry(found, out, date.date() if date else measured_on(measured))
    if page is not None:
        from cosim.studies.calibration_page import render

        page.write_text(render(found), encoding="utf-8", newline="\n")
    if json:
        print_json(found.as_dict())
        return
    f = found.fit
    typer.echo(
        f"{found.entry.title}\n{len(found.run.time_s):,} rows, {len(found.run.columns)} thermocouples; root mean "
        f"square difference {f.before_k:.2f} K as stated, {f.after_k:.2f} K fitted, {f.unexplained_k:.2f} K that no "
        "number within its range explains\n"
    )
    rows = [
        (
            e.free.key,
            f"{e.free.value:.4g}",
            f"{e.value:.4g} {found.quantity(e.free.key).unit}",
            f"{e.low:.4g} to {e.high:.4g}" if e.state in TOLD else "-",
            f"{e.noise_low:.4g} to {e.noise_high:.4g}" if e.state in TOLD else "-",
            e.state,
        )
        for e in f.estimates
    ]
    print_table(("key", "stated", "fitted", "95 % interval", "by noise alone", "state"), rows)
    for warning in found.warnings():
        typer.echo(f"- {warning}")
    for written in (path for path in (out, page) if path is not None):
        typer.echo(f"wrote {written}")


def sensitivity(
    adapter: AdapterArgument,
    current: Annotated[
        float | None,
        typer.Option(metavar="A", help="Service current; the rating if left out.", show_default=False),
    ] = None,
    ambient: Annotated[
        float, typer.Option(metavar="C", help="Air around the product.", min=-60.0, max=60.0)
    ] = 25.0,
    seed: Annotated[int, typer.Option(help="Seed of the samples.", min=0)] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with bars.", show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Rank the estimates that an adapter's heat verdict hangs on, by the margin's move and Sobol's indices.

    Needs SALib, the extra 'sensitivity'.

    Example: cosim adapter sensitivity connectder-solar-60 --out hangs-on.html
    """
    from cosim import library
    from cosim.errors import LibraryError
    from cosim.outputs import output_file
    from cosim.studies.sensitivity import sensitivity as ranked

    if out is not None:
        output_file(out, [library.entry_path("adapters", adapter)], LibraryError)
    found = ranked(library.load("adapters", adapter), current_a=current, ambient_c=ambient, seed=seed)
    if out is not None:
        from cosim.studies.sensitivity_page import render

        out.write_text(render(found), encoding="utf-8", newline="\n")
    if json:
        print_json(found.as_dict())
        return
    typer.echo(
        f"{found.title}\n"
        f"smallest margin at {found.current_a:g} A in {found.ambient_c:g} degC: {found.margin_k:.1f} K as "
        f"stated, standard deviation {found.spread_k:.1f} K over all ranges\n"
    )
    rows = [
        (
            row.label + (f" and {len(row.keys) - 1} alike" if len(row.keys) > 1 else ""),
            f"{row.low:.3g} to {row.high:.3g} {'' if row.unit == '1' else row.unit}".strip(),
            f"{row.low_k:.1f} to {row.high_k:.1f}",
            f"{row.total:.2f}" if row.total == row.total else "-",
        )
        for row in found.influences[:12]
    ]
    print_table(("number", "range", "margin, K", "share of variance"), rows)
    if out is not None:
        typer.echo(f"wrote {out}")
