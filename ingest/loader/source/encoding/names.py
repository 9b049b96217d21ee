"""The encodings in which files can be read, by name."""

import codecs

from ingest.loader.source.encoding.mixed_lines import mixed_with

_NAMES = """
ascii big5 big5hkscs cp037 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256
cp1257 cp1258 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861
cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 euc_jis_2004 euc_jisx0213 euc_jp
euc_kr gb18030 gb2312 gbk hp_roman8 hz iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004
iso2022_jp_3 iso2022_jp_ext iso2022_kr iso8859_1 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15
iso8859_16 iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 johab koi8_r
koi8_t koi8_u kz1048 mac_arabic mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2
mac_roman mac_romanian mac_turkish palmos ptcp154 shift_jis shift_jis_2004 shift_jisx0213 tis_620
utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le utf_8 utf_8_sig
"""

ENCODINGS = frozenset(_NAMES.split())
"""As Python names them: the encodings of its documentation, but for those that no file is written in.

Those are idna, punycode, utf_7, the escapes of Python's own source, and mbcs and oem, which mean another encoding on
each machine; and what turns bytes into bytes is no encoding of text.
"""


def known(name: str) -> str:
    """Return Python's own name of the encoding that ``name`` means, or "" if no file can be read in it.

    ``utf-8+cp1252`` is each line in its own encoding: the second must leave ASCII alone, or no line ends could be told.
    """
    prefix, plus, other = name.partition("+")
    if plus:
        single = "" if "+" in other else known(other)
        is_line_by_line = known(prefix) == "utf-8" and single and b"a,\n".decode(single, "replace") == "a,\n"
        return mixed_with(single) if is_line_by_line else ""
    try:
        canonical = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return canonical if canonical.replace("-", "_") in ENCODINGS else ""
