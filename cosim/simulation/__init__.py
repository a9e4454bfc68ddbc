"""The run: a scenario's rooms put together and moved through time."""
