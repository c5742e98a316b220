"""What the model costs: measured by `make bench`, explained in `docs/benchmarks.md`."""
