"""Recordings: which there are, which can't be used and why, and what a reader still has to read out."""

from pathlib import Path

import pytest

from bot import clip_commands
from bot.clips import MOST_BYTES, OGG_OPUS, Place, main, opus_fault, read_recordings
from bot.settings import Settings, load_settings
from bot.sources_file import DataFileBroken
from conversations.care.appointments import Need
from conversations.care.clips import Clip, Script, need_script, question_script, scripts, words_hash
from tests.fakes import real_world
from tests.recordings import LAST, SILENCE, Studio, opus, opus_head, opus_tags, page

WORLD = real_world()
QUESTION = WORLD.questions.question("short_time")
assert QUESTION is not None
SHORT_TIME = question_script(QUESTION)
JOB = need_script(WORLD.rules, Need.JOB)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def refused(studio: Studio) -> str:
    with pytest.raises(DataFileBroken) as broken:
        studio.read()
    return broken.value.sentence


async def test_what_is_there_is_read_and_can_be_sent(studio: Studio) -> None:
    studio.holds("ary", SHORT_TIME)
    studio.holds("fr", JOB, opus(frames=3))

    recordings = studio.read()

    assert recordings.by_clip.keys() == {Clip("ary", "question-short_time"), Clip("fr", "need-job")}
    file = await recordings.file(Clip("fr", "need-job"))
    assert file is not None
    assert (file.mime_type, file.content) == (OGG_OPUS, opus(frames=3))


def test_nothing_is_there_without_recordings(studio: Studio) -> None:
    assert studio.read().by_clip == {}


async def test_a_file_that_was_changed_since_the_start_is_not_sent(studio: Studio) -> None:
    path = studio.holds("fr", JOB)
    recordings = studio.read()

    path.write_bytes(opus(frames=2))
    assert await recordings.file(Clip("fr", "need-job")) is None

    path.unlink()
    assert await recordings.file(Clip("fr", "need-job")) is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"ID3 mp3", "no whole Ogg file"),
        (b"", "no whole Ogg file"),
        (opus()[:-1], "no whole Ogg file"),
        (page(b"\x01vorbis" + bytes(30), kind=2), "it holds no Opus"),
        (opus_head(), "no whole Opus file"),
        (opus(channels=2), "not mono"),
        (opus_head() + opus_tags(), "no sound"),
        (opus_head() + opus_tags() + page(SILENCE, kind=LAST, granule=100, number=2), "no sound"),
        (opus() + opus(), "more than one stream"),
        (opus() + page(SILENCE, granule=99_000, serial=8), "more than one stream"),
    ],
)
def test_what_can_not_be_played_everywhere_is_refused(studio: Studio, content: bytes, fault: str) -> None:
    studio.holds("ar", JOB, content)

    sentence = refused(studio)

    assert "ar/need-job.ogg can't be played everywhere" in sentence
    assert fault in sentence


def test_a_whole_recording_has_no_fault() -> None:
    assert opus_fault(opus()) is None
    assert opus_fault(opus(frames=1)) is None


def test_too_large_a_file_is_refused(studio: Studio) -> None:
    large = opus_head() + opus_tags()
    while len(large) <= MOST_BYTES:
        large += bytes(64_000)
    studio.holds("ar", JOB, large)

    assert f"has {len(large)} bytes; {MOST_BYTES} are played" in refused(studio)


def test_a_name_that_is_no_text_of_ours_is_refused(studio: Studio) -> None:
    studio.holds("ar", Script("question-nothing", {"ar": "…"}))

    assert "ar/question-nothing.ogg reads out no text of ours" in refused(studio)


def test_a_file_of_another_kind_is_refused(studio: Studio) -> None:
    studio.file("ar/need-job.mp3", b"ID3")

    assert "ar/need-job.mp3 is no recording" in refused(studio)


def test_nobody_knows_what_a_recording_without_an_entry_says(studio: Studio) -> None:
    studio.file("ar/need-job.ogg", opus())

    assert "ar/need-job.ogg has no entry in clips.toml" in refused(studio)


