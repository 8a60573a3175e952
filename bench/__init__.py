"""Measurements beside a peer in the same run: `make bench-ingest`, `bench-fetch`, `bench-callbacks`."""
