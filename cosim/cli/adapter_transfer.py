"""The command that puts a product through outages: `cosim adapter transfer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table

if TYPE_CHECKING:
    from cosim.studies.transfer_bench import Trace


def add_to(app: typer.Typer) -> None:
    """Add the command to `cosim adapter`."""
    app.command("transfer")(transfer)


def transfer(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="An adapter, or an entry of models/transfer (or a TOML file of one).",
            show_default=False,
        ),
    ],
    disturbance: Annotated[
        str, typer.Option(help="Show one disturbance from event to event instead of the table.")
    ] = "",
    grid_code: Annotated[str, typer.Option(help="Grid code of the entry; its default if left out.")] = "",
    careless: Annotated[
        bool, typer.Option("--careless", help="The person makes every error there is.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Put a product through outages on a bench, and read what it protects against off the voltages.

    Example: cosim adapter transfer tesco-bptm --disturbance intermittent
    """
    from cosim.errors import LibraryError, Problem
    from cosim.studies import transfer_bench as bench

    if careless and not disturbance:
        told = "means nothing for the table, which has both: give --disturbance too, or leave it out"
        raise LibraryError(Problem(told, key="--careless"))
    machine = bench.machine_named(name)
    if disturbance:
        trace = bench.driven(machine, disturbance, grid_code or None, careless=careless)
        _show(trace, json)
        return
    adapter = name if machine != name else ""
    verdicts = bench.protects(machine, grid_code or None, adapter or bench.adapter_of(machine))
    if json:
        print_json({key: {"has": found.has, "evidence": found.evidence} for key, found in verdicts.items()})
        return
    rows = [(key.replace("_", " "), found.has, found.evidence) for key, found in verdicts.items()]
    print_table(("protection", "has", "read off the bench"), rows)


def _show(trace: Trace, json: bool) -> None:
    """The log and the circuit of one disturbance."""
    if json:
        print_json(trace.as_dict())
        return
    typer.echo(f"{trace.disturbance.title}\n")
    rows = [(f"{record.time_us / 1e6:.3f}", record.kind, record.detail) for record in trace.log]
    print_table(("second", "event", "what"), rows)
    typer.echo("")
    print_table(
        ("second", "service V", "panel V", "source V", "source A", "closed"),
        [
            (
                f"{row.time_s:.3f}",
                f"{row.service_v[0]:.0f} {row.service_v[1]:.0f}",
                f"{row.panel_v[0]:.0f} {row.panel_v[1]:.0f}",
                f"{row.source_v[0]:.0f} {row.source_v[1]:.0f}",
                f"{max(row.source_a):.1f}",
                " ".join(filter(None, ("grid" if row.service else "", "source" if row.contact else "")))
                or "none",
            )
            for row in trace.rows
        ],
    )
