"""Commands about feeders: import, generate, show, check, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import BAD_INPUT, print_json, print_table

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

app = typer.Typer(help="Import, generate, look at and check feeders.", no_args_is_help=True)

FeederArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FEEDER",
        help="A saved feeder, an OpenDSS master (.dss) or a pandapower net (.json).",
        show_default=False,
    ),
]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="File to write.", show_default=False)]


def open_feeder(path: Path) -> Feeder:
    """Feeder from any of the files a scenario may name."""
    from cosim.errors import FeederError, Problem
    from cosim.feeder.feeder import Feeder

    if path.is_dir():
        raise FeederError(Problem("is a directory; give a feeder file", file=str(path)))
    if not path.is_file():
        raise FeederError(Problem("no such file", file=str(path)))
    if path.suffix.lower() == ".dss":
        return Feeder.from_opendss(path)
    if path.suffix.lower() == ".json":
        return Feeder.from_pandapower(path)
    return Feeder.load(path)


@app.command("import")
def import_(
    source: FeederArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; SOURCE.feeder here if not given.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read an OpenDSS master or a pandapower net and save it as one feeder file.

    What cannot be carried exactly is listed, never dropped in silence.

    Example: cosim feeder import feeders/Master.dss --out oak-street.feeder
    """
    from cosim.errors import FeederError
    from cosim.outputs import output_file
    from cosim.scenario.files import named_files

    target = out or Path(source.stem + ".feeder")
    output_file(target, named_files(source) if source.is_file() else (), FeederError)
    feeder = open_feeder(source)
    feeder.save(target)
    _tell(feeder, json, {"file": str(target)})


@app.command()
def generate(
    out: OutOption,
    homes: Annotated[int, typer.Option(help="Number of homes.")] = 240,
    voltage_kv: Annotated[float, typer.Option(help="Primary voltage, line to line.")] = 12.47,
    density_homes_per_km2: Annotated[
        float, typer.Option("--density", help="Homes per square kilometre.")
    ] = 1200.0,
    overhead_share: Annotated[float, typer.Option(help="Share of laterals on poles.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Seed of what is left to chance.")] = 7,
    json: JsonOption = False,
) -> None:
    """Generate a US residential feeder from a few numbers and save it.

    Example: cosim feeder generate --homes 600 --voltage-kv 13.2 --out oak-street.feeder
    """
    from cosim.errors import FeederError
    from cosim.feeder.feeder import Feeder
    from cosim.outputs import output_file

    output_file(out, error=FeederError)
    feeder = Feeder.generate(
        homes,
        voltage_kv=voltage_kv,
        density_homes_per_km2=density_homes_per_km2,
        overhead_share=overhead_share,
        seed=seed,
    )
    feeder.save(out)
    _tell(feeder, json, {"file": str(out)})


@app.command()
def show(feeder: FeederArgument, json: JsonOption = False) -> None:
    """Say what a feeder holds: buses, lines, transformers, homes.

    Example: cosim feeder show oak-street.feeder
    """
    _tell(open_feeder(feeder), json, {"file": str(feeder)})


@app.command()
def check(feeder: FeederArgument, json: JsonOption = False) -> None:
    """Look for unfed islands, zero impedances and tables that do not hold together.

    Exit code 2 if anything is wrong.

    Example: cosim feeder check oak-street.feeder
    """
    opened = open_feeder(feeder)
    problems = opened.check()
    notes = opened.advice() if not problems else []
    if json:
        told = {"problems": [str(problem) for problem in problems], "notes": [str(note) for note in notes]}
        print_json({"file": str(feeder), **told})
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        for note in notes:
            typer.echo(f"note      {note}")
        typer.echo(f"{feeder}: {len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}")
    if problems:
        raise typer.Exit(BAD_INPUT)


@app.command()
def compare(
    feeder: FeederArgument,
    opendss: Annotated[
        Path,
        typer.Option(
            "--opendss", metavar="MASTER", help="OpenDSS master to compare with.", show_default=False
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Compare every node voltage with OpenDSS, itself tightly converged.

    Example: cosim feeder compare oak-street.feeder --opendss feeders/Master.dss --json
    """
    from cosim.feeder.compare import compare as with_opendss

    found = with_opendss(open_feeder(feeder), opendss).as_dict()
    if json:
        print_json(found)
    else:
        print_table(
            ("figure", "value"), [(k, f"{v:.3g}" if isinstance(v, float) else v) for k, v in found.items()]
        )


@app.command()
def flow(
    feeder: FeederArgument,
    load_scale: Annotated[float, typer.Option(help="Factor on every home's nominal load.")] = 1.0,
    worst: Annotated[int, typer.Option(help="Items shown of each list.", min=0)] = 5,
    json: JsonOption = False,
) -> None:
    """Solve the nominal loads once: the worst lines, transformers, buses and homes, and where energy is lost.

    Example: cosim feeder flow oak-street.feeder --load-scale 1.2 --json
    """
    from cosim.feeder.snapshot import lists, totals

    opened = open_feeder(feeder)
    solved = opened.power_flow(load_scale=load_scale)
    facts, found = totals(opened, solved), lists(solved, worst)
    if json:
        print_json({"file": str(feeder), **facts, "worst": found})
        return
    for key, value in facts.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{key:<21} {shown}")
    for name, items in found.items():
        if items:
            print_table((name, "value"), [(item, f"{value:.4g}") for item, value in items.items()])


def _tell(feeder: Feeder, json: bool, more: dict[str, str]) -> None:
    """Print what a feeder holds."""
    home, line, transformer = feeder.home, feeder.line, feeder.transformer
    facts = {
        **more,
        "name": feeder.name,
        "buses": len(feeder.bus),
        "lines": {str(level): int(n) for level, n in line["level"].value_counts().items()},
        "length_km": {
            str(level): round(float(km), 3) for level, km in line.groupby("level")["length_km"].sum().items()
        },
        "transformers": {str(kind): int(n) for kind, n in transformer["kind"].value_counts().items()},
        "homes": len(home),
        "home_kinds": {str(kind): int(n) for kind, n in home["kind"].value_counts().items()},
        "nominal_kw": round(float(home["kw"].sum()), 3),
    }
    report = [str(item) for item in (*feeder.report.items, *feeder.report.notes)] if feeder.report else []
    if json:
        print_json({**facts, "report": report})
        return
    for key, value in facts.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{key:<13} {shown}")
    for line_of_report in report:
        typer.echo(line_of_report)
