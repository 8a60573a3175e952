"""Agents and customers as partners name them: found by their id, created or updated with what is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from calls.drafts import AgentDraft, CustomerDraft
from calls.models import Agent, Customer
from partners.models import Partner, SubTenant

Person = TypeVar("Person", Agent, Customer)

_GIVEN = ("name", "email")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose people they are: an id means somebody else in another sub-tenant or at another partner."""

    sub_tenant: SubTenant
    partner: Partner | None


def known_as(
    model: type[Person], owner: Owner, drafts: Sequence[AgentDraft | CustomerDraft]
) -> dict[str, Person]:
    """The rows of ``drafts`` by external id, in at most two statements; what a draft omits stays."""
    people = _existing(model, owner, {draft.external_id for draft in drafts})
    changed: dict[str, Person] = {}
    for draft in drafts:
        person = people.get(draft.external_id)
        if person is None:
            person = people[draft.external_id] = model(
                sub_tenant=owner.sub_tenant, partner=owner.partner, external_id=draft.external_id
            )
            changed[draft.external_id] = person
        if _take_over(person, draft):
            changed[draft.external_id] = person
    _upsert(model, changed)
    return people


def _existing(model: type[Person], owner: Owner, ids: set[str]) -> dict[str, Person]:
    rows = model._default_manager.filter(
        sub_tenant=owner.sub_tenant, partner=owner.partner, external_id__in=ids
    )
    return {row.external_id: row for row in rows}


def _take_over(person: Agent | Customer, draft: AgentDraft | CustomerDraft) -> bool:
    """Set what the draft gives; whether anything changed."""
    given = {name: value for name in _GIVEN if (value := getattr(draft, name)) is not None}
    changed = {name: value for name, value in given.items() if getattr(person, name) != value}
    for name, value in changed.items():
        setattr(person, name, value)
    return bool(changed)


def _upsert(model: type[Person], people: dict[str, Person]) -> None:
    """Write in the order of the ids, so that parallel requests wait for each other instead of deadlocking."""
    if not people:
        return
    model._default_manager.bulk_create(
        [people[external_id] for external_id in sorted(people)],
        update_conflicts=True,
        unique_fields=["sub_tenant", "partner", "external_id"],
        update_fields=_GIVEN,
    )
