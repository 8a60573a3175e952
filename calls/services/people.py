"""Agents and customers as partners name them: found by their id, created or updated with what is given."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from calls.drafts import AgentDraft, CustomerDraft
from calls.models import Agent, Customer
from partners.models import Partner, SubTenant
from zipingest import bulk

# Of each of them an empty text means that nothing is known.
_GIVEN = {Agent: ("name", "email"), Customer: ("name", "email", "disposition")}


Given = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose people they are: an id means somebody else in another sub-tenant or at another partner."""

    sub_tenant: SubTenant
    partner: Partner | None

    @property
    def columns(self) -> dict[str, int | None]:
        partner_id = self.partner.pk if self.partner else None
        return {"sub_tenant_id": self.sub_tenant.pk, "partner_id": partner_id}


@dataclass(frozen=True, slots=True)
class Known:
    """A row; ``before`` is what stood in it until the drafts were taken over: of a new one nothing."""

    pk: int
    before: Mapping[str, str] = field(default_factory=dict)


def known_as(
    model: type[Agent | Customer], owner: Owner, drafts: Sequence[AgentDraft | CustomerDraft]
) -> dict[str, Known]:
    """The rows of ``drafts`` by external id, created and changed as the drafts say; what they omit stays.

    One statement where there is nothing to write. What changes is locked first, so that ``before`` is what it
    really was, and everything is written in the order of the ids, so that parallel requests wait for each
    other instead of deadlocking.
    """
    given = _given(model, drafts)
    known = _read(model, owner, given)
    created = _create(model, owner, {id_: given[id_] for id_ in sorted(given.keys() - known.keys())})
    # What a parallel request has created in between is committed by now.
    known |= _read(model, owner, given.keys() - known.keys() - created.keys())
    changed = sorted(id_ for id_, person in known.items() if _differs(person, given[id_]))
    known |= _read(model, owner, changed, lock=True)
    _change(model, [(known[id_], dict(given[id_])) for id_ in changed])
    return known | created


def _given(model: type[Agent | Customer], drafts: Sequence[AgentDraft | CustomerDraft]) -> dict[str, Given]:
    """Per id the columns that are given with their values, later ones last."""
    given: dict[str, Given] = {}
    for draft in drafts:
        values = given.setdefault(draft.external_id, [])
        for name in _GIVEN[model]:
            value = getattr(draft, name)
            if value is not None:
                values.append((name, value))
    return given


def _read(
    model: type[Agent | Customer], owner: Owner, ids: Collection[str], *, lock: bool = False
) -> dict[str, Known]:
    names = _GIVEN[model]
    rows = bulk.find_rows(
        model, ("external_id", "id", *names), where=owner.columns, key="external_id", among=ids, lock=lock
    )
    return {id_: Known(pk, dict(zip(names, values, strict=True))) for id_, pk, *values in rows}


def _create(model: type[Agent | Customer], owner: Owner, people: Mapping[str, Given]) -> dict[str, Known]:
    names = _GIVEN[model]
    rows = []
    for id_, given in people.items():
        values = dict(given)
        rows.append((id_, *(values.get(name, "") for name in names)))
    made = bulk.insert_rows(
        model,
        ("external_id", *names),
        rows,
        same=owner.columns,
        ignore_conflicts=True,
        returning=("external_id", "id"),
    )
    return {id_: Known(pk) for id_, pk in made}


def _differs(person: Known, given: Given) -> bool:
    return any(person.before[name] != value for name, value in given)


def _change(model: type[Agent | Customer], changed: Sequence[tuple[Known, Mapping[str, str]]]) -> None:
    names = _GIVEN[model]
    rows = [(person.pk, *({**person.before, **given}[name] for name in names)) for person, given in changed]
    bulk.update_rows(model, "id", names, rows)
