"""Pages of made-up runs."""

from __future__ import annotations

import sys
from pathlib import Path

# The runs are those that the tests of the results are made of.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "results"))
