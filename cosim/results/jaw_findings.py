"""What years did to the jaws of a run's homes, where a scenario asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from cosim.results.reader import Results
    from cosim.results.record import Float

GLOWING = 2  # row of the flags of `layout.AGED_JAWS`


@dataclass(frozen=True)
class JawFindings:
    """Jaws drawn from a population and aged.

    Attributes
    ----------
    homes
        Homes whose jaws are not as new.
    poor, glowing
        Homes with a jaw out of the ordinary, and those of them with one that glows.
    hottest, joint
        Home with such a jaw, or any aged home if there is none, whose jaws rose most; its worst contact.
    rise_k
        That rise over local air.
    force_share, micro_ohm, years
        What the worst contact of that home has left of its force, its resistance, its age.
    """

    homes: int
    poor: int
    glowing: int
    hottest: str
    joint: str
    rise_k: float
    force_share: float
    micro_ohm: float
    years: float

    def line(self) -> str:
        """In one line."""
        some = f"{self.poor} of {self.homes} homes {'has' if self.poor == 1 else 'have'} a poor jaw"
        glow = f", {self.glowing} with one that glows" if self.glowing else ""
        rise = f"rose {self.rise_k:.1f} K, " if np.isfinite(self.rise_k) else ""
        return (
            f"Jaws (estimates): {some}{glow}; hottest {self.hottest}: {rise}{self.joint} with "
            f"{100 * self.force_share:.0f} % of its force and {self.micro_ohm:,.0f} micro-ohm after "
            f"{self.years:g} years"
        )


def jaw_findings(results: Results, rise_k: Float) -> JawFindings | None:
    """Of a result file; None where all jaws are as new. `rise_k`: (homes,) largest rise of any jaw."""
    names = results.studies_of("aged_jaws")
    if not names:
        return None
    study = results.study(names[0])
    home, state = study["home"].to_numpy().astype(str), study["state"].to_numpy()
    poor = state > 0
    rise = np.nan_to_num(rise_k[results.homes.index.get_indexer(pd.Index(home))], nan=-np.inf)
    at = int(np.argmax(np.where(poor | ~poor.any(), rise, -np.inf)))
    return JawFindings(
        homes=len(home),
        poor=int(poor.sum()),
        glowing=int((state == GLOWING).sum()),
        hottest=str(home[at]),
        joint=str(study["joint"].to_numpy()[at]),
        rise_k=float(rise[at]) if np.isfinite(rise[at]) else float("nan"),
        force_share=float(study["force_share"].to_numpy()[at]),
        micro_ohm=1e6 * float(study["ohm"].to_numpy()[at]),
        years=float(study["years"].to_numpy()[at]),
    )
