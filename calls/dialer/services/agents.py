"""Voice agents as the library knows them: an agent like any other, by its name."""

from django.db import transaction

from calls.dialer.models import VoiceAgent
from calls.drafts import AgentDraft
from calls.models import Agent
from calls.services import people


@transaction.atomic
def save(*, agent: VoiceAgent) -> None:
    """Store it, and name the agent of its calls as it is named."""
    agent.save()
    owner, external_id = people.Owner(agent.sub_tenant, None), f"voice-{agent.pk}"
    known = people.known_as(Agent, owner, [AgentDraft(external_id, name=agent.name)])
    if agent.agent_id != known[external_id].pk:
        agent.agent_id = known[external_id].pk
        agent.save(update_fields=["agent"])
