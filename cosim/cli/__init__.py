"""The command: a thin shell over the functions of the other rooms.

Only typer is imported here and in the modules beside; what a command needs is imported
inside it, so that ``cosim --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli import (
    adapter_ageing,
    adapter_bench,
    adapter_calibrate,
    adapter_surge,
    adapter_transfer,
    adapter_value,
    adapters,
    demand,
    feeders,
    hazards,
    protections,
    reliability,
    runs,
    scenarios,
)
from cosim.cli.shell import Commands, obey_signals

app = typer.Typer(
    cls=Commands,
    name="cosim",
    help="How hot do meter socket adapters run on a feeder, what fault current stands at each socket, "
    "what flows back?\n\nStart with [bold]cosim scenario new my-study[/bold], then "
    "[bold]cosim run my-study.toml[/bold] and [bold]cosim report my-study.h5[/bold].",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        version(json=False)
        raise typer.Exit


@app.callback()
def options(
    shown: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Options before any command."""


runs.add_to(app)
reliability.add_to(app)
hazards.add_to(feeders.app)
protections.add_to(feeders.app)
adapter_bench.add_to(adapters.app)
adapter_transfer.add_to(adapters.app)
adapter_surge.add_to(adapters.app)
adapter_value.add_to(adapters.app)
app.add_typer(scenarios.app, name="scenario")
app.add_typer(feeders.app, name="feeder")
app.add_typer(demand.app, name="demand")
adapter_ageing.add_to(adapters.app)
adapter_calibrate.add_to(adapters.app)
app.add_typer(adapters.app, name="adapter")


@app.command()
def version(
    json: Annotated[
        bool, typer.Option("--json", help="Print versions of the packages that decide results.")
    ] = False,
) -> None:
    """Print the version.

    Example: cosim version --json
    """
    import platform
    from importlib.metadata import version as of

    from cosim.cli.shell import print_json

    if json:
        packages = ("numpy", "scipy", "numba", "pandapower", "simpy", "h5py", "pvlib")
        versions = {name: of(name) for name in packages}
        print_json({"cosim": of("msa-cosim"), "python": platform.python_version(), **versions})
    else:
        typer.echo(f"cosim {of('msa-cosim')}")


def main() -> None:
    """Entry point of the command."""
    obey_signals()
    app()
