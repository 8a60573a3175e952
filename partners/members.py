"""Members of an account (a sub-tenant), people and machines, and what each role may do (telesales spec)."""

from dataclasses import dataclass
from enum import Enum

from partners.models import AccessToken, Right, Role, SubTenant, User


class Reach(Enum):
    """How far a right goes."""

    NONE = "none"
    OWN = "own"  # only the agent's own calls
    ALL = "all"


_EVERYTHING = dict.fromkeys(Right, Reach.ALL)

# What is not named is not allowed.
RIGHTS: dict[Role, dict[Right, Reach]] = {
    Role.ADMIN: _EVERYTHING,
    Role.SUPERVISOR: {**_EVERYTHING, Right.ACCOUNT: Reach.NONE},
    Role.AGENT: dict.fromkeys(
        (Right.RECORDINGS_READ, Right.RECORDINGS_DOWNLOAD, Right.CALLS_READ, Right.CALLS_WRITE), Reach.OWN
    ),
    Role.READ_ONLY: dict.fromkeys((Right.RECORDINGS_READ, Right.CALLS_READ), Reach.ALL),
}


@dataclass(frozen=True, slots=True)
class Member:
    """Who acts in an account. ``user`` is a person; without one ``token`` is a machine's.

    ``token`` is None where a person is signed in by session.
    """

    sub_tenant: SubTenant
    role: Role
    user: User | None = None
    token: AccessToken | None = None
    is_authenticated: bool = True

    @classmethod
    def of_user(cls, user: User, token: AccessToken | None = None) -> "Member":
        """``user``, who has an account."""
        assert user.sub_tenant is not None
        return cls(user.sub_tenant, Role(user.role), user, token)

    @classmethod
    def of_token(cls, token: AccessToken) -> "Member":
        if token.user is not None:
            return cls.of_user(token.user, token)
        assert token.sub_tenant is not None
        return cls(token.sub_tenant, Role(token.role), None, token)

    @property
    def name(self) -> str:
        """How the audit names whoever it was."""
        return self.user.username if self.user else str(self.token)

    def reach(self, right: Right) -> Reach:
        """How far ``right`` goes: that of the role, and for a machine only within its scopes."""
        is_machine = self.user is None
        if is_machine and (self.token is None or right not in self.token.scopes):
            return Reach.NONE
        return RIGHTS[self.role].get(right, Reach.NONE)

    def may(self, right: Right, at_least: Reach = Reach.OWN) -> bool:
        """Whether ``right`` goes so far; where it reaches OWN the caller asks whose the call is."""
        return self.reach(right) in (at_least, Reach.ALL)
