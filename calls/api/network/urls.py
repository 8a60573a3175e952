from django.urls import URLPattern, register_converter


class Version:
    """A version of the API, which is a date; one that we do not know is told so by the view."""

    regex = "[0-9][^/]*"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Version, "version")

# Each begins with <version:version>/
urlpatterns: list[URLPattern] = []
