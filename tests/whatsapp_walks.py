"""Walks through every flow there is, on WhatsApp: who goes where, and which flows they must have come to.

A walk gets a town and does with people of its own what people do. It may run beside all others: each that
needs staff has a centre of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import select

from bot.channels.whatsapp_templates import templates_of
from bot.texts import load_texts
from bot.zone import casablanca
from conversations.care.appointments import Need
from conversations.care.hours import VisitKind
from conversations.care.people import ContactId, Role
from conversations.care.reminders import ReminderStep
from conversations.care.wall_time import to_local
from conversations.texts import LANGUAGES
from storage.tables import appointments, is_live
from tests.fake_graph import Shown
from tests.whatsapp_people import ids
from tests.whatsapp_town import DAY, TIME, VISIT, Nth, Town, Walker

# The walk of those whose visits take place.
AFTER = "after_visits"

TASK = Nth(r"t\d+", 0)
SESSION = Nth(r"\d{1,3}", 0)

# As they stand in the catalogues.
_NOT_LISTENING = (
    "I can't listen or look here yet. Please write it in a few words, or write “person”: "
    "a caseworker can note it for you."
)
_CHOOSE = "I can't listen or look here yet. Choose a button, or “Talk to a person” and send it there."
_TOPICS = "What is your question about? You can also write it here in your own words."


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
    await amina.taps("hour", "20")
    await amina.hears(texts.gettext("⏰ Reminders of visits come at {time}.").partition("{")[0])
    await amina.taps("kept")
    await amina.hears(texts.gettext("This is what we keep about you:"))
    await amina.taps("erase")
    await amina.is_in("erase")
    amina.is_forgotten()
    await amina.taps("yes")
    await amina.hears(texts.gettext("Everything is erased. Write whenever you need us; we wish you well."))


# Of those who look around, stop, write, or have another phone


async def _looks_around(town: Town) -> None:
    texts = load_texts()["fr"]
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
    await chama.taps("self", "job", "conditional", "enough", "why")
    await chama.hears(
        texts.gettext("Where this comes from. We read public pages; the centre has the last word.")
    )
    # Sources are longer than a message with buttons may be.
    await chama.picks(texts.pgettext("button", "⬅️ Back"))
    await chama.taps("more")
    await chama.is_in("services")
    await chama.picks(texts.pgettext("button", "⬅️ Back"))
    await chama.taps("another")
    await chama.sends_sticker()
    await chama.hears(texts.gettext(_CHOOSE))
    await chama.taps("health", "more")
    await chama.says("menu")
    await chama.taps("questions")
    await chama.is_in("questions")
    await chama.says("Qu'est-ce que je dois apporter comme papiers ?")
    await chama.taps("sources", "others")
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

    await new.says(_code_in(told))
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


def _code_in(told: Shown) -> str:
    """Return the code that stands at the end of the first line."""
    return told.text.partition("\n")[0].partition(":")[2].strip()


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
    await hind.taps("own_name")
    await hind.is_in("own_name")
    await hind.says("Hind")
    await hind.hears("Now we call you Hind.")
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

    ((day,),) = await town.rows(
        select(appointments.c.day).where(appointments.c.centre_slug == "agadir", is_live())
    )
    await hind.says("menu")
    await hind.taps("centre", "closed", "add")
    await hind.is_in("close")
    await hind.says(f"{day:%d/%m/%Y}")
    await hind.taps("day", "meeting", "yes")
    await hind.hears("1 person has been told.")
    # The message itself may wait for the morning.
    await brahim.goes_to("my_visits")
    await brahim.taps(VISIT)
    await brahim.is_in("visit_displaced")
    await brahim.taps("accept")
    await brahim.hears("✅ Your visit is moved.")


async def _meets_in_a_group(town: Town) -> None:
    """A caseworker holds a group session, somebody takes a place in it, and it is called off."""
    brahim, hind = town.walker("Brahim", of="meets_in_a_group"), town.walker("Hind", of="meets_in_a_group")
    await hind.comes_as(Role.CASEWORKER, "meknes")
    await hind.taps("centre")
    await hind.is_in("centre_details")
    await hind.taps("groups")
    await hind.is_in("group_sessions")
    await hind.taps("add", "training", "60", Nth(DAY.shape, 3), TIME, "4", "save")
    await hind.hears("Saved. People can book it now.")
    await brahim.agrees()
    await brahim.goes_to("booking")
    await brahim.taps("training")
    await brahim.picks(await town.city("meknes", "en"))
    await brahim.taps("group")
    await brahim.is_in("group_visit")
    await brahim.taps(SESSION, "yes")
    await brahim.hears("✅ Your place in the group is booked.")
    await hind.is_told("visit_news", "📥 A new visit is booked.")
    await hind.taps(SESSION, "call_off", "yes")
    await hind.hears("Called off. 1 person is told.")
    await brahim.is_told_by_day("group_called_off", "❌ Your meeting is called off.")


async def _arrives(town: Town) -> None:
    """A caseworker hangs the code at the door; somebody asks for the date of a visit, and comes to it."""
    amina, driss = town.walker("Amina", of="arrives"), town.walker("Driss", of="arrives")
    await driss.comes_as(Role.CASEWORKER, "meknes")
    await driss.says("/centre")
    await driss.is_in("centre_details")
    await driss.taps("more", "at_the_door", "door", "page")
    await driss.gets_page("Here is the page, ready to print.")

    await amina.agrees()
    visit, code = await _visit_of_now(town, ContactId(await amina.contact_id()), "meknes")
    await amina.says(f"door_{code}")
    await amina.is_in("arrival")
    await amina.hears(f"👋 You have arrived. Somebody will call you by your code: {visit}")
    await driss.is_told("arrival_news", f"👋 {visit} is here")

    # Somebody else books a time of the centre's second day.
    await amina.books("meknes", day=Nth(DAY.shape, 2))
    await amina.taps(Nth(r"!visit_date=\d+", 0))
    await amina.hears("📆 To note:")


async def _visit_of_now(town: Town, contact_id: ContactId, centre: str) -> tuple[str, str]:
    """Give somebody a visit that begins about now, and return its code and that of the door."""
    now = datetime.now(UTC)
    local = to_local(now, casablanca())
    async with town.database.transaction() as unit:
        visit = await unit.appointments.book(
            contact_id=contact_id, centre_slug=centre, need=Need.JOB, day=local.date(),
            at=local.time().replace(second=0, microsecond=0), capacity=1, confirmed=True, now=now,
        )  # fmt: skip
        return visit.code, await unit.centres.door_code(centre)


# Of those who share a phone


async def _share_a_phone(town: Town) -> None:
    """Amina in Darija and Brahim in French, with a PIN between them, until Brahim has a phone of his own."""
    hers, his = load_texts()["ary"], load_texts()["fr"]
    phone, new = town.walker("Amina", of="share_a_phone"), town.walker("Brahim", of="share_a_phone")
    driss = town.walker("Driss", of="share_a_phone")
    await driss.comes_as(Role.CASEWORKER, "safi")
    await phone.agrees(language="ary")
    await phone.books("safi", language="ary")
    await phone.goes_to("person")
    await phone.says("شنو نجيب معايا؟")
    task = await driss.is_told("task_news", "شنو نجيب معايا؟")
    await phone.goes_to("settings")
    await phone.taps("name")
    await phone.says("أمينة")
    await phone.taps("profiles")
    await phone.is_in("profiles")
    await phone.taps("pin")
    await phone.says("12")
    await phone.hears(hers.gettext("A PIN has 4 to 6 digits."))
    await phone.sends_sticker()
    await phone.hears(hers.gettext("A PIN has 4 to 6 digits."))
    await phone.says("٢٤٦٨")
    await phone.hears(hers.gettext("🔒 The PIN is set. Now delete your message with it from this chat."))
    amina_id = str(await phone.contact_id())

    await phone.taps("add", "begin")
    await phone.is_in("language")
    await phone.taps("fr", "agree")
    await phone.is_in("menu")
    await phone.goes_to("settings")
    await phone.taps("name")
    await phone.says("Brahim")
    await phone.is_in("settings")
    await phone.says("menu")
    menu = await phone.hears(his.gettext("Hello {name}. What can we do for you?").format(name="Brahim"))
    brahim_id = str(await phone.contact_id())

    await driss.taps_in(task, "answer")
    await driss.is_in("answer")
    await driss.says("La carte suffit.")
    waiting = await phone.is_told(
        "message_waiting", his.gettext("✉️ A message is waiting for {name}.").format(name="أمينة")
    )
    assert not any("La carte suffit." in shown.text for shown in phone.person.chat)
    await phone.taps_in(waiting, "switch")
    await phone.is_in("profiles")
    await phone.says("1357")
    await phone.hears(his.gettext("This PIN is wrong."))
    await phone.says("2468")
    await phone.hears(hers.gettext("✅ Now this is your conversation."))
    await phone.is_told("staff_words", "La carte suffit.")
    await phone.taps_in(menu, "booking")
    await phone.hears(hers.gettext("That button was from an older message. Here is where we are now."))

    await phone.leaves_the_phone()
    await phone.says("سلام")
    await phone.is_in("door")
    await phone.sends_sticker()
    await phone.taps_in(menu, "settings")
    await phone.hears(hers.gettext("That button was from an older message. Here is where we are now."))
    await phone.says("sos")
    await phone.is_in("help_numbers")
    await phone.taps("ok", "!menu")
    await phone.is_in("door")
    await phone.taps(brahim_id)
    await phone.hears(his.gettext("✅ Now this is your conversation."))
    await phone.goes_to("settings")
    await phone.taps("addresses", "recovery")
    told = await phone.hears(his.gettext("🔑 Your code: {code}").partition("{")[0])
    await phone.goes_to("settings")
    await phone.taps("profiles", "leave")
    phone.is_forgotten()
    await phone.taps("yes")
    await phone.hears(his.gettext("🚪 This phone has forgotten you."))
    await new.says(_code_in(told))
    await new.is_in("join")
    await new.taps("yes")
    await new.hears(his.gettext("✅ Your conversation goes on here."))

    await phone.says("menu")
    await phone.is_in("door")
    await phone.taps(amina_id)
    await phone.says("0000")
    await phone.hears(hers.gettext("This PIN is wrong."))
    await phone.says("2468")
    await phone.is_in("menu")
    await phone.goes_to("my_visits")
    await phone.taps(VISIT, "coming")
    await phone.hears(hers.gettext("👍 Thank you. The centre knows that you are coming:"))


# Of those who prepare a project, and who reads it


async def _prepares_a_project(town: Town) -> None:
    """Written in Darija, taken along to a visit, read by the centre's caseworker, and taken back."""
    texts = load_texts()["ary"]
    old = texts.gettext("That button was from an older message. Here is where we are now.")
    amina, driss = town.walker("Amina", of="prepares"), town.walker("Driss", of="prepares")
    await driss.comes_as(Role.CASEWORKER, "safi")
    await amina.agrees(language="ary")
    await amina.says("مشروع الحياة")
    await amina.is_in("life_project")
    # Many write at once what they would like to do.
    await amina.says("بغيت نبيع الخبز فالسوق")
    sectors = await amina.hears(
        texts.gettext("Which kind of work is it? Choose, or write it in your own words.")
    )
    await amina.sends_sticker()
    await amina.hears(texts.gettext(_NOT_LISTENING))
    await amina.taps("more", "farming")
    await amina.hears(texts.gettext("What have you already done or learned that helps you with it?"))
    await amina.taps_in(sectors, "trade")
    await amina.hears(old)
    await amina.says("عامين عند مول الفران")
    await amina.taps("skip", "later")
    await amina.is_in("menu")
    await amina.says("مشروع الحياة")
    await amina.is_in("life_project")
    await amina.taps("go_on")
    await amina.is_in("life_project")
    await amina.says("فران صغير")
    await amina.taps("skip", "family", "change", "idea")
    await amina.says("نبيع الخبز والحلوى")
    await amina.taps("page")
    await amina.gets_page(texts.gettext("📄 Here is the page, ready to print."))

    await amina.taps("attach", "book")
    await amina.is_in("booking")
    await amina.picks(await town.city("safi", "ary"))
    # Somebody else books a time of the centre's second day.
    await amina.taps(Nth(DAY.shape, 2), TIME, "yes")
    await amina.hears(texts.gettext("📎 Your project goes along with it."))
    news = await driss.is_told("visit_news", "📥 Somebody asks for a visit.", offering="project")
    await driss.taps_in(news, "project")
    await driss.is_in("visit_project")
    await driss.hears("نبيع الخبز والحلوى")
    await driss.taps("page")
    await driss.gets_page("📄 Here is the page, ready to print.")
    await driss.taps("visit")
    await driss.is_in("agenda")
    await driss.taps("project")
    await driss.is_in("visit_project")

    await amina.says("مشروع الحياة")
    await amina.is_in("life_project")
    await amina.taps("detach")
    await amina.hears(texts.gettext("✂️ Nobody but you can read it from now on."))
    await driss.taps("page")
    await driss.hears("The life project is no longer with visit")
    await amina.taps("delete", "yes")
    await amina.hears(texts.gettext("🗑️ Your project is deleted."))


