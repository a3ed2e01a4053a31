"""A wiki's dump becomes the prose of its articles."""

import bz2
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import Document, Reject
from ingest.sources import read_sources
from tests.unit.test_sources_html import put, read

DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="de">
  <siteinfo><sitename>Wiki</sitename><namespaces>
    <namespace key="0" case="first-letter" /><namespace key="1">Diskussion</namespace>
    <namespace key="6">Datei</namespace><namespace key="14">Kategorie</namespace>
  </namespaces></siteinfo>
  <page><title>Ann Lee</title><ns>0</ns><id>12</id>
    <revision><id>99</id><contributor><username>U</username><id>7</id></contributor><text bytes="5">%s</text>
    </revision>
  </page>
  <page><title>Lee</title><ns>0</ns><id>13</id><redirect title="Ann Lee" />
    <revision><id>98</id><text>#REDIRECT [[Ann Lee]]</text></revision></page>
  <page><title>Diskussion:Ann Lee</title><ns>1</ns><id>14</id><revision><id>97</id><text>Talk</text></revision></page>
  <page><title>Rome</title><ns>0</ns><id>15</id><revision><id>96</id><text>A city.</text></revision></page>
</mediawiki>
"""


def read_article(folder: Path, markup: str) -> Document | Reject:
    escaped = markup.replace("&", "&amp;").replace("<", "&lt;")
    return read(put(folder / "dump.xml", DUMP % escaped))[0]


@pytest.mark.parametrize("pack", [bytes, bz2.compress], ids=["plain", "bz2"])
def test_dump_gives_its_articles(pack: Any, tmp_path: Path) -> None:
    path = put(tmp_path / "dewiki-pages-articles.xml.bz2", pack((DUMP % "A &amp; B &lt; C").encode()))
    rows = list(read_sources([str(path)]))
    assert [row.content for row in rows] == [
        Document("12", "Ann Lee", "A & B < C"),
        Document("15", "Rome", "A city."),
    ]
    assert [(row.position, row.line) for row in rows] == [(0, 6), (1, 13)]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("'''Ann''' was a ''[[physicist|Physicist]]'' from [[Rome]].", "Ann was a Physicist from Rome."),
        ("{{Box|a={{b|{{c}}}}\n|d=e}}One{{note}} two {{{3}}}.", "One two ."),
        ('One.<ref name="a">{{cite|x}}</ref> Two.<ref name="a" /><ref>no</ref>', "One. Two."),
        ("One <ref>never closed. Two.", "One never closed. Two."),
        ("One.<!-- no -->\nTwo.<!-- never closed", "One.\nTwo."),
        ("[[Datei:A.jpg|mini|A [[link]] in it]]One.[[Kategorie:People]][[File:B.jpg]][[category:X]]", "One."),
        ("{| class=x\n! A\n|-\n| 1\n|}\nOne.", "One."),
        ("* first\n* second [http://a.b label] end\n# third\n: fourth", "first\nsecond label end\nthird\nfourth"),
        ("H<sub>2</sub>O<br/>next<math>x^2</math> <nowiki>[[as is]]</nowiki>", "H2O\nnext [[as is]]"),
        ("a&nbsp;b &ndash; c __NOTOC__", "a\xa0b – c"),
        ("One.\n== Life ==\nTwo.\n\n\n\n=== Late ===\nThree.", "One.\n\nLife\n\nTwo.\n\nLate\n\nThree."),
        (
            "One.\n== A ==\n=== B ===\nTwo.\n== Notes ==\n{{reflist}}\n== Links ==\n<references/>",
            "One.\n\nA\n\nB\n\nTwo.",
        ),
        ("<gallery>\nA.jpg|caption\n</gallery>One.", "One."),
    ],
)
def test_markup_is_taken_away(markup: str, text: str, tmp_path: Path) -> None:
    assert read_article(tmp_path, markup) == Document("12", "Ann Lee", text)


@pytest.mark.parametrize(
    "broken", ["{{", "[[", "<ref>", "{|", "'''", "<div>", "{{{", "<!--", "== x ", "[[Datei:", "}}", "* "]
)
def test_broken_markup_ends_quickly(broken: str, tmp_path: Path) -> None:
    read_article(tmp_path, f"Text. {broken * 3000} end")


@pytest.mark.parametrize(
    ("dump", "reason", "line"),
    [
        (
            DUMP[: DUMP.index("<page><title>Rome")] % "Text.",
            "not XML: no element found; nothing behind it was read",
            13,
        ),
        (DUMP % "Text <b> more", "not XML: mismatched tag; nothing behind it was read", 7),
        ('<!DOCTYPE x [<!ENTITY a "aaa">]>' + DUMP % "&a;", "the dump declares entities of its own; nothing ", 1),
        (DUMP % "", "the text is empty", 6),
        (DUMP % "{{only|a|template}}", "the text is empty", 6),
        (DUMP % ("word " * 300), "the article has more than 1,000 characters", 6),
    ],
)
def test_malformed_dump_is_refused_with_its_line(dump: str, reason: str, line: int, tmp_path: Path) -> None:
    rejects = [
        one
        for one in read(put(tmp_path / "a.xml", dump), format="wiki", max_row_bytes=1000)
        if isinstance(one, Reject)
    ]
    assert [(one.line, one.reason[: len(reason)]) for one in rejects] == [(line, reason)]
