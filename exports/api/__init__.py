"""Exports on the telesales surface: ``/api/telesales/recordings/export-bulk``."""
