"""Heat in adapters: networks from geometry, fleets of them in time, and the limits they must keep."""
