"""How much of its force a jaw keeps through insertions and heat: the law of `cosim.thermal.contact_kernels.force`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cosim.contact_entry import ContactEntry
from cosim.thermal.contact_kernels import GAS
from cosim.thermal.network import KELVIN, Float

LEAST = 1e-3  # of its force: a jaw that has none left still touches


@dataclass(frozen=True)
class JawForce:
    """Relaxation of a spring, linear in the logarithm of time, faster when hot (models/contacts).

    Parameters
    ----------
    left
        Share of the spring's force left after `end_h` hours at `reference_c`; nearly all of it until `onset_h`.
    activation_j_per_mol
        Of the time, by Arrhenius.
    steel
        Share of the force that a steel clip gives, which does not relax.
    insertion_loss
        Share lost at each insertion.
    """

    left: float
    reference_c: float
    onset_h: float
    end_h: float
    activation_j_per_mol: float
    steel: float
    insertion_loss: float

    @staticmethod
    def of(contact: ContactEntry) -> JawForce:
        """The law of an entry of models/contacts."""
        return JawForce(
            contact.relaxation_left.value,
            contact.relaxation_c.value,
            contact.relaxation_onset_h.value,
            contact.relaxation_h.value,
            1e3 * contact.relaxation_activation.value,
            contact.steel_share.value,
            contact.insertion_loss.value,
        )

    def stress_hours(self, temperature_c: Float, hours: float) -> float:
        """Hours at `reference_c` that relax as much as steps of `hours` each at these temperatures."""
        inverse = 1.0 / (self.reference_c + KELVIN) - 1.0 / (np.asarray(temperature_c) + KELVIN)
        return float(np.exp(self.activation_j_per_mol / GAS * inverse).sum() * hours)

    def temperature_c(self, rate: float) -> float:
        """Temperature at which an hour counts as `rate` hours: the inverse of `stress_hours`."""
        inverse = 1.0 / (self.reference_c + KELVIN)
        return 1.0 / (inverse - math.log(rate) * GAS / self.activation_j_per_mol) - KELVIN

    def kept(self, stress_hours: float, insertions: int = 0) -> float:
        """Share of the force as new."""
        decades = math.log10(1.0 + stress_hours / self.onset_h) / math.log10(1.0 + self.end_h / self.onset_h)
        spring = 1.0 - (1.0 - self.left) * decades
        held = self.steel + (1.0 - self.steel) * max(spring, 0.0)
        return max(held * (1.0 - self.insertion_loss) ** insertions, LEAST)