# Of those who wait for a place


async def _waits(town: Town) -> None:
    """Somebody waits at two centres that are not open yet, and leaves one of the lists."""
    amina = town.walker("Amina", of="waits")
    await amina.agrees()
    for centre in ("khouribga", "nador"):
        async with town.database.transaction() as unit:
            await unit.waiting.join(
                contact_id=ContactId(await amina.contact_id()),
                centre_slug=centre,
                kind=VisitKind.IN_PERSON,
                need=Need.JOB,
                now=town.graph.now(),
            )
    await amina.goes_to("my_visits")
    await amina.taps("waiting")
    await amina.is_in("waiting")
    await amina.taps(Nth(r"leave\d+", 1))
    await amina.hears("You wait there no longer.")


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
    await karim.taps("hours", "mornings", "next", "2", "30", "5", "save")
    await karim.hears("Saved. From now on bookings are confirmed at once.")
    await karim.taps("closed", "add")
    await karim.is_in("close")
    await karim.taps(DAY, "day", "works", "yes")
    await karim.hears("🔒 Closed.")
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


async def _asks_what_nobody_answers(town: Town) -> None:
    """Questions in Darija, known ones and others, and a manager who sees what has no answer."""
    texts = load_texts()["ary"]
    amina, karim = town.walker("Amina", of="asks"), town.walker("Karim", of="asks")
    await amina.agrees(language="ary")
    await amina.says("شنو الوراق اللي خاصني نجيب معايا؟")
    await amina.is_in("questions")
    await amina.taps("sources", "others")
    topics = await amina.hears(texts.gettext(_TOPICS))
    await amina.taps("coming", "how_late")
    await amina.says("واش المركز كيعطي دار للسكنى")
    unknown = texts.gettext("We have no answer to this yet. A person can help you, or try in other words.")
    await amina.hears(unknown)
    await amina.sends_sticker()
    await amina.taps_in(topics, "law")
    await amina.hears(texts.gettext("That button was from an older message. Here is where we are now."))
    await amina.says("الوراق ديال الخدمة")
    await amina.hears(texts.gettext("Do you mean one of these?"))
    await amina.taps("none")
    await amina.hears(unknown)
    await amina.taps("person")
    await amina.is_in("person")

    await karim.comes_as(Role.MANAGER)
    await karim.taps("unanswered")
    await karim.is_in("unanswered")
    await karim.hears("الوراق ديال الخدمه")
    await karim.taps(Nth(r"u\d+", 0))
    await karim.hears("Taken off the list.")


