from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports"
    verbose_name = "Exports"

    def ready(self) -> None:
        from calls.services import erasure  # noqa: PLC0415 - models are not loaded before this point
        from exports import figures  # noqa: PLC0415 - models are not loaded before
        from exports.services import endings, packing  # noqa: PLC0415 - models are not loaded before

        packing.register_work()
        erasure.on_erase(endings.give_up_holding)
        figures.register()
