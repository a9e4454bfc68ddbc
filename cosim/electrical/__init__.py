"""Electrical room: admittances, power flow, fault duty."""
