"""Commands about surges and cords: `cosim adapter surge`, `cosim adapter cords`."""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table, wrong_entries


def add_to(app: typer.Typer) -> None:
    """Add the commands to `cosim adapter`."""
    app.command("surge")(surge)
    app.command("cords")(cords)


def surge(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Adapters; all of the library if none.")
    ] = None,
    service_ohm: Annotated[
        float, typer.Option(help="Resistance from the transformer to the meter, in ohm.")
    ] = 0.02,
    service_uh: Annotated[float, typer.Option(help="Its inductance, in uH.")] = 12.0,
    json: JsonOption = False,
) -> None:
    """Fire UL 1449's combination wave through the service into products' varistors: what do they let through?

    A product said to clamp of which no varistor's data is public reads "missing".

    Example: cosim adapter surge surge-only tesco-bptm --json
    """
    from cosim import library
    from cosim.errors import LibraryError
    from cosim.studies import surge as study

    if wrong := wrong_entries(*(("adapters", name) for name in names or ())):
        raise LibraryError(wrong)
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


def cords(
    length_m: Annotated[float, typer.Option(help="Length of the cords, in m.")] = 15.24,
    amperes: Annotated[
        float | None,
        typer.Option(help="Current [A]; the generator's full load if not given.", show_default=False),
    ] = None,
    source: Annotated[str, typer.Option(help="Generator of models/der.")] = "portable-generator-6.25",
    ambient_c: Annotated[float, typer.Option(help="Air around the cord, in degC.")] = 30.0,
    json: JsonOption = False,
) -> None:
    """How warm extension cords get at a generator's full load: every gauge, laid out and coiled, four hours.

    Example: cosim adapter cords --length-m 30 --json
    """
    from cosim.studies.cord_heat import ALLOWED_A, cord_heat, full_load_a

    current = full_load_a(source) if amperes is None else amperes
    found = [
        cord_heat(gauge, length_m, current, coiled=coiled, ambient_c=ambient_c)
        for gauge in ALLOWED_A
        for coiled in (False, True)
    ]
    if json:
        print_json({"cords": [cord.as_dict() for cord in found]})
        return
    rows = [
        (
            cord.gauge, "coiled" if cord.coiled else "straight", f"{cord.amperes:.1f}", f"{cord.allowed_a:.0f}",
            f"{cord.core_c[-1]:.0f}", f"{cord.plug_c[-1]:.0f}", f"{cord.limit_minutes:.0f}", f"{cord.drop_v:.1f}",
        )
        for cord in found
    ]  # fmt: skip
    print_table(
        ("AWG", "laid", "A", "allowed A", "core degC", "plug degC", "60 degC after min", "drop V"), rows
    )
