"""Load generators and comparisons: what a delivered gigabyte costs, beside a rival and beside the floor.

Every process here is started by its module name (`python -m bench.players`) and speaks JSON lines with
whoever started it. The wire formats are written out once more in `bench.wire`, small and one-way, instead
of borrowed from the engine: a measure must not share the faults of what it measures.
"""
