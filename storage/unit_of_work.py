"""All stores of one transaction. What flows see of it is the `Desk` of conversations/ports.py."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.addresses import AddressStore
from storage.announcements import AnnouncementStore
from storage.appointments import AppointmentStore
from storage.audit import AuditStore
from storage.billing import BillingStore
from storage.centres import CentreStore
from storage.closures import ClosureStore
from storage.complaints import ComplaintStore
from storage.contacts import ContactStore
from storage.content import ContentStore
from storage.encryption import KeyRing
from storage.experiments import ExperimentStore
from storage.group_sessions import GroupSessionStore
from storage.holds import HoldStore
from storage.inbox import InboxStore
from storage.invitations import InvitationStore
from storage.life_projects import LifeProjectStore
from storage.links import LinkStore
from storage.marks import MarkStore
from storage.outbox import Carrier, OutboxStore
from storage.profiles import ProfileStore
from storage.schedule import DueStore
from storage.sessions import SessionStore
from storage.tasks import TaskStore
from storage.templates import TemplateStore
from storage.unanswered import UnansweredStore
from storage.waiting_list import WaitingStore

if TYPE_CHECKING:
    from conversations.ports import Desk


class UnitOfWork:
    """One transaction's stores. They never commit; leaving `Database.transaction` does, once.

    `topics` are rung after the commit, so that whoever waits for the rows goes on at once.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        keys: KeyRing,
        *,
        zone: tzinfo,
        zone_name: str,
        carriers: Mapping[str, Carrier] | None = None,
    ) -> None:
        self.connection = connection
        self.topics: set[str] = set()
        self.contacts = ContactStore(connection, keys)
        self.addresses = AddressStore(connection, keys)
        self.links = LinkStore(connection, keys)
        self.profiles = ProfileStore(connection, keys, self.topics)
        self.invitations = InvitationStore(connection)
        self.sessions = SessionStore(connection, keys)
        self.centres = CentreStore(connection)
        self.closures = ClosureStore(connection)
        self.appointments = AppointmentStore(connection, keys, zone_name, zone)
        self.group_sessions = GroupSessionStore(connection)
        self.holds = HoldStore(connection)
        self.waiting = WaitingStore(connection, keys, zone, self.topics)
        self.schedule = DueStore(connection)
        self.tasks = TaskStore(connection, keys)
        self.life_projects = LifeProjectStore(connection, keys)
        self.announcements = AnnouncementStore(connection)
        self.audit = AuditStore(connection)
        self.inbox = InboxStore(connection, keys)
        self.outbox = OutboxStore(connection, keys, topics=self.topics, carriers=carriers)
        self.marks = MarkStore(connection)
        self.templates = TemplateStore(connection)
        self.unanswered = UnansweredStore(connection)
        self.billing = BillingStore(connection, zone)
        self.content = ContentStore(connection, zone)
        self.experiments = ExperimentStore(connection)
        self.complaints = ComplaintStore(connection, keys)


if TYPE_CHECKING:
    # The promise that flows rely on, checked by the type checker alone.
    def _keeps_the_promises_of_ports(unit: UnitOfWork) -> Desk:
        return unit
