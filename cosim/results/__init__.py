"""Result files: one table of what stands in them, a writer that survives being killed, a reader."""
