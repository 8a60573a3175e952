import pytest

from calls.models import Agent, Call
from partners.models import Role
from tests.authorisation.members import World
from tests.support import factories


@pytest.fixture
def world(db: None) -> World:
    provisioned = factories.provisioned(name="Own")
    factories.ingest(provisioned)
    agent = factories.person(Role.AGENT, username="agent")
    Agent.objects.update(user=agent)
    elsewhere = factories.account("elsewhere")
    call = Call.objects.get()
    return World(provisioned.sub_tenant, elsewhere, provisioned, str(call.uuid), agent)
