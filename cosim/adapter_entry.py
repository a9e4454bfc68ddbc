"""What an adapter's entry may hold."""

from __future__ import annotations

from cosim.entries import Entry


class AdapterEntry(Entry):
    """A meter socket adapter."""
