"""All flows that a beneficiary meets."""

from typing import Any

from conversations.engine.flow import Flow
from conversations.flows.beneficiary.address_added import ADDRESS_ADDED
from conversations.flows.beneficiary.addresses import ADDRESSES
from conversations.flows.beneficiary.arrival import ARRIVAL
from conversations.flows.beneficiary.booking import BOOKING
from conversations.flows.beneficiary.call_request import CALL_REQUEST
from conversations.flows.beneficiary.check_in import CHECK_IN
from conversations.flows.beneficiary.complaint import COMPLAINT
from conversations.flows.beneficiary.complaint_answer import COMPLAINT_ANSWER
from conversations.flows.beneficiary.consent import CONSENT
from conversations.flows.beneficiary.erase import ERASE
from conversations.flows.beneficiary.feedback import FEEDBACK
from conversations.flows.beneficiary.group_called_off import GROUP_CALLED_OFF
from conversations.flows.beneficiary.group_visit import GROUP_VISIT
from conversations.flows.beneficiary.help_numbers import HELP_NUMBERS
from conversations.flows.beneficiary.joining import JOINING
from conversations.flows.beneficiary.language import LANGUAGE
from conversations.flows.beneficiary.life_project import LIFE_PROJECT
from conversations.flows.beneficiary.menu import MENU, VISITOR_MENU
from conversations.flows.beneficiary.message_waiting import MESSAGE_WAITING
from conversations.flows.beneficiary.missed_visit import MISSED_VISIT
from conversations.flows.beneficiary.my_visits import MY_VISITS
from conversations.flows.beneficiary.nearest import NEAREST
from conversations.flows.beneficiary.not_me import NOT_ME
from conversations.flows.beneficiary.person import PERSON
from conversations.flows.beneficiary.place_offered import PLACE_OFFERED
from conversations.flows.beneficiary.profiles import PROFILES
from conversations.flows.beneficiary.questions import QUESTIONS
from conversations.flows.beneficiary.reminder import REMINDER
from conversations.flows.beneficiary.services import SERVICES
from conversations.flows.beneficiary.settings import SETTINGS
from conversations.flows.beneficiary.sms_reminder import SMS_REMINDER
from conversations.flows.beneficiary.staff_words import STAFF_WORDS
from conversations.flows.beneficiary.stop import STOP
from conversations.flows.beneficiary.visit_called_off import VISIT_CALLED_OFF
from conversations.flows.beneficiary.visit_confirmed import VISIT_CONFIRMED
from conversations.flows.beneficiary.visit_displaced import VISIT_DISPLACED_FLOW
from conversations.flows.beneficiary.visit_proposed import VISIT_PROPOSED
from conversations.flows.beneficiary.waiting import WAITING

# In the order in which a person meets them.
BENEFICIARY_FLOWS: tuple[Flow[Any], ...] = (
    LANGUAGE,
    CONSENT,
    MENU,
    VISITOR_MENU,
    BOOKING,
    GROUP_VISIT,
    MY_VISITS,
    WAITING,
    ARRIVAL,
    NEAREST,
    SERVICES,
    QUESTIONS,
    LIFE_PROJECT,
    PERSON,
    SETTINGS,
    ADDRESSES,
    PROFILES,
    JOINING,
    NOT_ME,
    HELP_NUMBERS,
    STOP,
    ERASE,
    REMINDER,
    SMS_REMINDER,
    CHECK_IN,
    VISIT_CONFIRMED,
    VISIT_PROPOSED,
    GROUP_CALLED_OFF,
    VISIT_DISPLACED_FLOW,
    PLACE_OFFERED,
    CALL_REQUEST,
    STAFF_WORDS,
    ADDRESS_ADDED,
    MESSAGE_WAITING,
    MISSED_VISIT,
    VISIT_CALLED_OFF,
    FEEDBACK,
    COMPLAINT,
    COMPLAINT_ANSWER,
)
