"""Interruptions of a feeder's homes over many years: faults, protection and crews without a power flow."""
