"""Measurements beside a peer in the same run: `make bench` for all, `make bench-ingest` for one."""
