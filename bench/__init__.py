"""The benchmarks, each repeatable by `python3 dev.py bench NAME`."""
