"""Questions people ask, found by what they write: in any of the languages, in Arabic or Latin letters.

A word counts the more the fewer questions it stands in. A question is as near as the nearest of the ways in
which people put it: how much of that way was said, and how much of what was said belongs to it.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.places import PlaceIndex
from bot.question_words import ALSO_NAMES, SMALL
from bot.questions_file import read_questions
from conversations.care.questions import Found, Question, Topic
from conversations.engine.matching import fold_words
from conversations.flows.beneficiary.asked_for import EVERYDAY_WORDS

# Between 0 (nothing in common) and 1 (word for word). Set with tests/bot/questions_asked.tsv.
SURE = 0.66
UNSURE = 0.36
WORD_FOR_WORD = 0.97
OWN_SHARE = 0.75
# A second question as near as that makes the first a guess.
LEAD = 0.2
# Of a whole sentence less has to match where no other question comes near.
SENTENCE_WORDS = 3
SENTENCE_SURE, SENTENCE_LEAD, SENTENCE_SHARE = 0.58, 0.25, 0.72
MOST_GUESSES = 3

# Nobody asks a question in more words; what is longer is a story, for a person to read.
MOST_WORDS = 60
# What may be kept of a question without an answer.
KEPT_WORDS = 30
KEPT_CHARACTERS = 200
UNKNOWN = "…"

_ARABIC = re.compile(r"[\u0620-\u06ff]")
_LETTER = re.compile(r"[^\W\d_]")
_SMALL_WEIGHT = 0.15

_ARTICLE = re.compile(r"^(?:[وفبك]?ال|لل)(?=..)|^[لفب](?=[^اوي]..)")
_LATIN_ARTICLE = re.compile(r"^[ea]?l(?=[^aeiouylh]..)")
_LATIN_SOUNDS = (
    (re.compile(r"[cs]h"), "š"),
    (re.compile(r"kh|5"), "x"),
    (re.compile(r"gh"), "ğ"),
    (re.compile(r"ou|w"), "u"),
    (re.compile(r"qu?|9"), "q"),
    (re.compile(r"c(?=[eiy])"), "s"),
    (re.compile(r"c"), "k"),
    (re.compile(r"7|h"), "h"),
    (re.compile(r"[23]"), ""),
    (re.compile(r"6"), "t"),
    (re.compile(r"8"), "h"),
    (re.compile(r"ph"), "f"),
)
_ARABIC_SOUNDS = str.maketrans(
    dict(zip("بتثجحخدذرزسشصضطظغفقكلمنهپچ", "bttjhxddrzsšsdtdğfqklmnhpš", strict=True))
    | dict.fromkeys("اأإآىيوئؤءعة", "")
)
_VOWELS = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class _Way:
    """One way in which people put a question: its words with their weights."""

    question: str
    words: Mapping[str, float]
    weight: float


class QuestionIndex:
    """The QuestionBook that runs."""

    def __init__(
        self, questions: Iterable[Question], *, vocabulary: Iterable[str], places: PlaceIndex
    ) -> None:
        self._questions = {question.id: question for question in questions}
        texts = {question.id: list(_asked(question)) for question in self._questions.values()}
        self._weights = _weights(texts)
        self._ways = [
            _Way(question_id, words, sum(words.values()))
            for question_id, ways in texts.items()
            for way in ways
            if (words := {word: self._weights[word] for word in way.split()})
        ]
        self._words_of: dict[str, set[str]] = defaultdict(set)
        self._ways_with: dict[str, list[int]] = defaultdict(list)
        for number, way in enumerate(self._ways):
            for word in way.words:
                self._ways_with[word].append(number)
                self._words_of[way.question].add(word)
        self._by_sound: dict[str, list[str]] = defaultdict(list)
        for word in self._weights:
            self._by_sound[_sound(word)].append(word)
        self._words = list(self._weights)
        # A word that no question has: it is asked about something else.
        self._foreign = math.log(1 + len(self._questions))
        self._known = _known_words(self._questions.values(), vocabulary, places)

    def about(self, topic: Topic) -> list[Question]:
        return [question for question in self._questions.values() if question.topic is topic]

    def question(self, question_id: str) -> Question | None:
        return self._questions.get(question_id)

    def to_review(self, today: date) -> list[Question]:
        return [question for question in self._questions.values() if question.needs_review(today)]

    def find(self, text: str) -> Found:
        words = fold_words(text).split()
        scores = self._scores(words)
        best = sorted(scores, key=lambda question_id: -scores[question_id])[: MOST_GUESSES + 1]
        near = [question_id for question_id in best if scores[question_id] >= UNSURE]
        if not near:
            return Found()
        lead = scores[near[0]] - (scores[best[1]] if len(best) > 1 else 0.0)
        if self._is_sure(near[0], scores[near[0]], lead, words):
            return Found((self._questions[near[0]],), sure=True)
        return Found(tuple(self._questions[question_id] for question_id in near[:MOST_GUESSES]))

    def _is_sure(self, question_id: str, score: float, lead: float, words: Sequence[str]) -> bool:
        telling = len([word for word in words if word not in SMALL])
        # A word alone may be about anything, unless people put the question in just that word.
        enough = SURE if telling > 1 else WORD_FOR_WORD
        share = self._share(question_id, words)
        if score >= enough and lead >= LEAD and share >= OWN_SHARE:
            return True
        is_sentence = telling >= SENTENCE_WORDS
        return is_sentence and score >= SENTENCE_SURE and lead >= SENTENCE_LEAD and share >= SENTENCE_SHARE

    def known_words(self, text: str) -> str:
        kept: list[str] = []
        for word in fold_words(text).split()[:KEPT_WORDS]:
            shown = word if word in self._known else UNKNOWN
            if shown != UNKNOWN or kept[-1:] != [UNKNOWN]:
                kept.append(shown)
        while len(" ".join(kept)) > KEPT_CHARACTERS:
            kept.pop()
        tells = any(word != UNKNOWN and word not in SMALL for word in kept)
        return " ".join(kept) if tells else ""

    def _scores(self, words: Sequence[str]) -> dict[str, float]:
        """Return how near each question is that has anything in common with the words."""
        if not words or len(words) > MOST_WORDS:
            return {}
        said = [(self._weight(word), self._alike(word)) for word in dict.fromkeys(words)]
        # Per way: how near each of its words was said, and how much of what was said belongs to it.
        covered: dict[int, dict[str, float]] = defaultdict(dict)
        belongs: dict[int, float] = defaultdict(float)
        for weight, alike in said:
            nearest: dict[int, float] = {}
            for word, likeness in alike.items():
                for number in self._ways_with[word]:
                    nearest[number] = max(nearest.get(number, 0.0), likeness)
                    covered[number][word] = max(covered[number].get(word, 0.0), likeness)
            for number, likeness in nearest.items():
                belongs[number] += weight * likeness
        total = sum(weight for weight, _ in said)
        scores: dict[str, float] = {}
        for number, words_said in covered.items():
            way = self._ways[number]
            recall = sum(way.words[word] * likeness for word, likeness in words_said.items()) / way.weight
            precision = belongs[number] / total
            score = 2 * recall * precision / (recall + precision)
            scores[way.question] = max(scores.get(way.question, 0.0), score)
        return scores

    def _share(self, question_id: str, words: Sequence[str]) -> float:
        """Return how much of what was said belongs to the question, by weight.

        What is left over may be what is really asked: the papers for a wedding, not those for a visit.
        """
        weights = {word: self._weight(word) for word in words}
        own = [word for word in weights if not self._words_of[question_id].isdisjoint(self._alike(word))]
        return sum(weights[word] for word in own) / sum(weights.values())

    def _weight(self, word: str) -> float:
        alike = self._alike(word)
        if not alike:
            return _SMALL_WEIGHT if word in SMALL or not _LETTER.search(word) else self._foreign
        return self._weights[max(alike, key=lambda each: alike[each])]

    def _alike(self, word: str) -> dict[str, float]:
        """Return the words of the index that the word may be, with how sure that is."""
        found = {word: 1.0} if word in self._weights else {}
        sound = _sound(word)
        for other in self._by_sound.get(sound, ()):
            if _may_be_the_same(word, other, sound):
                found.setdefault(other, 0.9)
        slips = _slips_allowed(word)
        if not found and slips:
            near = process.extract(word, self._words, scorer=OSA.distance, score_cutoff=slips, limit=None)
            found = {
                other: 0.85
                for other, _, _ in near
                if bool(_ARABIC.search(other)) == bool(_ARABIC.search(word))
            }
        return found


def load_questions(places: PlaceIndex) -> QuestionIndex:
    """Return the packaged questions. Raises DataFileBroken."""
    asked = read_questions()
    return QuestionIndex(asked.questions, vocabulary=asked.vocabulary, places=places)


def _asked(question: Question) -> Iterable[str]:
    for wording in question.wordings.values():
        for text in (wording.question, *wording.asked):
            yield fold_words(text)


def _weights(texts: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return what each word tells: little when many questions have it, next to nothing for small words."""
    having: dict[str, set[str]] = defaultdict(set)
    for question_id, ways in texts.items():
        for way in ways:
            for word in way.split():
                having[word].add(question_id)
    return {
        word: _SMALL_WEIGHT if word in SMALL else math.log(1 + len(texts) / len(questions))
        for word, questions in having.items()
    }


