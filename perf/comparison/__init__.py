"""Bootwire beside other TFTP servers: what `perf/compare` is made of."""
