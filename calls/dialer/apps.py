from django.apps import AppConfig


class DialerConfig(AppConfig):
    name = "calls.dialer"
    label = "dialer"
    verbose_name = "Dialer"

    def ready(self) -> None:
        from calls.dialer import api, figures  # noqa: PLC0415 - models are not loaded before
        from calls.dialer.services import dialling, erasing, watching  # noqa: PLC0415 - models are not loaded before
        from calls.services import erasure  # noqa: PLC0415 - models are not loaded before

        api.register_surface()
        dialling.register_work()
        watching.register_work()
        erasure.on_erase(erasing.forget)
        figures.register()
