"""Who calls us, and what we owe them."""

from partners.models.delivery import Attempt, Delivery
from partners.models.events import EventFeed
from partners.models.keys import ApiKey
from partners.models.partner import Grant, Partner
from partners.models.rejection import Rejection, RejectionCount
from partners.models.second_factor import Authenticator, RecoveryCode
from partners.models.tenancy import SubTenant, Tenant
from partners.models.tokens import AccessToken, Right
from partners.models.user import Role, User

__all__ = [
    "AccessToken",
    "ApiKey",
    "Attempt",
    "Authenticator",
    "Delivery",
    "EventFeed",
    "Grant",
    "Partner",
    "RecoveryCode",
    "Rejection",
    "RejectionCount",
    "Right",
    "Role",
    "SubTenant",
    "Tenant",
    "User",
]