def _sound(word: str) -> str:
    """Return the consonants of a word as they sound, the same in Arabic and in Latin letters."""
    if _ARABIC.search(word):
        bare = _ARTICLE.sub("", word)
        bare = bare[:-1] if bare.endswith("ه") and len(bare) > 2 else bare
        return _DOUBLED.sub(r"\1", bare.translate(_ARABIC_SOUNDS))
    bare = _LATIN_ARTICLE.sub("", word)
    for pattern, sound in _LATIN_SOUNDS:
        bare = pattern.sub(sound, bare)
    return _DOUBLED.sub(r"\1", _VOWELS.sub("", bare))


def _may_be_the_same(word: str, other: str, sound: str) -> bool:
    """Tell whether two words of one sound are one: consonants tell too little of short or European words."""
    latin = [each for each in (word, other) if not _ARABIC.search(each)]
    return len(sound) >= 3 and (len(latin) < 2 or all(map(_looks_like_darija, latin)))


def _looks_like_darija(word: str) -> bool:
    """Tell whether a Latin word is written as Darija is: with digits for letters, or with few vowels."""
    vowels = len(_VOWELS.findall(word))
    return any(letter.isdigit() for letter in word) or vowels * 3 <= len(word)


def _slips_allowed(word: str) -> int:
    if len(word) < 5:
        return 0
    return 1 if len(word) <= 8 else 2


def _known_words(
    questions: Iterable[Question], vocabulary: Iterable[str], places: PlaceIndex
) -> frozenset[str]:
    """Return the words that may be kept: none that names a place or could name somebody, and no number."""
    texts = [*vocabulary, *EVERYDAY_WORDS]
    for question in questions:
        for wording in question.wordings.values():
            texts += [wording.label, wording.question, wording.answer, *wording.asked]
    words = {word for text in texts for word in fold_words(text).split()}
    return frozenset(
        word
        for word in words
        if _LETTER.search(word) and word not in ALSO_NAMES and (word in SMALL or not places.is_name(word))
    )
