"""Tables of what stands at homes: sources against NEC 705, rules of the utility, aged jaws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cosim.report.formatting import counted
from cosim.report.tables import MOST_ROWS, Table, numbers, words

if TYPE_CHECKING:
    from cosim.results import Results


def placement(results: Results) -> Iterator[Table]:
    """Sources against NEC 705, rule by rule; nothing without solar or batteries."""
    rules = (
        ("705.11: source breakers within the service, at a tap", "supply"),
        ("125 % of the current within the tap's breaker", "breaker"),
        ("705.12: the 120 % rule in the panel", "busbar"),
        ("705.12, were the tapped source in the panel (a comparison)", "as_backfed"),
    )
    for name in results.studies_of("der_placement"):
        study = results.study(name)
        home, text = (study[column].to_numpy().astype(str) for column in ("home", "text"))
        verdicts = [study[rule].to_numpy() for _, rule in rules]
        counts = [[int((verdict == k).sum()) for verdict in verdicts] for k in range(3)]
        first = [int(np.flatnonzero(v == 1)[0]) if (v == 1).any() else -1 for v in verdicts]
        yield Table(
            "Sources against the National Electrical Code",
            "Where solar and batteries join, an adapter's tap or the panel, and what Article 705 says of it. Panels "
            "are taken from the service rating; not judged is what a larger bus bar would take.",
            (
                words("Rule", [said for said, _ in rules], prose=True),
                numbers("Within", "homes", counts[0]),
                numbers("Over", "homes", counts[1], np.asarray(counts[1]) > 0),
                numbers("Not judged", "homes", counts[2]),
                words("For example", [home[row] if row >= 0 else "" for row in first]),
                words("Found", [text[row] if row >= 0 else "" for row in first], prose=True),
            ),
            "No home has a source.",
        )


def site_rules(results: Results) -> Iterator[Table]:
    """Rules that homes break, rule by rule; nothing if no home was held against any."""
    for name in results.studies_of("site_rules"):
        study = results.study(name)
        home, rule, text, source = (
            study[column].to_numpy().astype(str) for column in ("home", "rule", "text", "source")
        )
        verdict = study["verdict"].to_numpy()
        names = sorted(set(rule.tolist()), key=lambda r: (-int(((rule == r) & (verdict == 0)).sum()), r))
        first = [int(np.flatnonzero(rule == r)[np.argmin(verdict[rule == r])]) for r in names]
        counts = [[int(((rule == r) & (verdict == k)).sum()) for r in names] for k in range(3)]
        yield Table(
            "Homes against their utility's rules",
            "A rule is broken by the adapter that stands there, not judged for want of a number, or bars a socket "
            "without an adapter from taking one. The first case of each is shown; the result file has a row for "
            "every home.",
            (
                words("Rule", names),
                numbers("Broken", "homes", counts[0], np.asarray(counts[0]) > 0),
                numbers("Not judged", "homes", counts[1]),
                numbers("Barred", "homes", counts[2]),
                words("For example", [home[row] for row in first]),
                words("Found", [text[row] for row in first], prose=True),
                words("Asked by", [source[row] for row in first], prose=True),
            ),
            "No rule is broken, and none is left unjudged.",
        )


def aged_jaws(results: Results) -> Iterator[Table]:
    """Homes with jaws out of the ordinary, worst first; nothing if all jaws are as new."""
    for name in results.studies_of("aged_jaws"):
        study = results.study(name)
        columns = {column: study[column].to_numpy() for column in study.data_vars}
        state, ratio = columns["state"], columns["ohm"] / columns["new_ohm"]
        rows = [int(row) for row in np.lexsort((-ratio, -state)) if state[row] > 0][:MOST_ROWS]
        yield Table(
            "Jaws out of the ordinary",
            f"Worst contact of homes with a jaw that has lost half of its force, or has more than four times its "
            f"resistance; of {counted(len(state), 'home')} with aged jaws {counted(int((state > 0).sum()), 'home')}. "
            "Drawn and aged by models/contacts: estimates.",
            (
                words("Home", columns["home"][rows].tolist()),
                words("Contact", columns["joint"][rows].tolist()),
                numbers("Force left", "%", 100.0 * columns["force_share"][rows]),
                numbers("Resistance", "µΩ", 1e6 * columns["ohm"][rows], state[rows] == 2),
                numbers("Of a new one", "µΩ", 1e6 * columns["new_ohm"][rows]),
                numbers("Age", "years", columns["years"][rows]),
                words("At its usual current", ["glows" if state[row] == 2 else "" for row in rows]),
                numbers("Poor contacts", "", columns["poor_jaws"][rows]),
            ),
            "No jaw is out of the ordinary.",
        )
