"""Django's PostgreSQL backend, which also gives up a connection that has become slow."""
