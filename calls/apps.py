from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = "Calls"

    def ready(self) -> None:
        from calls import checks  # noqa: F401, PLC0415 - registers the checks; needs the models
        from calls.api import network, partner  # noqa: PLC0415 - models are not loaded before this point
        from calls.services import fetch  # noqa: PLC0415 - models are not loaded before this point

        fetch.register_work()
        partner.register_surface()
        network.register_surface()
