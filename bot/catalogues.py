"""The text catalogues: a template taken from the code, one .po a language, and what CI says about them.

`python -m bot.catalogues extract | merge | compile | check`

Babel only extracts. Merging and compiling is polib's work, because Babel 2.18 drops the plural forms of
languages it does not know, without a word. Source: python-babel pull request 1318.
"""

import argparse
import ast
import os
import re
import string
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import polib
from babel.messages.extract import extract_from_dir

from bot.texts import LOCALES, SOURCE, catalogue_path
from conversations.texts import strip_isolates

PACKAGES = ("conversations", "bot")
TAG = "Translators:"
# Which arguments are texts, counted from one; "c" marks the context.
KEYWORDS = {
    "gettext": (1,),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

_COMMON_HEADERS = {
    "Project-Id-Version": "Jisr",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}
# Form 4 is "many" and 5 is "other", as CLDR, GNU and the translators' editors number them; Babel swaps them.
_ARABIC = (
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
)
_PLURALS = {"ary": _ARABIC, "ar": _ARABIC, "fr": "nplurals=2; plural=(n > 1);"}
HEADERS = {
    language: {**_COMMON_HEADERS, "Language": language, "Plural-Forms": plurals}
    for language, plurals in _PLURALS.items()
}

# Forms that stand for exactly one number may say it in words ("jouj") and drop the count. French has none:
# its first form is also said of nought.
_EXACT_FORMS = {"ary": {0, 1, 2}, "ar": {0, 1, 2}, "fr": set[int]()}
_COUNTS = {"n", "count"}

_LABEL = re.compile(r"label, at most (\d+) characters")
_LOCKED_SCREEN = "first line seen on a locked screen"
# What tells a bystander that somebody was in prison. Arabic is compared without vowel marks and hamzas, and
# behind the short words that are written together with a noun.
_ARABIC_PRISON = re.compile(
    r"(?<!\w)[وفبكلد]?(?:ال|ل)?"
    r"(?:سجن|سجين|سجون|سجنا|مسجون|حبس|حباس|محبوس|معتقل|اعتقال|زنزان|افراج|سراح|محكوم|عقوب|جريم|مجرم|نزيل|نزلا"
    r"|اعاده (?:ال)?ادماج)"
)
PRISON_WORDS = {
    "ary": _ARABIC_PRISON,
    "ar": _ARABIC_PRISON,
    "fr": re.compile(
        r"\b(?:prison|détenu|détention|incarcér|emprisonn|libér|pénitenti|écrou|condamn|délinqu|crimin|réinsertion"
        r"|(?<!à )peines?\b)",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"\b(?:prison|imprison|jail|inmate|detain|detention|releas|parol|probation|convict|sentenced"
        r"|criminal|offen[cd]|reintegrat)",
        re.IGNORECASE,
    ),
}


def extract(locales: Path = LOCALES) -> None:
    """Write the template: every text of the code, by file and in the order in which it is read there."""
    _write(_template_path(locales), str(_template(locales)).encode())


def merge(locales: Path = LOCALES) -> None:
    """Bring each language's entries in line with the template.

    Translations of texts that have not changed stay; entries whose text is gone are dropped; nothing is
    guessed.
    """
    template = _open(_template_path(locales))
    for language, headers in HEADERS.items():
        path = catalogue_path(language, ".po", locales)
        known = {_key(entry): entry for entry in _open(path)} if path.exists() else {}
        catalogue = polib.POFile(wrapwidth=0)
        catalogue.metadata = dict(headers)
        for entry in template:
            catalogue.append(_merged(entry, known.get(_key(entry)), language))
        _write(path, str(catalogue).encode())


def compile(locales: Path = LOCALES) -> None:
    """Write each language's .mo beside its .po."""
    for language in HEADERS:
        catalogue = _open(catalogue_path(language, ".po", locales))
        _write(catalogue_path(language, ".mo", locales), catalogue.to_binary())


def check(locales: Path = LOCALES) -> list[str]:
    """Return what is wrong with the catalogues, a line each; nothing when they can be shipped."""
    problems = list(_code_problems(locales.parent))
    template = _template(locales)
    path = _template_path(locales)
    if not path.exists() or path.read_bytes() != str(template).encode():
        problems.append(f"{path.name}: not what the code says. Run: python -m bot.catalogues extract")
    for entry in template:
        problems += [f"{path.name}: {_named(entry)}: {what}" for what in _source_problems(entry)]
    for language in HEADERS:
        problems += [f"{language}: {what}" for what in _catalogue_problems(language, template, locales)]
    return problems


def _template_path(locales: Path) -> Path:
    return locales / "messages.pot"


def _open(path: Path) -> polib.POFile:
    # No wrapping: a changed word changes one line of the file.
    return polib.pofile(str(path), wrapwidth=0, encoding="utf-8")


def _write(path: Path, content: bytes) -> None:
    """Put the content in place in one step; a file that holds it already is left as it is."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".new")
    draft.write_bytes(content)
    os.replace(draft, path)


def _template(locales: Path) -> polib.POFile:
    entries: dict[tuple[str | None, str], polib.POEntry] = {}
    for file, (singular, plural), comment, context in _extracted(locales.parent):
        entry = entries.setdefault(
            (context, singular), polib.POEntry(msgid=singular, msgctxt=context, occurrences=[], flags=[])
        )
        if plural:
            entry.msgid_plural = plural
            entry.msgstr_plural = {0: "", 1: ""}
        if (file, "") not in entry.occurrences:
            entry.occurrences.append((file, ""))
        if comment and comment not in entry.comment.split("\n"):
            entry.comment = f"{entry.comment}\n{comment}".strip()
        if _placeholders(singular + plural) and not entry.flags:
            entry.flags.append("python-brace-format")
    template = polib.POFile(wrapwidth=0)
    template.metadata = dict(_COMMON_HEADERS)
    template.extend(entries.values())
    return template


def _extracted(root: Path) -> Iterator[tuple[str, tuple[str, str], str, str | None]]:
    """Yield file, singular and plural (empty: none), comment and context, in the order of the code."""
    for package in PACKAGES:
        found = extract_from_dir(root / package, [("**.py", "python")], keywords=KEYWORDS, comment_tags=[TAG])
        for file, _, message, comments, context in found:
            singular, *plural = (message,) if isinstance(message, str) else message
            yield f"{package}/{file}", (singular, "".join(plural)), " ".join(comments), context


def _code_problems(root: Path) -> Iterator[str]:
    """Yield the calls whose text the extractor cannot read: f-strings, variables, joined strings."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for call in _text_calls(ast.parse(path.read_bytes())):
                if not all(_is_literal(argument) for argument in _texts_of(call)):
                    yield f"{path.relative_to(root)}:{call.lineno}: the text is not a literal"


def _text_calls(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.FunctionDef) and node.name in KEYWORDS:
        return  # hands its argument on to the next gettext
    if isinstance(node, ast.Call) and _called(node) in KEYWORDS:
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _text_calls(child)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _texts_of(call: ast.Call) -> list[ast.expr | None]:
    count = len(KEYWORDS[_called(call)])
    return [call.args[index] if index < len(call.args) else None for index in range(count)]


def _is_literal(argument: ast.expr | None) -> bool:
    return isinstance(argument, ast.Constant) and isinstance(argument.value, str)


def _source_problems(entry: polib.POEntry) -> Iterator[str]:
    for text in filter(None, (entry.msgid, entry.msgid_plural)):
        placeholders = _placeholders(text)
        if placeholders is None or not all(name.isidentifier() for name, *_ in placeholders):
            yield "placeholders are not plain names in braces"
        yield from _reader_problems(entry, text, SOURCE)
    if entry.comment.startswith(f"{TAG} label") and not _LABEL.search(entry.comment):
        yield 'write its limit as "label, at most N characters"'


def _catalogue_problems(language: str, template: polib.POFile, locales: Path) -> Iterator[str]:
    path = catalogue_path(language, ".po", locales)
    if not path.exists():
        yield f"{path.name} is missing. Run: python -m bot.catalogues merge"
        return
    catalogue = _open(path)
    if catalogue.metadata != HEADERS[language]:
        yield "the header is not the one in HEADERS. Run: python -m bot.catalogues merge"
    translated = {_key(entry): entry for entry in catalogue}
    for entry in template:
        translation = translated.pop(_key(entry), None)
        for what in _translation_problems(entry, translation, language):
            yield f"{_named(entry)}: {what}"
    for entry in translated.values():
        yield f"{_named(entry)}: not in the template. Run: python -m bot.catalogues merge"


def _translation_problems(
    entry: polib.POEntry, translation: polib.POEntry | None, language: str
) -> Iterator[str]:
    if translation is None:
        yield "missing. Run: python -m bot.catalogues merge"
        return
    if translation.fuzzy:
        yield "fuzzy"
    for form, text in _forms(translation, language).items():
        where = f"form {form}: " if entry.msgid_plural else ""
        if not text:
            yield f"{where}not translated"
            continue
        if not _keeps_placeholders(entry, form, text, language):
            yield f"{where}placeholders differ"
        for what in _reader_problems(entry, text, language):
            yield where + what


def _forms(entry: polib.POEntry, language: str) -> dict[int, str]:
    """Return the translation by the number of its plural form; a text without plural has form 0."""
    if not entry.msgid_plural:
        return {0: entry.msgstr}
    return {form: entry.msgstr_plural.get(form, "") for form in range(_form_count(language))}


def _form_count(language: str) -> int:
    return int(re.findall(r"nplurals=(\d+)", _PLURALS[language])[0])


def _keeps_placeholders(entry: polib.POEntry, form: int, text: str, language: str) -> bool:
    expected = _placeholders(entry.msgid_plural or entry.msgid)
    found = _placeholders(text)
    if expected is None or found is None:
        return False
    says_its_number = bool(entry.msgid_plural) and form in _EXACT_FORMS[language]
    needed = {field for field in expected if not (says_its_number and field[0] in _COUNTS)}
    return needed <= found <= expected


def _placeholders(text: str) -> set[tuple[str, str, str]] | None:
    """Return name, format and conversion of each placeholder; None when the braces do not match."""
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError:
        return None
    return {(name, spec or "", conversion or "") for _, name, spec, conversion in fields if name is not None}


def _reader_problems(entry: polib.POEntry, text: str, language: str) -> Iterator[str]:
    """Yield what would not fit its button, or what a bystander could read."""
    for limit in map(int, _LABEL.findall(entry.comment)):
        length = len(strip_isolates(text))
        if length > limit:
            yield f"{length} characters, the label holds {limit}"
    if _LOCKED_SCREEN in entry.comment and (told := PRISON_WORDS[language].search(_first_line(text))):
        yield f"the first line tells of prison: {told.group().strip()}"


def _first_line(text: str) -> str:
    """Return the first line composed, without Arabic vowel marks, hamzas and stretching."""
    line = unicodedata.normalize("NFC", text).strip().split("\n")[0]
    line = re.sub("[\u064b-\u0652\u0640]", "", line)
    return line.translate(str.maketrans("أإآٱة", "ااااه"))


def _key(entry: polib.POEntry) -> tuple[str | None, str, str]:
    return entry.msgctxt, entry.msgid, entry.msgid_plural


def _named(entry: polib.POEntry) -> str:
    return repr(entry.msgid if entry.msgctxt is None else f"{entry.msgctxt}|{entry.msgid}")


def _merged(entry: polib.POEntry, known: polib.POEntry | None, language: str) -> polib.POEntry:
    """Return the template's entry with what was already translated of it."""
    flags = [*entry.flags, "fuzzy"] if known and known.fuzzy else list(entry.flags)
    merged = polib.POEntry(
        msgid=entry.msgid,
        msgctxt=entry.msgctxt,
        msgid_plural=entry.msgid_plural,
        comment=entry.comment,
        occurrences=entry.occurrences,
        tcomment=known.tcomment if known else "",
        flags=flags,
    )
    forms = _forms(known or entry, language)
    if entry.msgid_plural:
        merged.msgstr_plural = forms
    else:
        merged.msgstr = forms[0]
    return merged


def main(arguments: list[str] | None = None, locales: Path = LOCALES) -> int:
    """Run one of the commands; return 1 when the check finds something wrong."""
    parser = argparse.ArgumentParser(prog="python -m bot.catalogues", description="Keep the text catalogues.")
    parser.add_argument("command", choices=["extract", "merge", "compile", "check"])
    match parser.parse_args(arguments).command:
        case "extract":
            extract(locales)
        case "merge":
            merge(locales)
        case "compile":
            compile(locales)
        case "check":
            problems = check(locales)
            sys.stdout.writelines(f"{problem}\n" for problem in problems)
            return 1 if problems else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
