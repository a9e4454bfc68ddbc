"""Commands that run cases: run, report, sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosim.cli.shell import FAILED, Meter, print_json

CaseArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="A scenario file (.toml may be left out), or the name of a shipped one.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a key, such as homes.solar.share=0.5; repeatable."
    ),
]
VariantOption = Annotated[
    str | None, typer.Option("--variant", help="Apply the file's table \\[variants.NAME] first.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Threads; all cores if not given. Results do not depend on it."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]

# Figures of a sweep's table that the terminal has room for.
TOLD_FIGURES = (
    "heat_margin_k",
    "fault_value",
    "service_value",
    "low_voltage_value",
    "transformer_load_value",
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(run)
    app.command()(report)
    app.command()(sweep)


def run(
    scenario: CaseArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Result file; SCENARIO.h5 here if not given.")
    ] = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run after its last checkpoint.")
    ] = False,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Run a scenario and write its result file.

    Ends with a few lines that answer the question. Ctrl-C leaves what is done as NAME.partial.h5.

    Interrupted in whatever way, the same command with --resume ends with the same file.

    Examples:

    cosim run heat-wave

    cosim run heat-wave --variant no-adapters --out before.h5

    cosim run my-study.toml --set homes.solar.share=0.5 --set seed=3
    """
    import shlex

    from cosim.results import summarise
    from cosim.scenario.loading import load, parse_settings
    from cosim.simulation.run import run as simulate

    case = load(scenario, overrides=parse_settings(settings or ()), variant=variant)
    target = out or Path("-".join(filter(None, (Path(scenario).stem, variant))) + ".h5")
    with Meter("running", "steps", quiet) as meter:
        results = simulate(case, target, progress=meter, threads=threads, resume=resume)
    with results:
        summary = summarise(results)
    if json:
        print_json({"result": target, "summary": summary.as_dict()})
    else:
        for line in summary.lines():
            typer.echo(line)
        typer.echo(f"\nresult    {target}\nnext      cosim report {shlex.quote(str(target))}")


def report(
    result: Annotated[Path, typer.Argument(help="A result file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; RESULT.html beside it if not given.")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="What colours the map, such as adapter_temperature_c.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a result as one HTML page that needs nothing else.

    Example: cosim report heat-wave.h5 --quantity service_current_a
    """
    from cosim.report import write_report

    target = out or result.with_suffix(".html")
    page = (
        write_report(result, target) if quantity is None else write_report(result, target, quantity=quantity)
    )
    print_json({"page": page}) if json else typer.echo(f"page      {page}")


def sweep(
    scenario: CaseArgument,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="KEY=VALUES",
            help="Values of a key: start:stop:step (inclusive) or a,b,c. Repeat for every combination.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the results; SCENARIO-sweep if not given.")
    ] = None,
    settings: SetOption = None,
    variant: VariantOption = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS|local", help="Dask scheduler, or local for one process a core."
        ),
    ] = None,
    slice_: Annotated[
        str | None,
        typer.Option("--slice", metavar="I/N", help="Run only the I-th of N shares; for job arrays."),
    ] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Run a scenario over every combination of values.

    Writes one result file a case, and summary.csv. A failed case is told and the others are kept.

    Cases that are finished are skipped when the command is given again.

    Examples:

    cosim sweep heat-wave --vary homes.solar.share=0:0.9:0.1 --vary seed=1:20 --scheduler local

    cosim sweep heat-wave --vary seed=1:100 --slice 3/10
    """
    from cosim.scenario.loading import parse_settings
    from cosim.sweeps import sweep as run_all

    folder = out or Path(f"{Path(scenario).stem}-sweep")
    with Meter("sweeping", "cases", quiet) as meter:
        summary = run_all(
            scenario,
            vary,
            folder,
            scheduler=scheduler,
            slice_=slice_,
            variant=variant,
            overrides=parse_settings(settings or ()),
            progress=meter,
            threads=threads,
        )
    failed = summary.failed
    if json:
        print_json(
            {
                "folder": summary.folder,
                "summary": summary.path,
                "cases": len(summary.table),
                "skipped": summary.skipped,
                "failed": len(failed),
                "table": summary.table.to_dict("records"),
            }
        )
    else:
        columns = [c for c in ("case", *summary.keys, "status", *TOLD_FIGURES) if c in summary.table]
        typer.echo(summary.table[columns].to_string(index=False, float_format="%.4g"))
        typer.echo(f"\n{len(summary.table)} cases, {summary.skipped} finished before, {len(failed)} failed")
        typer.echo(f"results   {summary.folder}, every figure in {summary.path.name}")
    for _, case in failed.iterrows():
        typer.echo(f"case {case['case']} failed: {case['error']}", err=True)
    if len(failed):
        raise typer.Exit(FAILED)
