"""Exports: recordings of a period packed into one ZIP, with a manifest that accounts for every call."""
