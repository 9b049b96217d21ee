"""A file whose encoding isn't clear is a question; the one that is taken is pinned on a new dataset.

See file-rules#encoding.
"""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from ingest.models import Dataset, Run
from ingest.runs.approve import approve
from ingest.runs.execute import claim_and_execute
from ingest.runs.retry import retry
from ingest.validators import encoding_only
from tests.app.conftest import Door, counts, rows

NAMES = (
    *("Bärbel Müller", "Zoë Köhler", "Björn Åkesson", "José Muñoz", "Renée Lefèvre", "Jörg Weiß", "Käthe Böhm"),
    *("François Dœuf", "Ülkü Öz", "Jürgen Groß"),
)


def records(first: int, stop: int) -> str:
    return "".join(f"{number},{NAMES[(number - 1) % len(NAMES)]}\n" for number in range(first, stop))


MIXED = ("id,name\n" + records(1, 61)).encode("cp1252") + records(61, 101).encode()
LATER = ("id,name\n" + records(1, 31)).encode() + records(31, 51).encode("cp1252") + b"200,Ada\n"
TURKISH = "id;değer\n1;2\n"


def names_in_table() -> list[str]:
    return sorted(name for (name,) in rows("SELECT DISTINCT name FROM people"))


def test_a_mixture_is_loaded_line_by_line_once_that_is_chosen_and_is_pinned(door: Door):
    run = door.load("people.csv", MIXED)
    assert (run.status, run.records, run.traceback) == ("held", None, "")
    assert run.reason.endswith("Nothing was loaded: choose how the file is to be read.")
    assert [offer["dialect"]["encoding"] for offer in run.question] == ["utf-8+cp1252", "utf-8", "cp1252"]
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    call_command("approve", str(run.pk), "--reading", "1")
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert counts(run) == {"records": 100, "inserted": 100}
    assert run.dialect["encoding"] == "utf-8+cp1252"
    assert names_in_table() == sorted(NAMES)
    dataset = Dataset.objects.get()
    assert (dataset.encoding, dataset.delimiter) == ("utf-8+cp1252", None)
    dataset.full_clean()
    later = door.load("people.csv", LATER)
    assert (later.status, later.inserted, later.rejected) == ("succeeded", 1, 0)
    assert names_in_table() == sorted([*NAMES, "Ada"])


def test_one_encoding_rejects_the_lines_of_the_other_once_that_is_chosen(door: Door):
    run = door.load("people.csv", records(1, 61).encode() + records(61, 65).encode("cp1252"))
    approve(run.pk, 2)
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.inserted, run.rejected) == (60, 4)
    assert {reject.code for reject in run.rejects.all()} == {"bad_encoding"}
    assert Dataset.objects.get().encoding == "utf-8"


def test_on_a_known_dataset_a_choice_is_for_this_file(door: Door):
    door.load("people.csv", "id,name\n1,Ada\n")
    run = door.load("people.csv", MIXED)
    assert run.status == "held"
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "succeeded"
    assert Dataset.objects.get().encoding is None
    assert door.load("people.csv", LATER).status == "held"


@pytest.mark.parametrize(("pinned", "name"), [("utf-8+cp1252", "Bärbel Müller"), ("cp1252", "BÃ¤rbel MÃ¼ller")])
def test_a_pinned_encoding_is_not_asked_about(door: Door, pinned, name):
    Dataset.objects.create(name="people", encoding=pinned)
    run = door.load("people.csv", MIXED)
    assert (run.status, run.inserted) == ("succeeded", 100)
    assert name in names_in_table()


def test_a_mixture_far_below_the_head_is_held(door: Door):
    plain = b"".join(b"%d,Ada Lovelace\n" % number for number in range(1000, 250_000))
    assert len(plain) > 4 << 20
    run = door.load("people.csv", ("id,name\n" + records(1, 61)).encode() + plain + records(61, 101).encode("cp1252"))
    assert (run.status, run.question[0]["dialect"]["encoding"]) == ("held", "utf-8+cp1252")


def test_after_its_encoding_the_rest_of_a_file_may_be_a_question_too(door: Door):
    content = 'id,name\n1,Müller\n2,"Köhler\n3,Jörg\n4,Zoë\n5,Böll 12"\n6,Weiß\n'
    run = door.load("people.csv", content.encode() + "7,Åsa Nyström\n8,Söder\n9,Groß\n".encode("cp1252"))
    assert [offer.get("of_encoding") for offer in run.question] == [True] * len(run.question)
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "held"
    run.refresh_from_db()
    assert {offer["dialect"]["quote"] for offer in run.question} == {'"', ""}
    approve(run.pk, next(n for n, offer in enumerate(run.question, 1) if not offer["dialect"]["quote"]))
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.inserted, run.dialect["encoding"], run.dialect["quote"]) == (9, "utf-8+cp1252", "")
    dataset = Dataset.objects.get()
    assert (dataset.encoding, dataset.quote) == ("utf-8+cp1252", "none")


def test_two_encodings_that_both_make_sense_are_shown_on_the_words(door: Door):
    run = door.load("values.csv", TURKISH.encode("cp1254"))
    assert run.status == "held"
    assert "değer" in run.question[0]["header"]
    assert {tuple(offer["header"]) for offer in run.question} >= {("id", "değer"), ("id", "deđer")}
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "succeeded"
    assert Dataset.objects.get().headers == {"id": "id", "değer": "değer"}


def test_utf_16_without_a_mark_is_read_once_it_is_pinned(door: Door):
    content = "ид;имя\n1;Иван\n2;Мария\n".encode("utf-16-le")
    run = door.load("people.csv", content)
    assert run.status == "failed"
    assert "UTF-16 without a byte order mark. Set its dataset's encoding" in run.reason
    Dataset.objects.update(encoding="utf-16-le")
    retry(run.pk)
    assert claim_and_execute(run.pk) == "succeeded"
    assert Run.objects.get(pk=run.pk).inserted == 2


@pytest.mark.parametrize("name", ["utf-8+cp1252", "UTF-8+windows-1250", "utf-16", "cp1254"])
def test_an_encoding_can_be_pinned(name):
    encoding_only(name)


@pytest.mark.parametrize(
    "name", ["utf-8+utf-16", "utf-8+klingon", "klingon", "idna", "a\0b", "+", "utf-8+utf-8+cp1252"]
)
def test_what_is_no_encoding_cannot_be_pinned(name):
    with pytest.raises(ValidationError, match="not an encoding that files can be read in"):
        encoding_only(name)
