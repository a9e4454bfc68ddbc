"""Speed of cosim beside its peers, measured in one run; see docs/performance.md and docs/benchmarking.md."""
