"""The people of an account together with the agents they are."""

from django.db import transaction

from calls.models import Agent
from partners import membership
from partners.membership import WithPassword
from partners.models import Role, SubTenant, User


class AgentTaken(Exception):
    """Somebody else of the account is this agent."""


@transaction.atomic
def add(
    *, sub_tenant: SubTenant, username: str, email: str, role: Role, agent: Agent | None, by: User
) -> WithPassword:
    """Raises provisioning.NameTaken, AgentTaken."""
    added = membership.add(sub_tenant=sub_tenant, username=username, email=email, role=role, by=by)
    if agent is not None:
        _become(added.user, agent, by)
    return added


@transaction.atomic
def change(*, user: User, email: str, role: Role, agent: Agent | None, by: User) -> None:
    """Raises membership.LastAdmin, AgentTaken."""
    membership.change(user=user, email=email, role=role, by=by)
    _become(user, agent, by)


def _become(user: User, agent: Agent | None, by: User) -> None:
    """The person is ``agent`` and no other, or none."""
    was = Agent.objects.select_for_update(no_key=True, of=("self",)).filter(user=user).first()
    if was == agent:
        return
    if was is not None:
        Agent.objects.filter(pk=was.pk).update(user=None)
    if agent is not None:
        free = Agent.objects.filter(pk=agent.pk, user__isnull=True)
        if not free.update(user=user):
            raise AgentTaken
    what = f"Is agent {agent} now" if agent else "Is no agent now"
    membership.note(user, by, f"{what}, was {was}." if was else f"{what}.")