def test_an_entry_without_its_recording_is_refused_with_its_line(studio: Studio) -> None:
    studio.holds("ar", JOB)
    studio.lists("fr", "need-job")

    assert refused(studio).startswith("clips.toml, line 8: there is no recording fr/need-job.ogg")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"language": "de"}, "the language is one of ary, ar, fr, en"),
        ({"reads": "abc"}, "`jisr clips script`"),
        ({"more": 'speed = "slow"'}, '"speed" is not known'),
    ],
)
def test_an_entry_that_is_wrong_is_refused(studio: Studio, fields: dict[str, str], fault: str) -> None:
    studio.lists(**{"language": "fr", "name": "need-job", **fields})

    assert fault in refused(studio)


def test_an_operators_recording_goes_before_the_one_that_came_with_the_service(tmp_path: Path) -> None:
    shipped, own = Studio(tmp_path / "shipped"), Studio(tmp_path / "own")
    for script in (SHORT_TIME, JOB):
        shipped.holds("fr", script)
    path = own.holds("fr", JOB, opus(frames=5))

    recordings = read_recordings(shipped.place, own.place)

    assert recordings.by_clip[Clip("fr", "need-job")].path == path
    assert Clip("fr", "question-short_time") in recordings.by_clip


def test_what_comes_with_the_service_can_be_used() -> None:
    read_recordings(Place.shipped())


def test_the_check_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"], tmp_path) == 0

    folder = tmp_path / "ary" / "clips"
    folder.mkdir(parents=True)
    (folder / "need-job.ogg").write_bytes(b"RIFF")
    assert main(["check"], tmp_path) == 1
    assert "ary/need-job.ogg" in capsys.readouterr().out

    (tmp_path / "clips.toml").write_text(
        '[[clip]]\nname = "need-job"\nlanguage = "ary"\nreader = "Chama"\n'
        f'date = 2026-11-22\nreads = "{"0" * 16}"\n'
    )
    (folder / "need-job.ogg").write_bytes(opus())
    assert main(["check"], tmp_path) == 0
    assert "ary/need-job is not played: its text has changed" in capsys.readouterr().out


def test_spaces_are_no_other_words() -> None:
    assert words_hash("Venez  au\ncentre.") == words_hash("Venez au centre.")
    assert words_hash("Venez au centre.") != words_hash("Venez au centre !")


async def test_the_list_tells_how_each_text_stands(studio: Studio) -> None:
    studio.holds("ary", SHORT_TIME)
    studio.file("ary/need-job.ogg", opus())
    studio.lists("ary", "need-job")

    lines = await clip_commands.list_clips(settings(studio))

    everything = len(list(scripts(WORLD.rules, WORLD.questions)))
    assert lines[0] == f"ary: 1 recorded, 1 outdated, {everything - 2} missing"
    assert "  recorded  question-short_time" in lines
    assert "  outdated  need-job" in lines


async def test_the_script_holds_what_is_to_be_read_word_for_word_with_its_entry(studio: Studio) -> None:
    studio.holds("ary", SHORT_TIME)

    lines = "\n".join(await clip_commands.script(settings(studio), "ary"))

    assert "question-short_time" not in lines
    for line in JOB.said["ary"].splitlines():
        assert f"#   {line}" in lines
    entry = lines[lines.index("# ary/need-job.ogg") :].split("\n\n")[0]
    studio.file("ary/need-job.ogg", opus())
    whole = entry.replace('reader = ""', 'reader = "Chama"').replace("date =", "date = 2026-11-22")
    with (studio.folder / "clips" / "clips.toml").open("a", encoding="utf-8") as listed:
        listed.write(whole)

    # Pasted into the list and filled in, it is all that a file needs.
    assert studio.read().shelf.fitting(JOB, "ary") == Clip("ary", "need-job")


def settings(studio: Studio) -> Settings:
    return load_settings({"JISR_VAR_DIR": str(studio.folder)}, env_file=None)
