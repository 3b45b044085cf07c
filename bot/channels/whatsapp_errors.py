"""What the platform's error codes mean for a message: one table, each code with its reason and its source."""

from dataclasses import dataclass
from enum import StrEnum

from bot.channels.channel import (
    AddressUnreachable,
    MessageRefused,
    SendFailed,
    TooFast,
    TryLater,
    Undeliverable,
    WindowClosed,
)

# developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
CODES = "Cloud API, error codes"
# developers.facebook.com/docs/whatsapp/cloud-api/overview, throughput and pair rate limits
LIMITS = "Cloud API, throughput"
# developers.facebook.com/docs/whatsapp/business-scoped-user-ids, 2026-05-28
SCOPED = "Cloud API, business-scoped user ids"
# developers.facebook.com/docs/graph-api/guides/error-handling
GRAPH = "Graph API, error handling"
# github.com/david-lev/pywa, pywa/errors.py, 4.5.0
PYWA = "pywa 4.5, errors.py"

# developers.facebook.com/documentation/business-messaging/whatsapp/calling/troubleshooting
CALLING = "Cloud API, calling, error codes"
# developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates
ACCOUNT = "Graph API reference, WhatsApp business account"
# Not seen on a page of Meta's: integrators' tables and help pages of 2025 and 2026.
REPORTED = "reported by others"

# One message in six seconds to one person, and about a second until the whole number may send again.
PAIR_WAIT_S, NUMBER_WAIT_S = 6.0, 1.0


class Outcome(StrEnum):
    """What to do about a failure."""

    TEMPORARY = "temporary"  # try again, later each time
    PACE = "pace"  # we were too fast: wait as long as the limit asks
    UNREACHABLE = "unreachable"  # nothing reaches this address: try another one
    PERMANENT = "permanent"  # this message will not arrive, others may
    WINDOW = "window"  # only an approved template may be sent now
    TECHNICAL = "technical"  # the message or the set-up is wrong: somebody has to look


@dataclass(frozen=True, slots=True)
class Failure:
    """`reason` is what the outbox keeps; `words` say it to an operator."""

    outcome: Outcome
    reason: str
    words: str
    source: str = CODES
    wait_s: float = 0.0

    def error(self) -> SendFailed:
        """Return what delivery is told."""
        match self.outcome:
            case Outcome.TEMPORARY:
                return TryLater(self.reason)
            case Outcome.PACE:
                return TooFast(self.wait_s)
            case Outcome.UNREACHABLE:
                return AddressUnreachable(self.reason)
            case Outcome.PERMANENT:
                return Undeliverable(self.reason)
            case Outcome.WINDOW:
                return WindowClosed(self.reason)
            case Outcome.TECHNICAL:
                return MessageRefused(self.reason)


_T, _P, _U = Outcome.TEMPORARY, Outcome.PERMANENT, Outcome.UNREACHABLE
_W, _X = Outcome.WINDOW, Outcome.TECHNICAL

