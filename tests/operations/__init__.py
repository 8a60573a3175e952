"""docs/operations.md followed on an empty machine: see `python -m tests.operations`."""