async def _changes_what_people_read(town: Town) -> None:
    """A manager publishes other words, somebody reads them, and the manager takes them back."""
    nadia, brahim = town.walker("Nadia", of="changes"), town.walker("Brahim", of="changes")
    await nadia.comes_as(Role.MANAGER)
    await nadia.taps("content")
    await nadia.is_in("content")
    kinds = await nadia.hears("What would you like to change?")
    await nadia.taps("bring", "fr")
    await nadia.says("Apportez 200 dirhams.")
    await nadia.hears("It names an amount of money")
    await nadia.sends_sticker()
    await nadia.hears("Please send the new text as a message.")
    await nadia.taps_in(kinds, "rules")
    await nadia.hears("That button was from an older message.")
    await nadia.says("Apportez ce que vous avez ; venez même les mains vides.")
    await nadia.taps("preview", "more", "publish")
    await nadia.hears("Published as number 1")

    await brahim.agrees(language="fr")
    await brahim.goes_to("services")
    await brahim.taps("self", "job", "enough")
    await brahim.hears("venez même les mains vides")

    await nadia.says("menu")
    await nadia.is_in("manager_menu")
    await nadia.taps("content", "history", "1", "back", "yes")
    await nadia.hears("Rolled back. It is number 2 of the history.")
    await brahim.taps("another", "job")
    again = await brahim.hears("carte nationale")
    assert "les mains vides" not in again.text