FAILURES = {
    # The account and its key. Messages wait: they are all right once somebody has put that in order.
    0: Failure(_T, "token", "WHATSAPP_TOKEN is not accepted: make a new one.", GRAPH),
    190: Failure(_T, "token", "WHATSAPP_TOKEN has expired: make a new one.", GRAPH),
    3: Failure(_T, "permission", "The token lacks the permission whatsapp_business_messaging.", GRAPH),
    10: Failure(_T, "permission", "The token lacks the permission whatsapp_business_messaging.", GRAPH),
    131005: Failure(_T, "permission", "The token may not send from this number."),
    33: Failure(_T, "number_gone", "The business number was deleted: see WHATSAPP_PHONE_NUMBER_ID.", GRAPH),
    133010: Failure(_T, "number_gone", "The business number is not registered with the Cloud API."),
    131045: Failure(_T, "number_gone", "The business number is not registered with the Cloud API."),
    131037: Failure(_T, "display_name", "The business number has no approved display name."),
    368: Failure(_T, "account_blocked", "Meta has restricted the account for breaking a policy."),
    131031: Failure(_T, "account_blocked", "Meta has locked the account."),
    131064: Failure(_T, "portfolio_limit", "The portfolio has reached its messaging limit.", PYWA),
    131042: Failure(_T, "payment", "There is a problem with the account's payment method."),
    131044: Failure(_T, "payment", "The account has no valid payment method.", CALLING),
    133016: Failure(_T, "number_gone", "The business number was registered too often: wait.", REPORTED),
    # The platform is busy or being worked on.
    1: Failure(_T, "platform", "Meta's server had an unknown fault.", GRAPH),
    2: Failure(_T, "platform", "Meta's service is overloaded or down.", GRAPH),
    131000: Failure(_T, "platform", "Meta's server had an unknown fault."),
    131016: Failure(_T, "platform", "Meta's service is overloaded."),
    131057: Failure(_T, "maintenance", "The account is being worked on, as when its throughput is raised."),
    133004: Failure(_T, "platform", "Meta's server is not available."),
    # Too many. The last one is a punishment for messages that people blocked: it lasts.
    4: Failure(_T, "call_limit", "The app has made too many calls.", GRAPH),
    80007: Failure(_T, "call_limit", "The account has made too many calls."),
    80008: Failure(_T, "call_limit", "The account has made too many calls.", ACCOUNT),
    131048: Failure(_T, "spam_limit", "Too many people blocked or reported messages of this number."),
    130429: Failure(
        Outcome.PACE, "too_fast", "More messages a second than the number may send.", LIMITS, NUMBER_WAIT_S
    ),
    131056: Failure(
        Outcome.PACE, "too_fast", "Too many messages to one person in a short time.", LIMITS, PAIR_WAIT_S
    ),
    # The person.
    131026: Failure(_U, "not_on_whatsapp", "The person is not on WhatsApp, or has not agreed to its terms."),
    130403: Failure(_U, "blocked_us", "The person blocked the business, or may not be written to.", REPORTED),
    131030: Failure(_U, "not_a_tester", "The number is not among those that a test account may write to."),
    130497: Failure(_U, "country_barred", "The account may not write to people in this country."),
    131047: Failure(_W, "window_closed", "The person wrote more than 24 hours ago: only a template may go."),
    130472: Failure(_P, "experiment", "Meta keeps marketing messages from this person, as an experiment."),
    131049: Failure(_P, "marketing_limit", "Meta brings this person no more marketing messages for now."),
    131050: Failure(_P, "marketing_refused", "The person wants no marketing messages of this number."),
    131063: Failure(_P, "marketing_barred", "The account may send no marketing messages this way.", REPORTED),
    131043: Failure(_P, "expired_there", "The message was too old before it could be brought.", REPORTED),
    # The message.
    100: Failure(_X, "bad_request", "A field of the message is wrong.", GRAPH),
    131008: Failure(_X, "bad_request", "A field of the message is missing."),
    131009: Failure(_X, "bad_request", "A value of the message is wrong."),
    131021: Failure(_X, "own_number", "The recipient is the business number itself."),
    131055: Failure(_X, "method", "The number or the template may not be used in this way.", CALLING),
    131051: Failure(_X, "message_kind", "Messages of this kind are not supported."),
    131052: Failure(_X, "media", "The file could not be downloaded."),
    131053: Failure(_X, "media", "The file could not be used."),
    131062: Failure(_X, "needs_number", "Such a message needs the phone number, not the user id.", SCOPED),
    # The template, so another way may bring it; managers hear of templates that may not be sent any more.
    132000: Failure(_P, "template", "The template has another number of values."),
    132001: Failure(_P, "template_missing", "There is no approved template of this name in this language."),
    132005: Failure(_P, "template", "The template becomes too long with these values."),
    132007: Failure(_P, "template", "The template breaks a policy on formats."),
    132012: Failure(_P, "template", "A value of the template has the wrong form."),
    132015: Failure(_P, "template_paused", "The template is paused: people found it of low quality."),
    132016: Failure(_P, "template_disabled", "The template was paused too often and is disabled for good."),
    132018: Failure(_P, "template", "A value of the template is not what it takes.", REPORTED),
}  # fmt: skip

# Of 200 to 299, each a permission that is missing; and of what the table does not name.
_PERMISSION = range(200, 300)
_UNKNOWN = Failure(_X, "unknown_code", "An error that is not in our table.")


def failure(code: int, *, status: int = 400) -> Failure:
    """Return what a code means; `status` is HTTP's, by which an unknown code is judged."""
    if code in FAILURES:
        return FAILURES[code]
    if code in _PERMISSION:
        return FAILURES[10]
    return FAILURES[131000] if status >= 500 or status == 429 else _UNKNOWN
