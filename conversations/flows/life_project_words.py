"""How a life project reads: headings in the reader's language, under them the person's own words."""

from conversations.care.life_projects import Helper, LifeProject, Question, Sector
from conversations.engine.flow import Choice
from conversations.texts import Texts

_SIGNS = {
    Question.IDEA: "💡",
    Question.SECTOR: "🏷️",
    Question.EXPERIENCE: "🧰",
    Question.TRAINING: "🎓",
    Question.EQUIPMENT: "🔧",
    Question.PRESENT: "📦",
    Question.HELPERS: "🤝",
}


def project_words(texts: Texts, project: LifeProject) -> list[tuple[str, str]]:
    """Return heading and words of each answer, in the order of the questions, without what was left out."""
    return [
        (heading(texts, question), answer_words(texts, question, words))
        for question in Question
        if (words := project.answers.get(question))
    ]


def told(texts: Texts, project: LifeProject) -> str:
    """Return the whole project as a message; the words keep their own direction, line by line."""
    parts = [
        f"{_SIGNS[question]} {heading(texts, question)}\n{apart(texts, answer_words(texts, question, words))}"
        for question in Question
        if (words := project.answers.get(question))
    ]
    return "\n\n".join(parts)


def apart(texts: Texts, words: str) -> str:
    """Return a person's words so that they keep their own direction in a message of this language."""
    return "\n".join(texts.isolate(line) for line in words.splitlines())


def question_choice(texts: Texts, question: Question) -> Choice:
    return Choice(question, f"{_SIGNS[question]} {heading(texts, question)}")


def answer_words(texts: Texts, question: Question, words: str) -> str:
    """Return an answer as it reads: what a button said in the reader's language, anything else untouched."""
    if question is Question.SECTOR and words in set(Sector):
        return sector_label(texts, Sector(words))
    if question is Question.HELPERS and words in set(Helper):
        return helper_label(texts, Helper(words))
    return words


def heading(texts: Texts, question: Question) -> str:
    """Return what an answer stands under; behind a sign it is a button, too."""
    match question:
        case Question.IDEA:
            # Translators: label, at most 20 characters. What the person would like to do.
            return texts.pgettext("life project", "My idea")
        case Question.SECTOR:
            # Translators: label, at most 20 characters. Trade, crafts, farming …
            return texts.pgettext("life project", "Kind of work")
        case Question.EXPERIENCE:
            # Translators: label, at most 20 characters. Experience with such work.
            return texts.pgettext("life project", "What I can do")
        case Question.TRAINING:
            # Translators: label, at most 20 characters. Training that the person wants.
            return texts.pgettext("life project", "I want to learn")
        case Question.EQUIPMENT:
            # Translators: label, at most 20 characters. Tools and equipment that are needed.
            return texts.pgettext("life project", "What I need")
        case Question.PRESENT:
            # Translators: label, at most 20 characters. Tools, a place, customers that are there already.
            return texts.pgettext("life project", "What I have")
        case Question.HELPERS:
            # Translators: label, at most 20 characters. People who help with it.
            return texts.pgettext("life project", "Who helps me")


def sector_label(texts: Texts, sector: Sector) -> str:
    match sector:
        case Sector.TRADE:
            # Translators: label, at most 24 characters.
            return texts.pgettext("sector", "Trade")
        case Sector.SERVICES:
            # Translators: label, at most 24 characters.
            return texts.pgettext("sector", "Industry, services")
        case Sector.CRAFTS:
            # Translators: label, at most 24 characters.
            return texts.pgettext("sector", "Crafts")
        case Sector.CATERING:
            # Translators: label, at most 24 characters. Cooking, baking, a café.
            return texts.pgettext("sector", "Catering, food")
        case Sector.FARMING:
            # Translators: label, at most 24 characters.
            return texts.pgettext("sector", "Farming, animals")
        case Sector.BUILDING:
            # Translators: label, at most 24 characters.
            return texts.pgettext("sector", "Building")
        case Sector.FISHING:
            # Translators: label, at most 24 characters.
            return texts.pgettext("sector", "Sea fishing")


def helper_label(texts: Texts, helper: Helper) -> str:
    match helper:
        case Helper.FAMILY:
            # Translators: label, at most 20 characters. Who helps with the project.
            return texts.pgettext("helper", "My family")
        case Helper.FRIENDS:
            # Translators: label, at most 20 characters. Who helps with the project.
            return texts.pgettext("helper", "Friends")
        case Helper.ALONE:
            # Translators: label, at most 20 characters. Nobody helps with the project so far.
            return texts.pgettext("helper", "Nobody so far")