async def _compares_wordings(town: Town) -> None:
    """A manager starts a comparison, a colleague stops it, and the first hears of it."""
    karim, nadia = town.walker("Karim", of="compares"), town.walker("Nadia", of="compares")
    await karim.comes_as(Role.MANAGER)
    await nadia.comes_as(Role.MANAGER)
    await karim.taps("experiments")
    await karim.is_in("experiments")
    await karim.taps("eve", "start")
    await karim.hears("How many visits are to be counted?")
    await karim.says("250")
    await karim.hears("Visits to be counted: 250.")
    await karim.taps("yes")
    await karim.hears("📊 It has begun.")
    await nadia.taps("experiments", "eve", "stop", "yes")
    await nadia.hears("Stopped. Everybody gets wording A again.")
    ended = await karim.is_told_by_day("experiment_end", "📊 A comparison of two wordings has ended.")
    await karim.taps_in(ended, "ok")


# Of those whose visits are over


@dataclass(frozen=True)
class Visitors:
    """A centre's caseworker, a manager, and three people with a visit there, earliest first."""

    ilham: Walker
    mounir: Walker
    people: tuple[Walker, Walker, Walker]


async def _come_in(town: Town) -> None:
    """Staff come in and people agree: what is to happen on the day of the visits happens by another clock."""
    ilham, mounir = town.walker("Ilham", of=AFTER), town.walker("Mounir", of=AFTER)
    await ilham.comes_as(Role.CASEWORKER, "settat")
    await ilham.taps("figures")
    await ilham.is_in("figures")
    await ilham.taps("week_before")
    await mounir.comes_as(Role.MANAGER)
    await mounir.taps("complaints")
    await mounir.is_in("complaints")
    for name in ("Rachida", "Zineb", "Omar"):
        await town.walker(name, of=AFTER).agrees()


