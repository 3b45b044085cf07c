"""Walks through every flow there is, on WhatsApp: who goes where, and which flows they must have come to.

A walk gets a town and does with people of its own what people do. It may run beside all others: each that
needs staff has a centre of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bot.channels.whatsapp_templates import templates_of
from bot.texts import load_texts
from conversations.care.people import Role
from conversations.care.reminders import ReminderStep
from conversations.texts import LANGUAGES
from tests.whatsapp_town import DAY, TIME, VISIT, Nth, Town

TASK = Nth(r"t\d+", 0)


@dataclass(frozen=True)
class Walk:
    """`flows` are those that the walk leads through; it fails when the database did not show one of them."""

    name: str
    flows: frozenset[str]
    goes: Callable[[Town], Awaitable[None]]


# From the first word to the last


async def _goes_all_the_way(language: str, centre: str, town: Town) -> None:
    """Language, consent, booking, my visits, change, cancel, settings, erase."""
    texts = load_texts()[language]
    amina = town.walker("Amina", of=f"all_the_way_{language}")
    await amina.says("سلام")
    await amina.is_in("language")
    await amina.taps(language)
    await amina.is_in("consent")
    await amina.taps("more", "agree")
    await amina.is_in("menu")

    await amina.taps("booking")
    await amina.is_in("booking")
    await amina.taps("papers")
    await amina.picks(await town.city(centre, language))
    await amina.taps(DAY, TIME, "yes")
    await amina.hears(texts.gettext("✅ The centre has your request."))

    await amina.goes_to("my_visits")
    await amina.taps(VISIT, "coming")
    await amina.hears(texts.gettext("👍 Thank you. The centre knows that you are coming:"))
    await amina.goes_to("my_visits")
    await amina.taps(VISIT, "change", DAY, TIME, "yes")
    await amina.hears(texts.gettext("✅ The centre has your request for a new time."))
    await amina.goes_to("my_visits")
    await amina.taps(VISIT, "cancel", "yes")
    await amina.hears(texts.gettext("Your visit is cancelled. You can book another one whenever you like."))

    await amina.goes_to("settings")
    await amina.taps("news")
    await amina.hears(texts.gettext("🔔 You get news of programmes."))
    await amina.taps("news", "name")
    await amina.hears(texts.gettext("Which name shall we use? You choose, and none is fine too."))
    await amina.says("Amina")
    await amina.taps("kept")
    await amina.hears(texts.gettext("This is what we keep about you:"))
    await amina.taps("erase")
    await amina.is_in("erase")
    amina.is_forgotten()
    await amina.taps("yes")
    await amina.hears(texts.gettext("Everything is erased. Write whenever you need us; we wish you well."))


# Of those who look around, stop, write, or have another phone


async def _looks_around(town: Town) -> None:
    chama = town.walker("Chama", of="looks_around")
    await chama.says("salut")
    await chama.taps("fr", "refuse")
    await chama.is_in("visitor_menu")
    await chama.taps("nearest")
    await chama.is_in("nearest")
    await chama.shares_location(34.26, -6.58)
    await chama.taps("sale", "others", "regions")
    await chama.taps(Nth(r".+", 3))
    await chama.taps(Nth(r"[^!].*", 0))
    await chama.says("menu")
    await chama.taps("services")
    await chama.is_in("services")
    await chama.taps("who", "!back", "job")
    await chama.says("menu")
    await chama.taps("help_numbers")
    await chama.is_in("help_numbers")
    await chama.taps("ok")
    await chama.says("menu")
    await chama.taps("language")
    await chama.is_in("language")
    await chama.taps("en")
    await chama.hears("✅ We will write to you in this language.")
    await chama.says("menu")
    await chama.is_in("visitor_menu")
    await chama.taps("consent")
    await chama.is_in("consent")
    await chama.taps("agree")
    await chama.is_in("menu")


async def _stops(town: Town) -> None:
    brahim = town.walker("Brahim", of="stops")
    await brahim.agrees()
    await brahim.says("STOP")
    await brahim.is_in("stop")
    await brahim.taps("undo")
    await brahim.hears("Everything is as it was before.")


async def _joins_two_phones(town: Town) -> None:
    old, new = town.walker("Brahim", of="joins_two_phones"), town.walker("Brahim", of="joins_two_phones")
    await old.agrees()
    await old.goes_to("settings")
    await old.taps("addresses")
    await old.is_in("addresses")
    await old.taps("link")
    told = await old.hears("🔗 Your code: ")

    await new.says(told.text.partition("\n")[0].partition(": ")[2])
    await new.is_in("join")
    await new.taps("yes", "keep")
    await new.hears("✅ Your conversation goes on here.")
    await old.is_told("address_added", "📱 Your conversation now goes on elsewhere, too: WhatsApp")
    await new.says("not me")
    await new.is_in("not_me")
    new.is_forgotten()
    await new.taps("yes")
    await new.hears("Thank you. Nothing of it is sent here any more.")
    await old.says("menu")
    await old.is_in("menu")


async def _writes_and_is_answered(town: Town) -> None:
    amina, driss = town.walker("Amina", of="writes"), town.walker("Driss", of="writes")
    await driss.comes_as(Role.CASEWORKER, "sale")
    await amina.agrees()
    await amina.books("sale")
    news = await driss.is_told("visit_news", "📥 Somebody asks for a visit.")
    await driss.taps_in(news, "call")
    request = await amina.is_told("call_request", "📞 Somebody would like to speak with you.")
    await amina.taps_in(request, "call")
    await amina.is_in("call_request")
    await amina.says("06 12 34 56 78")
    await amina.hears("Thank you. A caseworker will call you on this number:")
    to_call = await driss.is_told("task_news", "📞 Somebody wants to be called.")
    await driss.taps_in(to_call, "done")
    await driss.hears("Done. Thank you.")

    await amina.goes_to("person")
    await amina.says("J'ai perdu mes papiers")
    await amina.hears("✅ Your message is kept.")
    written = await driss.is_told("task_news", "J'ai perdu mes papiers")
    await driss.taps_in(written, "answer")
    await driss.is_in("answer")
    await driss.says("Venez mercredi.")
    await driss.taps("done")
    answer = await amina.is_told("staff_words", "💬 An answer for you:\n\nVenez mercredi.")
    await amina.taps_in(answer, "answer")
    await amina.is_in("person")
    await amina.sends_voice(b"OggS, d'accord")
    await driss.is_told("task_news", "🎧 A voice note came with it.")

    await driss.says("menu")
    await driss.is_in("caseworker_menu")
    await driss.taps("tasks")
    await driss.is_in("tasks")
    await driss.taps(TASK, "take", "done")
    await driss.hears("Nobody is waiting. 👍")
    await amina.says("je veux mourir")
    await amina.is_in("help_numbers")
    await driss.is_told("task_news", "🆘 Urgent: somebody may be in danger.")


async def _has_a_visit(town: Town) -> None:
    """A caseworker who was somebody's case before confirms a visit and proposes another time."""
    brahim, hind = town.walker("Brahim", of="has_a_visit"), town.walker("Hind", of="has_a_visit")
    await hind.agrees()
    await hind.says(await town.invitation(Role.CASEWORKER, "agadir"))
    await hind.is_in("invitation")
    hind.is_forgotten()
    await hind.taps("switch")
    await hind.is_in("caseworker_menu")
    await brahim.agrees()
    await brahim.books("agadir")
    news = await hind.is_told("visit_news", "📥 Somebody asks for a visit.")
    await hind.taps_in(news, "confirm")
    await hind.hears("Confirmed: visit ")
    confirmed = await brahim.is_told("visit_confirmed", "✅ Your time is confirmed.")
    await brahim.taps_in(confirmed, "coming")
    await hind.is_told("visit_news", "👍 Somebody says they are coming.")

    await hind.says("menu")
    await hind.taps("week")
    await hind.is_in("agenda")
    await hind.taps(VISIT, "propose")
    await hind.is_in("propose")
    await hind.taps(DAY, TIME, "send")
    await hind.hears("Proposed. You will hear when the person answers.")
    proposal = await brahim.is_told("visit_proposed", "🕐 Another time is proposed to you:")
    await brahim.taps_in(proposal, "accept")
    await brahim.hears("✅ Your visit is moved.")
    await hind.is_told("visit_news", "🔄 A visit was moved to this time.")


