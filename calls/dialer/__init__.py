"""Calls yet to be made: batches of contacts, and dialling them (dialer spec)."""