def visitors(town: Town) -> Visitors:
    """Return those who came in for it."""
    ilham, mounir, *people = [
        next(walker for walker in town.walkers if walker.person.name == name)
        for name in ("Ilham", "Mounir", "Rachida", "Zineb", "Omar")
    ]
    return Visitors(ilham, mounir, (people[0], people[1], people[2]))


async def book_one_after_the_other(town: Town) -> None:
    """Each takes the last time that is shown at first, which is later each time."""
    for walker in visitors(town).people:
        await walker.books("settat")


async def is_marked(town: Town, tick: Callable[[], Awaitable[None]]) -> None:
    """One visit the centre cancelled, to one somebody came, and of one nobody has said anything yet."""
    here = visitors(town)
    rachida = here.people[0]
    for place, said in enumerate(("called_off", "came")):
        await here.ilham.says("menu")
        await here.ilham.is_in("caseworker_menu")
        await here.ilham.taps("today")
        await here.ilham.is_in("agenda")
        await here.ilham.taps(Nth(r"\d+", place), said)
        await here.ilham.hears("Noted: visit ")
    await tick()
    sorry = await rachida.is_told("visit_called_off", "It was us, and we are sorry.")
    await rachida.taps_in(sorry, ids(sorry)[0])
    await rachida.hears("✅ The centre has your request.")