# What comes by itself


async def _is_reminded(town: Town) -> None:
    yassin = town.walker("Yassin", of="is_reminded")
    await yassin.agrees()
    await yassin.books("tanger")
    await yassin.falls_due(ReminderStep.TWO_HOURS_BEFORE)
    reminder = await yassin.is_told("reminder", "⏰ Today at ")
    await yassin.taps_in(reminder, "cancel")
    await yassin.is_in("my_visits")
    await yassin.taps("yes")
    await yassin.hears("Your visit is cancelled.")


async def _is_texted(town: Town) -> None:
    """Somebody who has left WhatsApp hears of their visit by a text."""
    said = load_texts()["en"].gettext("Reminder: your appointment is on {day} at {time}, {city}.")
    salma = town.walker("Salma", of="is_texted")
    await salma.agrees()
    await salma.books("meknes")
    salma.person.is_unreachable = True
    await salma.falls_due(ReminderStep.TWO_HOURS_BEFORE)
    await salma.is_texted("sms_reminder")

    async def is_there() -> bool:
        texts = [text for text in town.kannel.taken if text.to == f"+{salma.person.phone}"]
        return any(text.text.startswith(said.partition("{")[0]) for text in texts)

    await town.until(is_there, "the text")


# Of managers


async def _leads(town: Town) -> None:
    """A manager hears of a request that nobody hears of, fills in a centre, and of a template's pause."""
    karim, amina = town.walker("Karim", of="leads"), town.walker("Amina", of="leads")
    await karim.comes_as(Role.MANAGER)
    await amina.agrees()
    await amina.books("casablanca")
    unheard = await karim.is_told("unheard_request", "No caseworker of the centre of Casablanca")
    await karim.taps_in(unheard, "ok")

    await karim.says("menu")
    await karim.taps("centres")
    await karim.is_in("centre_details")
    await karim.taps("fes", "address")
    await karim.says("Quartier Dokkarat")
    await karim.taps("phone")
    await karim.says("05 00 00 00 00")
    await karim.taps("hours", "mornings", "next", "2", "30", "save")
    await karim.hears("Saved. From now on bookings are confirmed at once.")
    await karim.taps("closed", "add", DAY)
    await karim.hears("Which day do you close?")
    await amina.goes_to("nearest")
    await amina.picks(await town.city("fes", "en"))
    card = await amina.hears("📍 The centre in Fès")
    assert "Quartier Dokkarat" in card.text

    template = templates_of(load_texts())[0]
    town.graph.add_template(dict(template.submission()), "PENDING")
    await town.graph.set_template_status(template.name, template.platform_language, "PAUSED")
    await karim.is_told("template_news", "⏸️ WhatsApp has paused the template")


