from typing import Any

from django.contrib.auth.backends import ModelBackend

from partners.models import User


class PeopleBackend(ModelBackend):
    """Django's own, which loads the person of a session together with the account in one query."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("sub_tenant__tenant").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
