"""The type-test bench: the tests of UL 414 that physics can compute, run on a library entry.

``run(library.load("adapters", "tesla-backup-switch"))`` gives a `Certificate`; docs/type-test.md explains it.
"""

from cosim.studies.type_test.bench import COMPUTED, run
from cosim.studies.type_test.bodies import Settings
from cosim.studies.type_test.certificate import Certificate, Check, Provenance, Row
from cosim.studies.type_test.heat_rise import HeatRise

__all__ = ["COMPUTED", "Certificate", "Check", "HeatRise", "Provenance", "Row", "Settings", "run"]
