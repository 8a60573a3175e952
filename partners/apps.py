from django.apps import AppConfig
from django.contrib.admin import apps as admin  # by its own name Django would take it for one of ours
from django.db.models.signals import post_migrate


class ConsoleConfig(admin.AdminConfig):
    """Django's admin, with a site of our own."""

    default = False
    default_site = "partners.console.ConsoleSite"


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = "Partners and tenants"

    def ready(self) -> None:
        from partners import deliveries, groups  # noqa: PLC0415 - models are not loaded before this point
        from partners.api import surface  # noqa: PLC0415 - models are not loaded before this point

        deliveries.register_work()
        surface.register_surfaces()
        # From every sender: an app's permissions exist once its own signal was sent.
        post_migrate.connect(groups.sync_groups, dispatch_uid="staff-groups")
