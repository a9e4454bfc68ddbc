"""The scenario file: what it may say, how it is read, and whom it puts in which home."""
