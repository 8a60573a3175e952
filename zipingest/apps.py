from django.apps import AppConfig


class ZipingestConfig(AppConfig):
    name = "zipingest"

    def ready(self) -> None:
        from zipingest import checks, database, logs  # noqa: F401, PLC0415 - registers the checks; needs loaded apps

        logs.configure()
        database.prepare_connections()
