"""Micro-benchmarks of the steps on a frame's way: `python -m bench.micro [NAME...]`."""
