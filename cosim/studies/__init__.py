"""Studies of a state: fault duty."""
