"""`python -m bench` is `python -m bench.compare`."""

from bench.compare import main

main()
