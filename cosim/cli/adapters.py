"""Commands about the library's adapters: list, show, check, schema."""

from __future__ import annotations

from typing import Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table

app = typer.Typer(help="Look up adapters and where their numbers come from.", no_args_is_help=True)


NameArgument = Annotated[str, typer.Argument(help="Name of an adapter, or a TOML file.", show_default=False)]


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List the adapters of the library: kind, rating, and how much of each rests on public numbers.

    A rating with ~ is an estimate. `public` is the share of numbers that are measured, stated or derived.

    Example: cosim adapter list --json
    """
    from cosim import library
    from cosim.adapter_check import public_share

    entries = [library.load("adapters", name) for name in library.names("adapters")]
    if json:
        print_json(
            {
                entry.name: {
                    "title": entry.title,
                    "kind": entry.kind,
                    "rating_a": entry.rating_a.value,
                    "rating_confidence": entry.rating_a.confidence,
                    "public_share": public_share(entry),
                }
                for entry in entries
            }
        )
        return
    rows = [
        (
            entry.name,
            entry.kind,
            f"{'~' if entry.rating_a.confidence == 'estimate' else ''}{entry.rating_a.value:g} A",
            f"{public_share(entry):.0%}",
            entry.title,
        )
        for entry in entries
    ]
    print_table(("name", "kind", "rating", "public", "title"), rows)


@app.command()
def show(name: NameArgument, json: JsonOption = False) -> None:
    """Show every number of an adapter with its source and how sure it is.

    Example: cosim adapter show tesla-backup-switch
    """
    from cosim import library
    from cosim.adapter_check import review
    from cosim.ul414 import UL_414_TESTS

    entry = library.load("adapters", name)
    if json:
        print_json(library.raw("adapters", name))
        return
    typer.echo(f"{entry.title}\n")
    if entry.description:
        typer.echo(f"{entry.description.strip()}\n")
    told = [row.test for row in entry.certification if row.status != "not found"]
    counts = ", ".join(f"{count} {word}" for word, count in review(entry).counts.items() if count)
    facts = [
        ("kind", entry.kind),
        ("owner", entry.owner),
        ("rating", f"{entry.rating_a.value:g} A ({entry.rating_a.confidence})"),
        ("standards", ", ".join(entry.standards) or "none known"),
        (
            "protects",
            ", ".join(k for k, row in (entry.protections or ()) if row.has == "yes") or "nothing known",
        ),
        (
            "installed",
            f"by {entry.installation.who.removeprefix('by ')}" if entry.installation else "not known",
        ),
        (
            "approved by",
            ", ".join(f"{row.utility} ({row.status})" for row in entry.approvals) or "none known",
        ),
        (
            "UL 414 tests",
            f"{len(told)} of {len(UL_414_TESTS)} stated or passed" + (f": {', '.join(told)}" if told else ""),
        ),
        ("numbers", counts),
    ]
    print_table(("", ""), facts)
    typer.echo("")
    rows = list(_quantities("", library.raw("adapters", name)))
    print_table(("quantity", "value", "confidence", "source"), rows)


@app.command()
def check(
    name: NameArgument,
    json: JsonOption = False,
    full: Annotated[bool, typer.Option("--full", help="List every estimate, not only how many.")] = False,
) -> None:
    """Check an adapter's file: everything wrong, everything missing, and what follows from that.

    Ends with exit code 2 if the file cannot be used; what is merely not known is no fault.

    Example: cosim adapter check my-adapter.toml
    """
    from cosim import library
    from cosim.adapter_check import review
    from cosim.thermal.network import heat_network

    entry = library.load("adapters", name)
    heat_network(entry)
    found = review(entry)
    if json:
        print_json(
            {
                "valid": True,
                "counts": found.counts,
                "missing": dict(found.missing),
                "estimates": {key: {"value": value, "source": why} for key, value, why in found.estimates},
                "consequences": found.consequences,
            }
        )
        return
    typer.echo(f"{entry.title}: can be used")
    typer.echo("numbers   " + ", ".join(f"{count} {word}" for word, count in found.counts.items() if count))
    typer.echo(f"\nNot found ({len(found.missing)})")
    print_table(("key", "what is said of it"), found.missing)
    typer.echo(f"\nEstimates ({len(found.estimates)}): " + ("" if full else "see them with --full"))
    if full:
        print_table(("key", "value [range]", "reasoning"), found.estimates)
    typer.echo("\nWhat follows")
    for sentence in found.consequences or ["nothing is withheld"]:
        typer.echo(f"- {sentence}")


@app.command()
def schema(
    kind: Annotated[str, typer.Option(help="Kind of entry: a folder of models/.")] = "adapters",
) -> None:
    """Print the JSON schema of an entry's file, for an editor to complete and check by.

    Example: cosim adapter schema --kind utilities > utilities.json
    """
    from cosim.entry_schema import text

    typer.echo(text(kind), nl=False)


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
        unit = "" if value["unit"] == "1" else f" {value['unit']}"
        given = f"{value['value']:g}{unit}" if "value" in value else "not found"
        return [(key, given, str(value["confidence"]), str(value.get("source", "")))]
    rows = []
    for name, item in value.items():
        rows += _quantities(f"{key}.{name}" if key else name, item)
    return rows
