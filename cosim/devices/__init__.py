"""Fleets of devices as arrays: breakers, batteries, the enter-service rule of inverters."""
