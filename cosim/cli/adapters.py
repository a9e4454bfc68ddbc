"""Commands about the library's adapters: list, show."""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table

app = typer.Typer(help="Look up adapters and where their numbers come from.", no_args_is_help=True)


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List the adapters of the library.

    Example: cosim adapter list --json
    """
    from cosim import library

    titles = {name: library.load("adapters", name).title for name in library.names("adapters")}
    print_json(titles) if json else print_table(("name", "title"), list(titles.items()))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of an adapter, or a TOML file.", show_default=False)],
    json: JsonOption = False,
) -> None:
    """Show every number of an adapter with its source and how sure it is.

    Example: cosim adapter show tesla-backup-switch
    """
    from cosim import library

    entry = library.load("adapters", name)
    if json:
        print_json(library.raw("adapters", name))
        return
    typer.echo(f"{entry.title}\n")
    if entry.description:
        typer.echo(f"{entry.description}\n")
    rows = list(_quantities("", library.raw("adapters", name)))
    print_table(("quantity", "value", "confidence", "source"), rows)


def _quantities(key: str, value: object) -> list[tuple[str, str, str, str]]:
    """(key, value with unit, confidence, source) of every number below a key."""
    if isinstance(value, list):
        value = {
            str(item.get("name", i)) if isinstance(item, dict) else str(i): item
            for i, item in enumerate(value)
        }
    if not isinstance(value, dict):
        return []
    if "confidence" in value and "unit" in value:
        given = f"{value['value']:g} {value['unit']}" if "value" in value else f"unknown [{value['unit']}]"
        return [(key, given, str(value["confidence"]), str(value.get("source", "")))]
    rows = []
    for name, item in value.items():
        rows += _quantities(f"{key}.{name}" if key else name, item)
    return rows
