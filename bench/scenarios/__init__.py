"""Single promises, each shown by a run of its own: `python -m bench.scenarios NAME...`."""
