"""The command that fires a surge at a product: `cosim adapter surge`."""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table


def add_to(app: typer.Typer) -> None:
    """Add the command to `cosim adapter`."""
    app.command("surge")(surge)


def surge(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Adapters; all of the library if none.")
    ] = None,
    service_ohm: Annotated[
        float, typer.Option(help="Resistance from the transformer to the meter.", min=0.0)
    ] = 0.02,
    service_uh: Annotated[float, typer.Option(help="Its inductance [uH].", min=0.0)] = 12.0,
    json: JsonOption = False,
) -> None:
    """Fire UL 1449's combination wave through the service into products' varistors: what do they let through?

    A product said to clamp of which no varistor's data is public reads "missing".

    Example: cosim adapter surge surge-only tesco-bptm --json
    """
    from cosim import library
    from cosim.studies import surge as study

    found = [study.surge(name, service_ohm, service_uh) for name in names or library.names("adapters")]
    if json:
        print_json(
            {"service_ohm": service_ohm, "service_uh": service_uh, "products": [s.as_dict() for s in found]}
        )
        return
    rows = [
        tuple("-" if v is None else f"{v:.3g}" if isinstance(v, float) else v for v in s.as_dict().values())
        for s in found
    ]
    print_table(
        (
            "adapter",
            "clamp",
            "let through V",
            "highest V",
            "VPR V",
            "A",
            "J",
            "of its J",
            "of its A",
            "source",
        ),
        rows,
    )
