"""The encoding of a file, and the same text in UTF-8."""

import codecs
import encodings
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.encoding.names import ENCODINGS, known
from ingest.loader.source.encoding.transcode import detect, settle, transcode

WESTERN = "id;name;city\r\n" + "".join(
    f"{n};{name};{city}\r\n"
    for n, (name, city) in enumerate(
        [("Jörg Müller", "Köln"), ("José Núñez", "Málaga"), ("Zoë Lefèvre", "Besançon"), ("Åsa Öberg", "Malmö")] * 5
    )
)
RUSSIAN = "id;name;city\n" + "1;Иван Петров;Москва\n2;Мария Иванова;Екатеринбург\n" * 10
JAPANESE = "id,name\n" + "1,山田太郎\n2,鈴木花子\n3,カタカナ\n" * 10
CHINESE = "id,name\n" + "1,北京市\n2,上海公司\n3,广东省\n" * 10


def written(tmp_path, content):
    path = tmp_path / "source"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WESTERN, "cp1252"),
        (WESTERN, "mac_roman"),
        (WESTERN, "cp850"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (WESTERN, "utf-8"),
        (WESTERN, "utf-16"),
        (WESTERN, "utf-16-le"),
        (WESTERN, "utf-16-be"),
        (WESTERN, "utf-32"),
    ],
)
def test_a_text_is_found_in_its_encoding_and_written_in_utf_8(tmp_path, text, encoding):
    source, target = written(tmp_path, text.encode(encoding)), tmp_path / "target"
    found = detect(source)
    assert found == encoding
    transcode(source, target, found)
    assert target.read_bytes().decode() == text


def test_ascii_is_utf_8(tmp_path):
    assert detect(written(tmp_path, b"a,b\n1,2\n" * 1000)) == "utf-8"
    assert detect(written(tmp_path, b"")) == "utf-8"


def test_one_accent_in_a_file_is_western(tmp_path):
    assert detect(written(tmp_path, "id,name\n1,Ada\n2,Café\n".encode("cp1252"))) == "cp1252"


def test_an_accent_far_below_the_head_is_found(tmp_path):
    assert detect(written(tmp_path, b"1,Ada\n" * 1_000_000 + "2,Müller\n".encode("cp1252"))) == "cp1252"


def test_a_few_broken_bytes_among_utf_8_leave_it_utf_8(tmp_path):
    assert detect(written(tmp_path, WESTERN.encode() + "9;Müller;Köln\n".encode("cp1252"))) == "utf-8"


def test_a_sample_that_ends_within_a_letter_is_utf_8(tmp_path):
    for cut in range(1, 4):
        assert detect(written(tmp_path, ("€" * 400_000).encode()[:-cut])) == "utf-8"


def test_a_line_of_noise_in_a_file_of_ascii_is_damage(tmp_path):
    noise = bytes(range(128, 256))
    assert detect(written(tmp_path, b"1,Ada\n" * 1000 + noise + b"\n")) == "utf-8"


def test_noise_is_refused(tmp_path):
    noise = bytes(range(128, 256)) * 100
    with pytest.raises(RunFailed, match="encoding was not recognized"):
        detect(written(tmp_path, noise))


def test_a_pinned_encoding_is_normalized_to_its_python_name(tmp_path):
    assert settle(written(tmp_path, b"a\n"), "Windows-1252") == "cp1252"
    assert settle(written(tmp_path, b"a\n"), "UTF8") == "utf-8"


def test_a_byte_order_mark_overrules_the_pinned_encoding(tmp_path):
    assert settle(written(tmp_path, "a\n".encode("utf-16")), "cp1252") == "utf-16"


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_a_file_in_every_encoding_that_can_be_pinned_is_read(tmp_path, name):
    text = 'id;name\r\n1;"A,b\tc"\r\n'
    source, target = written(tmp_path, text.encode(name)), tmp_path / "target"
    transcode(source, target, settle(source, name))
    assert target.read_bytes().removeprefix(codecs.BOM_UTF8) == text.encode()
    noise = written(tmp_path, bytes(range(1, 256)) * 2)
    transcode(noise, target, settle(noise, name))  # whatever the bytes are, it is no error


def test_what_python_encodes_and_no_file_is_written_in_cannot_be_pinned():
    others = {each.name for each in pkgutil.iter_modules(encodings.__path__)} - ENCODINGS - {"latin_1"}
    assert {"punycode", "unicode_escape", "rot_13", "charmap", "aliases"} < others
    assert [name for name in others if known(name)] == []


@pytest.mark.parametrize("name", ["klingon", "", "a\0b", "hex", "unicode_escape", "idna", "utf-7", "x" * 1000])
def test_a_pinned_encoding_that_does_not_exist_fails(tmp_path, name):
    with pytest.raises(RunFailed, match="doesn't exist"):
        settle(written(tmp_path, b"a\n"), name)


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (b"a,\x81\nb,\xe9\n", "cp1252", b"a,\xff\nb,\xc3\xa9\n"),
        ("a\n".encode("utf-16") + b"\x00\xd8b\0\n\0", "utf-16", b"a\n\xffb\n"),
        ("ab\n".encode("utf-16") + b"c", "utf-16", b"ab\n\xff"),
        (b"\x83", "cp932", b"\xff"),
    ],
    ids=["no letter", "half a pair", "half a letter", "cut"],
)
def test_undecodable_bytes_become_invalid_utf_8(tmp_path, content, encoding, expected):
    target = tmp_path / "target"
    transcode(written(tmp_path, content), target, encoding)
    assert target.read_bytes() == expected


def test_utf_16_that_is_pinned_needs_no_mark(tmp_path):
    assert settle(written(tmp_path, "a\n".encode("utf-16-le")), "utf-16") == "utf-16-le"


@given(
    content=st.binary(max_size=200),
    encoding=st.sampled_from(["cp1252", "utf-16", "utf-32", "cp932", "gb18030", "big5"]),
)
def test_any_bytes_are_transcoded(tmp_path, content, encoding):
    source, target = written(tmp_path, content), tmp_path / "target"
    encoding = settle(source, encoding)
    transcode(source, target, encoding)
    expected = content.decode(encoding, "replace")
    assert target.read_bytes().replace(b"\xff", "\ufffd".encode()).decode() == expected