async def _announces(town: Town) -> None:
    writer = town.walker("Nadia", of="announces")
    readers = [town.walker(f"Reader {at}", of="announces") for at in range(2)]
    for reader in readers:
        await reader.agrees(consent="agree_news")
    await writer.comes_as(Role.MANAGER)
    await writer.taps("broadcast")
    await writer.is_in("broadcast")
    await writer.taps("everyone", "en")
    await writer.says("Training begins on Monday.")
    await writer.hears("It goes to ")
    await writer.taps("send")
    await writer.is_told("announcement_progress", "📢 The announcement is being sent.")
    await writer.hears("✅ The announcement has gone to everybody.")
    for reader in readers:
        news = await reader.hears("Training begins on Monday.")
        await reader.taps_in(news, "!stop")
        await reader.is_in("stop")


def _all_the_way() -> list[Walk]:
    flows = {"language", "consent", "menu", "booking", "my_visits", "settings", "erase"}
    homes = ("oujda", "settat", "beni-mellal", "marrakech")
    return [
        Walk(f"all_the_way_{each.code}", frozenset(flows), partial(_goes_all_the_way, each.code, home))
        for each, home in zip(LANGUAGES, homes, strict=True)
    ]


# In no particular order: they all run side by side.
WALKS: tuple[Walk, ...] = (
    *_all_the_way(),
    Walk(
        "looks_around",
        frozenset({"visitor_menu", "nearest", "services", "help_numbers", "language", "consent"}),
        _looks_around,
    ),
    Walk("stops", frozenset({"stop"}), _stops),
    Walk("joins_two_phones", frozenset({"addresses", "join", "address_added", "not_me"}), _joins_two_phones),
    Walk(
        "writes",
        frozenset({"person", "call_request", "staff_words", "task_news", "answer", "tasks", "help_numbers"}),
        _writes_and_is_answered,
    ),
    Walk(
        "has_a_visit",
        frozenset(
            {"invitation", "caseworker_menu", "visit_news", "agenda", "propose"}
            | {"visit_confirmed", "visit_proposed"}
        ),
        _has_a_visit,
    ),
    Walk("is_reminded", frozenset({"reminder", "my_visits"}), _is_reminded),
    Walk("is_texted", frozenset({"sms_reminder"}), _is_texted),
    Walk(
        "leads",
        frozenset({"manager_menu", "unheard_request", "centre_details", "template_news", "nearest"}),
        _leads,
    ),
    Walk("announces", frozenset({"broadcast", "announcement_progress", "stop"}), _announces),
)
