from django.apps import AppConfig


class DialerConfig(AppConfig):
    name = "calls.dialer"
    label = "dialer"
    verbose_name = "Dialer"

    def ready(self) -> None:
        from calls.dialer import api  # noqa: PLC0415 - models are not loaded before
        from calls.dialer.services import dialling, erasing, watching  # noqa: PLC0415 - nor here
        from calls.services import erasure  # noqa: PLC0415 - nor here

        api.register_surface()
        dialling.register_work()
        watching.register_work()
        erasure.on_erase(erasing.forget)
