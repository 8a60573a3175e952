"""Forms of the account's pages."""

from typing import Any

from django import forms


class PageForm(forms.Form):
    """Puts the focus where the first mistake is; templates/people/field.html draws its fields."""

    # Ours are the words that say what is missing.
    use_required_attribute = False

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        wrong = [one for name, one in self.fields.items() if name in self.errors]
        for one in wrong:
            one.widget.attrs.pop("autofocus", None)
        if wrong:
            wrong[0].widget.attrs["autofocus"] = True
