"""The telesales surface: ``/api/telesales/…`` (telesales spec). Its envelope: partners/api/surface.py."""
