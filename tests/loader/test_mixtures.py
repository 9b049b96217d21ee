"""Files in two encodings, and files whose encoding can't be told for certain (BEHAVIOUR 3, "encoding")."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.dialect.dialect import Pinned
from ingest.loader.source.dialect.question import offers_of_encodings
from ingest.loader.source.encoding import mixed_lines
from ingest.loader.source.encoding.transcode import DetectedEncoding, decoded, find, settle, transcode
from ingest.loader.source.preview_head import preview_head
from tests.loader.languages import LANGUAGES, samples

NAMES = {
    "cp1252": ("Bärbel Müller", "Zoë Köhler", "José Muñoz", "Renée Lefèvre", "Björn Åkesson", "Jörg Weiß"),
    "cp1250": ("Jiří Dvořák", "Šárka Nováková", "Łukasz Wójcik", "Gábor Szűcs", "Žofie Černá"),
    "iso8859_2": ("Jiří Dvořák", "Šárka Nováková", "Łukasz Wójcik", "Božena Němcová", "Žofie Černá"),
    "cp1254": ("Işık Öztürk", "Çağlar Yıldız", "Ayşe Şahin", "İbrahim Güneş"),
    "cp1251": ("Иван Петров", "Мария Иванова", "Сергей Щукин", "Ольга Жукова"),
    "cp866": ("Иван Петров", "Мария Иванова", "Сергей Щукин", "Ольга Жукова"),
    "cp1253": ("Γιώργος Παπαδόπουλος", "Μαρία Νικολάου", "Ελένη Ιωάννου"),
    "cp932": ("山田太郎", "鈴木花子", "佐藤カタカナ", "東京都"),
    "gb18030": ("王小明", "李华", "北京市公司", "陈美玲"),
    "mac_roman": ("Bärbel Müller", "Zoë Köhler", "José Muñoz", "Renée Lefèvre"),
}


def rows(encoding: str, numbers: range) -> str:
    names = NAMES[encoding]
    return "".join(f"{number},{names[number % len(names)]}\n" for number in numbers)


def found(tmp_path: Path, content: bytes, **told: bool) -> DetectedEncoding:
    path = tmp_path / "source"
    path.write_bytes(content)
    return find(path, **told)


def text_of(tmp_path: Path, content: bytes, encoding: str) -> str:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    transcode(source, target, encoding)
    return target.read_bytes().decode(errors="surrogateescape")


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("utf_8_first", [False, True], ids=["utf-8 below", "utf-8 first"])
def test_two_encodings_in_one_file_are_a_question(tmp_path: Path, encoding: str, utf_8_first: bool) -> None:
    one, other = ("utf-8", encoding) if utf_8_first else (encoding, "utf-8")
    text = "id,name\n" + rows(encoding, range(60)) + rows(encoding, range(60, 100))
    content = ("id,name\n" + rows(encoding, range(60))).encode(one) + rows(encoding, range(60, 100)).encode(other)
    told = found(tmp_path, content)
    assert told.encoding == f"utf-8+{encoding}", told
    assert {"utf-8", encoding} <= set(told.others)
    assert "UTF-8" in told.doubt
    assert text_of(tmp_path, content, told.encoding) == text


def test_the_question_shows_the_lines_of_either_encoding_as_each_reading_has_them(tmp_path: Path) -> None:
    content = ("id,name\n" + rows("cp1252", range(60))).encode("cp1252") + rows("cp1252", range(60, 100)).encode()
    offers = offers_of_encodings(content, found(tmp_path, content))
    assert [offer.dialect.encoding for offer in offers] == ["utf-8+cp1252", "utf-8", "cp1252"]
    assert [offer.label for offer in offers] == [
        "each line in its own encoding: UTF-8, or else cp1252 (Western European)",
        "UTF-8: lines in another encoding are rejected",
        "cp1252 (Western European)",
    ]
    assert all(offer.header == ("id", "name") and offer.of_encoding for offer in offers)
    by_line, utf_8, western = ([name for _, name in offer.rows] for offer in offers)
    assert by_line == [*NAMES["cp1252"][:3], *NAMES["cp1252"][:3]]
    assert utf_8[:3] == by_line[:3]
    assert "B\ufffdrbel" in utf_8[3]
    assert western[3:] == by_line[3:]
    assert western[0] == "BÃ¤rbel MÃ¼ller"


@pytest.mark.parametrize("plain", [b"", b"1,Ada Lovelace\n" * 50_000], ids=["at once", "behind ASCII"])
@pytest.mark.parametrize(("first", "below"), [("utf-8", "cp1252"), ("cp1252", "utf-8"), ("cp1251", "utf-8")])
def test_a_mixture_that_begins_far_below_the_head_is_a_question(
    tmp_path: Path, first: str, below: str, plain: bytes
) -> None:
    other = below if first == "utf-8" else first
    head = ("id,name\n" + rows(other, range(1000)) * 300).encode(first)
    assert len(head) > 4 << 20
    tail = rows(other, range(12)).encode(below)
    assert found(tmp_path, head + plain + tail).encoding == f"utf-8+{other}"
    assert not found(tmp_path, head + plain).doubt


@pytest.mark.parametrize(
    ("words", "encoding"), [("Пётр всё ещё её ёлка живёт", "koi8_r"), ("이름 은 김철수 그리고 서울 한국", "cp949")]
)
def test_a_line_of_utf_8_is_found_where_many_places_look_like_it(tmp_path: Path, words: str, encoding: str) -> None:
    lines = [f"{number},{word},{words}\n" for number in range(9_000) for word in words.split()[:3]]
    path = tmp_path / "late.csv"
    path.write_bytes("".join(lines).encode(encoding))
    assert not find(path).doubt
    other = "".join(lines).encode(encoding)
    path.write_bytes(other + f"x,{words.split()[0]},x\n".encode() + other)
    assert find(path).encoding == f"utf-8+{encoding}"


def test_one_line_of_utf_8_among_many_others_is_a_question(tmp_path: Path) -> None:
    content = ("id,name\n" + rows("cp1252", range(300))).encode("cp1252")
    assert found(tmp_path, content).encoding == "cp1252"
    assert found(tmp_path, content + "300,Jürgen Groß\n".encode()).encoding == "utf-8+cp1252"


@pytest.mark.parametrize("lines", [1, 2])
def test_a_line_or_two_that_are_no_utf_8_are_damage(tmp_path: Path, lines: int) -> None:
    content = ("id,name\n" + rows("cp1252", range(30))).encode() + rows("cp1252", range(lines)).encode("cp1252")
    assert found(tmp_path, content) == DetectedEncoding(encoding="utf-8")


def test_utf_8_that_was_cut_within_letters_is_damage(tmp_path: Path) -> None:
    cells = [name.encode() for name in ("Jürgen Groß", "José", "Køb", "Zoë", "André")]
    cut = b"".join(b"%d,%s\n" % (n, cells[n % 5][:-1]) for n in range(50))
    assert found(tmp_path, ("id,name\n" + rows("cp1252", range(60))).encode() + cut) == DetectedEncoding(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("word", "encoding"),
    [
        ("NESTLÉ®", "cp1252"),
        ("CAFÉ”", "cp1252"),
        ("лёд", "koi8_r"),
        ("сад", "cp866"),
        ("谢谢", "gb18030"),
        ("Т»", "cp1251"),
    ],
)
def test_a_word_that_happens_to_be_valid_utf_8_is_no_mixture(tmp_path: Path, word: str, encoding: str) -> None:
    text = "id,name\n" + rows("cp1251" if encoding == "koi8_r" else encoding, range(20)) + f"20,{word}\n"
    told = found(tmp_path, text.encode(encoding))
    assert not told.doubt, told
    assert text_of(tmp_path, text.encode(encoding), told.encoding) == text


def test_no_language_alone_looks_like_a_mixture(tmp_path: Path) -> None:
    for language, encoding, text in samples(12):
        told = found(tmp_path, text.encode(encoding))
        assert not told.encoding.startswith("utf-8"), (language, encoding, told)


def test_words_of_both_encodings_in_one_line_are_rejected_and_nothing_of_them_is_lost(tmp_path: Path) -> None:
    content = "1,Müller,".encode() + "Köln,Nestlé®\n".encode("cp1252") + "2,Zoë\n3,Ada\n".encode("cp1252")
    text = text_of(tmp_path, content, "utf-8+cp1252")
    assert text == "1,Müller\udcff,Köln,Nestlé®\n2,Zoë\n3,Ada\n"


@pytest.mark.parametrize("name", ["iso8859_2", "koi8-r", "mac-roman", "latin-1", "cp775", "shift_jis", "ascii"])
def test_a_mixture_with_any_encoding_that_is_pinned_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "source"
    path.write_bytes("1,Müller,".encode() + b"K\xf6ln\n2,Ada\n")
    transcode(path, tmp_path / "target", settle(path, f"utf-8+{name}"))
    first, second, *_ = (tmp_path / "target").read_bytes().split(b"\n")
    assert "1,Müller".encode() in first
    assert b"\xff" in first
    assert second == b"2,Ada"


def test_a_mark_does_not_hide_a_mixture(tmp_path: Path) -> None:
    content = ("\ufeffid,name\n" + rows("cp1252", range(20))).encode() + rows("cp1252", range(20)).encode("cp1252")
    told = found(tmp_path, content)
    assert told.encoding == "utf-8+cp1252"
    assert settle(tmp_path / "source", told.encoding) == "utf-8+cp1252"
    assert offers_of_encodings(content, told)[0].header == ("id", "name")


def test_the_head_of_a_file_may_be_cut_within_a_letter(tmp_path: Path) -> None:
    content = ("id,name\n" + rows("cp1252", range(60)) + "60,Zoë").encode()
    assert found(tmp_path, content[:-1], whole=False) == DetectedEncoding(encoding="utf-8")


# One encoding or another


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id;Şehir;İsim;Ağırlık\n1;2;3;4\n4;5;6;7\n", "cp1254"),
        ("id,šířka,délka\n1,2,3\n", "iso8859_2"),
        ("id;Šířka;Výška\n1;2;3\n", "cp1250"),
        ("id;Größe;Straße\n1;2;3\n", "cp1252"),
        ("id;prénom;ville\n1;Zoë;Nîmes\n", "cp1252"),
        ("id;imię;miejscowość\n1;Łukasz;Łódź\n", "iso8859_2"),
        ("ид;имя;город\n1;Иван;Москва\n", "cp866"),
        ("id;név;összeg\n1;2;3\n", "cp1250"),
        ("id;city\n1;Malmö\n", "cp1252"),
        ("id;city\n1;Łódź\n", "cp1250"),
    ],
)
def test_a_few_words_are_read_as_they_were_written_or_asked_about(tmp_path: Path, text: str, encoding: str) -> None:
    content = text.encode(encoding)
    told = found(tmp_path, content)
    assert decoded(content, told.encoding).decode() == text, told
    assert not told.doubt


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("id;değer\n1;2\n", "cp1254"), ("id;name\n1;Jörg\n", "mac_roman"), ("id;grad\n1;Čačak\n", "iso8859_2")],
)
def test_a_word_that_makes_sense_in_two_encodings_is_a_question(tmp_path: Path, text: str, encoding: str) -> None:
    content = text.encode(encoding)
    told = found(tmp_path, content)
    assert told.doubt
    assert text in {decoded(content, each).decode(errors="replace") for each in (told.encoding, *told.others)}
    offers = offers_of_encodings(content, told)
    assert len({(offer.header, offer.rows) for offer in offers}) == len(offers) > 1


@pytest.mark.parametrize("sign", ["£5", "5 €", "it’s", "a – b", "“so”", "20 °C", "3 m²"])
@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "mac_roman", "utf-8"])
def test_signs_alone_are_no_question(tmp_path: Path, sign: str, encoding: str) -> None:
    assert not found(tmp_path, f"id,note\n1,{sign}\n2,b\n".encode(encoding, "replace")).doubt


@pytest.mark.parametrize("sign", ["£", "€"])
@pytest.mark.parametrize("encoding", ["cp1252", "iso8859_15"])
def test_a_sign_decides_nothing_about_words(tmp_path: Path, sign: str, encoding: str) -> None:
    text = "id,name,price\n" + "".join(f"{n},{name},{sign}{n}\n" for n, name in enumerate(NAMES["cp1252"]))
    content = text.encode(encoding)
    told = found(tmp_path, content)
    assert not told.doubt
    assert decoded(content, told.encoding).decode() == text


# UTF-16


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", ["Russian", "Greek", "Chinese", "Japanese", "Korean", "Arabic", "Hebrew"])
def test_utf_16_without_a_mark_says_what_to_do(tmp_path: Path, language: str, encoding: str) -> None:
    text = "".join(f"{n};{word};{word}\r\n" for n, word in enumerate(LANGUAGES[language][1].split()))
    with pytest.raises(RunFailed, match=f"UTF-16 without a byte order mark.*{encoding}"):
        found(tmp_path, text.encode(encoding))
    assert settle(tmp_path / "source", encoding) == encoding


@pytest.mark.parametrize("content", [b"id,n\n1,a\0b\n2,c\n", b"a,b\n\0\0\n1,2\n", "ид\n1,\0Иван\n".encode()])
def test_a_nul_byte_makes_no_utf_16(tmp_path: Path, content: bytes) -> None:
    assert found(tmp_path, content) == DetectedEncoding(encoding="utf-8")


# Names and bytes


@pytest.mark.parametrize(
    ("name", "expected"), [("UTF8+Windows-1252", "utf-8+cp1252"), ("utf-8+latin2", "utf-8+iso8859-2")]
)
def test_a_mixture_can_be_pinned(tmp_path: Path, name: str, expected: str) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"a\n")
    assert settle(path, name) == expected


@pytest.mark.parametrize("name", ["utf-8+", "+cp1252", "utf-8+utf-16", "utf-8+klingon", "cp1252+utf-8", "utf-8+utf-7"])
def test_a_mixture_of_what_cannot_be_mixed_does_not_exist(tmp_path: Path, name: str) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"a\n")
    with pytest.raises(RunFailed, match="doesn't exist"):
        settle(path, name)


@given(content=st.binary(max_size=300), other=st.sampled_from(["cp1252", "cp932", "koi8_r"]))
def test_any_bytes_are_read_line_by_line(content: bytes, other: str) -> None:
    assert b"".join(mixed_lines.whole_lines(io.BytesIO(content))) == content
    told = decoded(content, f"utf-8+{other}")
    if mixed_lines.is_utf_8(content):
        assert told == content
    assert told.count(b"\n") == content.count(b"\n")


def test_a_line_longer_than_memory_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_lines, "BLOCK", 16)
    monkeypatch.setattr(mixed_lines, "_LONGEST", 40)
    content = ("é, " * 60).encode() + b"\nshort\n"
    pieces = list(mixed_lines.whole_lines(io.BytesIO(content)))
    assert b"".join(pieces) == content
    assert len(pieces) > 3
    assert all(mixed_lines.is_utf_8(piece) for piece in pieces)


def test_the_upload_page_is_told_of_a_doubt_about_the_encoding(tmp_path: Path) -> None:
    content = ("id,name\n" + rows("cp1252", range(60))).encode("cp1252") + rows("cp1252", range(60, 100)).encode()
    seen = preview_head(content, whole=True, scratch=tmp_path)
    assert seen.dialect is not None
    assert seen.dialect.encoding == "utf-8+cp1252"
    assert "UTF-8" in seen.doubt
    assert not preview_head(content, whole=True, scratch=tmp_path, pinned=Pinned(encoding="utf-8+cp1252")).doubt
    assert not preview_head(content[:-20], whole=False, scratch=tmp_path, pinned=Pinned(encoding="cp1252")).doubt
