"""The console's pages about those who call us, and what we owe them."""

from partners.admin import deliveries, keys, partners, people, rejections, tenancy, tokens

__all__ = ["deliveries", "keys", "partners", "people", "rejections", "tenancy", "tokens"]
