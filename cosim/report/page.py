"""The report: one self-contained HTML page made from a result file alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosim.errors import Problem, ResultsError
from cosim.outputs import output_file
from cosim.report.answers import answers
from cosim.report.feeder_map import feeder_map
from cosim.report.figures import Figures, figures
from cosim.report.formatting import counted, script_json, span
from cosim.report.map_quantities import Colouring, colourings, put_first
from cosim.report.outages import outage_tables
from cosim.report.provenance import CONFIDENCES, heat_counts, heat_statement, provenance
from cosim.report.study_tables import study_tables
from cosim.report.tables import event_log, groups, tables
from cosim.report.time_plots import TimePlots
from cosim.results.summary import summarise

if TYPE_CHECKING:
    from cosim.results import Results

HERE = Path(__file__).parent


def write_report(results: Results | str | Path, out: str | Path | None = None, *, quantity: str = "") -> Path:
    """Write the page of a result file.

    Parameters
    ----------
    results
        A result file or its path.
    out
        Page to write; beside the result file with the suffix ``.html`` by default.
    quantity
        What the map shows first, by its name in the result file (``service_current_a``) or a
        derived one; `cosim.report.map_quantities.QUANTITIES` lists them. The reader can choose another.

    Returns
    -------
    Path of the page. The same result file gives the same bytes.

    Raises
    ------
    ResultsError
        If the file cannot be read, the page cannot be written, or no home has such a quantity.
    """
    from cosim.results import Results, open_results

    opened = results if isinstance(results, Results) else open_results(results)
    named = out if out is not None else opened.path.with_suffix(".html")
    try:
        target = output_file(named, [opened.path], ResultsError)
        text = render(opened, quantity)
    finally:
        if opened is not results:
            opened.close()
    aside = target.with_name(f".{target.name}.{os.getpid()}.writing")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(aside, target)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ResultsError(Problem(f"the page cannot be written ({error.strerror})", str(named))) from None
    return Path(named)


def render(results: Results, quantity: str = "") -> str:
    """The page as text."""
    import jinja2

    found = figures(results)
    choices = put_first(colourings(found), quantity, results.path)
    first, names = choices[0], _names(found)
    tips = [f"{n}\n{first.quantity.label}: {t}" for n, t in zip(names, first.texts(), strict=True)]
    entries = provenance(results.info.library)
    heat = heat_counts(entries)
    note = (
        f"{heat['estimate']:,} of {sum(heat.values()):,} numbers behind this are estimates." if heat else ""
    )
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((HERE / "page.html").read_text(encoding="utf-8"))
    return template.render(
        title=results.info.title or "Study",
        subtitle=_subtitle(results, found),
        banners=_banners(results),
        answers=answers(summarise(results), found, note),
        asked=_asked(results),
        groups=groups(found),
        assumed=_assumed(results),
        scenario=_pretty(results.scenario_json),
        map_svg=feeder_map(found.homes, results.feeder_map, found.transformers, first, tips),
        map_choices=[(choice.quantity.name, choice.quantity.label) for choice in choices],
        legend=[(shade if shade >= 0 else "x", text) for shade, text in first.legend()],
        map_data=script_json(_map_data(choices, names)),
        tables=[*outage_tables(results), *tables(found), *study_tables(results)],
        charts=list(TimePlots(results, found).charts()),
        events=event_log(results),
        confidences=CONFIDENCES,
        provenance=entries,
        heat_statement=heat_statement(heat),
        footer=_footer(results),
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
    )


def _names(found: Figures) -> list[str]:
    adapters = (adapter or "no adapter" for adapter in found.adapter)
    return [f"{home} · {adapter}" for home, adapter in zip(found.homes.index, adapters, strict=True)]


def _subtitle(results: Results, found: Figures) -> str:
    adapters = sum(bool(name) for name in found.adapter)
    feeder = f" · feeder {results.info.feeder}" if results.info.feeder else ""
    return f"{counted(len(found.homes), 'home')}, {adapters:,} with an adapter{feeder}"


def _map_data(choices: list[Colouring], names: list[str]) -> dict[str, Any]:
    quantities = {
        c.quantity.name: {
            "label": c.quantity.label,
            "shades": c.shades().tolist(),
            "texts": c.texts(),
            "legend": [(shade if shade >= 0 else "x", text) for shade, text in c.legend()],
        }
        for c in choices
    }
    return {"names": names, "quantities": quantities}


def _banners(results: Results) -> list[str]:
    lines = []
    if results.partial:
        done = float(results.solver["seconds"].sum())
        lines.append(
            f"This run was interrupted: {span(done)} of {span(results.info.duration_s)} were simulated. "
            "Every figure speaks of that part alone."
        )
    failed = int((~results.solver["converged"]).sum())
    if failed:
        lines.append(f"{counted(failed, 'step')} did not converge, left out of every figure.")
    faulted_s = float(results.intervals["faulted_s"].sum())
    if faulted_s:
        lines.append(
            f"In {span(faulted_s)} current flowed into short circuits: no loading and no voltage range counts them; "
            "they have a table of their own."
        )
    return lines


def _asked(results: Results) -> list[tuple[str, str]]:
    scenario = json.loads(results.scenario_json)

    def source(table: str) -> str:
        return str((scenario.get(table) or {}).get("source") or "")

    asked = [*results.studies_of("fault_duty"), *results.studies_of("backfeed_hazard")]
    rows = [
        ("Start", f"{results.info.start[:16].replace('T', ' ')} {results.info.timezone}"),
        ("Length", f"{span(results.info.duration_s)} in steps of {span(results.info.step_s)}"),
        ("Feeder", source("feeder") or results.info.feeder),
        ("Weather", source("weather")),
        ("Demand", source("demand")),
        ("Events planned", str(len(scenario.get("events") or ()) or "none")),
        ("Storms", str(len(scenario.get("storms") or ()) or "")),
        ("Studies", ", ".join(name.replace("_", " ") for name in asked) or "none"),
        ("Seed", str(results.info.seed)),
    ]
    return [(key, text) for key, text in rows if text]


def _assumed(results: Results) -> list[str]:
    """What the run took for granted where its inputs were silent: the notes of its log."""
    events = results.events
    return list(dict.fromkeys(str(detail) for detail in events["detail"][events["kind"] == "note"]))


def _pretty(scenario_json: str) -> str:
    """The scenario as run, indented, without the keys that were left unset."""
    return json.dumps(_without_unset(json.loads(scenario_json)), indent=2, ensure_ascii=False)


def _without_unset(item: Any) -> Any:
    if isinstance(item, dict):
        kept = {key: _without_unset(value) for key, value in item.items()}
        return {key: value for key, value in kept.items() if value not in (None, {})}
    return [_without_unset(value) for value in item] if isinstance(item, list) else item


def _footer(results: Results) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results.info.versions.items()))
    lines = [
        f"Made from {results.path.name}, which holds the scenario, the library entries and the seed to run it again.",
        f"Feeder digest {results.info.feeder_digest}" if results.info.feeder_digest else "",
        versions,
    ]
    return [line for line in lines if line]
