"""Pages of an account's exports: ordering them, and each one on its own."""
