"""Contacts, the roles they have and what they agreed to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

ContactId = NewType("ContactId", int)

# No contact has this number.
NOBODY = ContactId(0)

# An invitation's code comes as the payload of /start, like any deep link; this tells it apart.
INVITATION_PREFIX = "inv_"


class Role(StrEnum):
    """Who somebody is to the service. Staff come in by invitation only."""

    BENEFICIARY = "beneficiary"
    CASEWORKER = "caseworker"
    MANAGER = "manager"
    # Runs the service on its server; in the chat they only hear when something is wrong with it.
    ADMINISTRATOR = "administrator"


STAFF = frozenset({Role.CASEWORKER, Role.MANAGER, Role.ADMINISTRATOR})
CASEWORKERS = frozenset({Role.CASEWORKER})
MANAGERS = frozenset({Role.MANAGER})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
BENEFICIARIES = frozenset({Role.BENEFICIARY})
EVERYBODY = frozenset(Role)


class Consent(StrEnum):
    """What the person said to "may we keep this?"."""

    UNASKED = "unasked"
    AGREED = "agreed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """A person known to the service.

    `language` None: not chosen yet. `centre_slug` is the centre a beneficiary last chose, or the
    centre a caseworker works at. `province_code` is where a beneficiary said they live (no position
    is ever kept). `name` is what they asked to be called, None when they did not say. `reminder_hour` is the
    hour of the day at which they want to be reminded of visits, None for the usual ones.
    """

    id: ContactId
    role: Role
    language: str | None
    consent: Consent
    news: bool
    check_ins: bool
    centre_slug: str | None
    province_code: str | None
    name: str | None
    created_at: datetime
    enrolled_at: datetime | None
    reminder_hour: int | None = None

    def __repr__(self) -> str:
        return f"<Contact {self.id} {self.role}>"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time way in for staff, found by the hash of its code."""

    id: int
    role: Role
    centre_slug: str | None
    expires_at: datetime
