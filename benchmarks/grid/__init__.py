"""Simulated size, coverage and power of the headline estimators: `python -m benchmarks.grid [table ...]`.

Results go to `results.csv`, from which `docs/estimators.md` is made; cells are data, seeds are fixed, and a rerun gives
the same numbers.
"""
