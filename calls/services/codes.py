"""The disposition codes of an account, as its leaders write them."""

from django.db import IntegrityError, transaction

from calls.models import Call, Category, Customer, DispositionCode
from partners.models import SubTenant


class CodeTaken(Exception):
    """The account has the code already."""


class CodeInUse(Exception):
    """Calls or customers have the code: it can be deactivated, not removed."""


def create(
    *, sub_tenant: SubTenant, code: str, label: str, category: Category, is_active: bool = True
) -> DispositionCode:
    """Raises CodeTaken."""
    try:
        with transaction.atomic():
            return DispositionCode.objects.create(
                sub_tenant=sub_tenant, code=code, label=label, category=category, is_active=is_active
            )
    except IntegrityError as error:
        raise CodeTaken from error


def change(
    *,
    code: DispositionCode,
    label: str | None = None,
    category: Category | None = None,
    is_active: bool | None = None,
) -> None:
    """Write what is given. What has the code already is not looked at again."""
    given = {"label": label, "category": category, "is_active": is_active}
    changed = {name: value for name, value in given.items() if value is not None}
    for name, value in changed.items():
        setattr(code, name, value)
    if changed:
        code.save(update_fields=list(changed))


@transaction.atomic
def remove(*, code: DispositionCode) -> None:
    """Raises CodeInUse. Looks at all calls of the account where the code is unused."""
    of_account = {"sub_tenant": code.sub_tenant_id, "disposition": code.code}
    if Customer.objects.filter(**of_account).exists() or Call.objects.filter(**of_account).exists():
        raise CodeInUse
    code.delete()
