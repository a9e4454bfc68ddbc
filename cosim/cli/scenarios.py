"""Commands about scenario files: new, check, list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosim.cli.runs import CaseArgument, JsonOption, SetOption, VariantOption
from cosim.cli.shell import print_json, print_table

app = typer.Typer(help="Make and check scenario files.", no_args_is_help=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the new file; .toml is added.", show_default=False)],
    example: Annotated[str, typer.Option("--from", help="Shipped scenario to copy.")] = "heat-wave",
) -> None:
    """Copy a commented scenario that works, to be changed.

    Example: cosim scenario new my-study
    """
    import shlex

    from cosim.errors import Problem, ScenarioError
    from cosim.outputs import output_file
    from cosim.scenario.loading import find_shipped

    target = Path(name) if name.endswith(".toml") else Path(f"{name}.toml")
    text = find_shipped(example).read_text(encoding="utf-8")
    output_file(target, error=ScenarioError)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ScenarioError(Problem("exists already; choose another name", file=str(target))) from None
    typer.echo(f"wrote     {target}\nnext      cosim scenario check {shlex.quote(str(target))}")


@app.command()
def check(
    scenario: CaseArgument,
    settings: SetOption = None,
    variant: VariantOption = None,
    json: JsonOption = False,
) -> None:
    """Check a scenario, its variants, its feeder and its library entries, and say what the run would be.

    Nothing is run or written. Every problem is told at once, with its line.

    Example: cosim scenario check my-study.toml --set homes.solar.share=0.5
    """
    from dataclasses import replace

    from cosim.cli.outline import outline
    from cosim.errors import Problem, ScenarioError
    from cosim.scenario.loading import load, parse_settings, variant_names

    overrides = parse_settings(settings or ())
    case = load(scenario, overrides=overrides, variant=variant)
    told: dict[Problem, str] = {}  # each once, with the first variant that has it
    for name in variant_names(scenario) if variant is None else ():
        try:
            load(scenario, overrides=overrides, variant=name)
        except ScenarioError as error:
            told |= {problem: name for problem in error.problems if problem not in told}
    if told:
        raise ScenarioError(replace(p, message=f"in variant {name}: {p.message}") for p, name in told.items())
    found = outline(case)
    if json:
        print_json({**found.as_dict(), "variants": list(case.variants), "digest": case.digest()})
    else:
        for line in found.lines():
            typer.echo(line)
        typer.echo(f"variants  {', '.join(case.variants) or 'none'}")


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List the scenarios that come with cosim.

    Example: cosim scenario list
    """
    import tomllib

    from cosim.scenario.loading import find_shipped, shipped_names

    titles = {
        name: tomllib.loads(find_shipped(name).read_text(encoding="utf-8"))["title"]
        for name in shipped_names()
    }
    print_json(titles) if json else print_table(("name", "title"), list(titles.items()))