async def is_missed(town: Town, tick: Callable[[], Awaitable[None]]) -> None:
    """In the evening the caseworker is reminded of what is left: one who was not there, whom nobody blames.

    The other is the visit that was booked instead of the cancelled one.
    """
    here = visitors(town)
    omar = here.people[2]
    evening = await here.ilham.is_told("unmarked_visits", "📋 Of 2 visits it is not noted how they went.")
    await here.ilham.taps_in(evening, "agenda")
    await here.ilham.is_in("agenda")
    await here.ilham.taps(Nth(r"\d+", 2), "missed")
    await here.ilham.hears("The person is offered other times, without blame.")
    await tick()
    missed = await omar.is_told("missed_visit", "These things happen")
    await omar.sends_sticker()
    await omar.taps_in(missed, ids(missed)[1])
    await omar.is_in("missed_visit")
    await omar.taps("transport")
    await omar.hears("🙏 Thank you. See you there.")
    await omar.taps_in(missed, ids(missed)[0])
    await omar.hears("That button was from an older message. Here is where we are now.")


async def is_asked_how_it_was(town: Town, tick: Callable[[], Awaitable[None]]) -> None:
    """Somebody was not well received, says so to the managers, and is answered."""
    here = visitors(town)
    zineb = here.people[1]
    question = await zineb.is_told("feedback", "👋 How was it on ")
    await zineb.taps_in(question, "bad")
    await zineb.is_in("feedback")
    await zineb.taps("complain")
    await zineb.is_in("complaint")
    await zineb.taps("named")
    await zineb.sends_sticker()
    await zineb.hears("Please write it in words.")
    await zineb.says("La porte est restée fermée.")
    await zineb.hears("The managers will read it, and the answer comes here.")
    await tick()
    news = await here.mounir.is_told("complaint_news", "📮 Somebody wrote to the managers.")
    await here.mounir.taps_in(news, "open")
    await here.mounir.is_in("complaints")
    await here.mounir.hears("La porte est restée fermée.")
    await here.mounir.taps("answer")
    await here.mounir.says("Nous en avons parlé au centre.")
    answer = await zineb.is_told("complaint_answer", "Nous en avons parlé au centre.")
    await zineb.taps_in(answer, "thanks")
    await zineb.hears("🙏 You are welcome.")
    await here.mounir.taps("close")
    await here.mounir.hears("No complaint is open. 👍")


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
        frozenset(
            {"visitor_menu", "nearest", "services", "questions", "help_numbers", "language", "consent"}
        ),
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
            {"invitation", "caseworker_menu", "own_name", "visit_news", "agenda", "propose"}
            | {"visit_confirmed", "visit_proposed", "close", "visit_displaced"}
        ),
        _has_a_visit,
    ),
    Walk("arrives", frozenset({"centre_details", "arrival", "arrival_news"}), _arrives),
    Walk(
        "meets_in_a_group",
        frozenset({"group_sessions", "group_visit", "group_called_off"}),
        _meets_in_a_group,
    ),
    Walk(
        "share_a_phone",
        frozenset({"profiles", "message_waiting", "door", "help_numbers", "staff_words", "join"}),
        _share_a_phone,
    ),
    Walk("prepares", frozenset({"life_project", "booking", "visit_project", "agenda"}), _prepares_a_project),
    Walk("waits", frozenset({"my_visits", "waiting"}), _waits),
    Walk("is_reminded", frozenset({"reminder", "my_visits"}), _is_reminded),
    Walk("is_texted", frozenset({"sms_reminder"}), _is_texted),
    Walk(
        "leads",
        frozenset({"manager_menu", "unheard_request", "centre_details", "template_news", "nearest"}),
        _leads,
    ),
    Walk("asks", frozenset({"questions", "unanswered", "person"}), _asks_what_nobody_answers),
    Walk("changes", frozenset({"content", "manager_menu", "services"}), _changes_what_people_read),
    Walk("compares", frozenset({"experiments", "experiment_end", "manager_menu"}), _compares_wordings),
    Walk(AFTER, frozenset({"caseworker_menu", "figures", "complaints"}), _come_in),
    Walk("announces", frozenset({"broadcast", "announcement_progress", "stop"}), _announces),
)
