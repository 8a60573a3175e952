"""The bare peer of the ingest measurement: validates and inserts, and knows nothing else."""
