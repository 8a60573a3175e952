from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = "Exports"

    def ready(self) -> None:
        from exports.services import packing  # noqa: PLC0415 - models are not loaded before this point

        packing.register_work()
