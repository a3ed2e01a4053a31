"""A web page becomes the text that a reader would see."""

from pathlib import Path
from typing import Any

import pytest

from ingest.documents import Document, Reject
from ingest.sources import read_sources


def read(path: Path, **options: Any) -> list[Document | Reject]:
    return [row.content for row in read_sources([str(path)], **options)]


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


PAGE = """<!DOCTYPE html>
<html><head><title> A page &amp;
 its title </title><style>p { color: red }</style></head>
<body><header><h1>Site</h1></header><nav><ul><li>Menu</li></ul></nav>
<h1>The heading</h1>
<p>One <b>bold</b>word, two&nbsp;words<br>and a
   third.</p><ul><li>first<li>second <a href="#">link</a></ul>
<script>var hidden = "<p>no</p>";</script><div hidden>unseen</div><form>Search <button>Go</button></form>
<table><tr><td>left</td><td>right</td></tr></table>
<aside>By the way</aside><nav>outer <nav>inner</nav></nav><footer>Imprint</footer></body></html>"""
SEEN = "The heading\nOne boldword, two words\nand a third.\nfirst\nsecond link\nleft\nright"


def test_page_gives_its_main_text_and_title(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    put(tmp_path / "site" / "page.html", PAGE)
    assert read(tmp_path) == [Document("site/page.html", "A page & its title", SEEN)]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div>around</div><main><p>inside</p><nav>menu</nav></main><div>around</div>", "inside"),
        ("around<article><header>Head</header>inside</article>", "Head\ninside"),
        ("<article>one</article><article>two</article>", "one\ntwo"),
        ("<main> </main>around", "around"),
        ("<div role=main>inside</div>around", "inside"),
        ("<p>unclosed <i>tags <p>everywhere", "unclosed tags\neverywhere"),
        ("1 &lt; 2 &#128512; &eacute; &nosuch;", "1 < 2 😀 é &nosuch;"),
        ("<pre>a\n  b</pre>", "a b"),
        ("a<!-- no -->b", "ab"),
    ],
)
def test_main_part_of_a_page(body: str, text: str, tmp_path: Path) -> None:
    (document,) = read(put(tmp_path / "a.html", f"<title>T</title><body>{body}</body>"))
    assert document == Document("a.html", "T", text)


@pytest.mark.parametrize(
    ("head", "title"),
    [("<h1>First <i>one</i></h1><h1>Second</h1>", "First one"), ("<svg><title>no</title></svg>", "a")],
)
def test_page_without_title_is_named_after_its_heading_or_file(head: str, title: str, tmp_path: Path) -> None:
    (document,) = read(put(tmp_path / "a.htm", head + "<p>text"))
    assert isinstance(document, Document)
    assert document.title == title


def test_page_says_its_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="windows-1252"><title>T</title></head><body>caf\xe9</body></html>'
    assert read(put(tmp_path / "a.html", page.encode("latin-1"))) == [Document("a.html", "T", "café")]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"<p>caf\xe9", "not UTF-8: byte 0xe9 at offset 6 of the file"),
        (b'<meta charset="no-such-thing"><p>caf\xe9', "not no-such-thing, as the page says, nor UTF-8"),
        (b'<meta charset="undefined"><p>caf\xe9', "not undefined, as the page says, nor UTF-8"),
        (b'<meta charset="idna"><p>caf\xe9', "not idna, as the page says, nor UTF-8"),
        (b"<p></p>", "the text is empty"),
        (b"<title>T</title><script>x</script>", "the text is empty"),
    ],
)
def test_page_without_text_is_refused(page: bytes, reason: str, tmp_path: Path) -> None:
    (reject,) = read(put(tmp_path / "a.html", page))
    assert isinstance(reject, Reject)
    assert reject.reason == reason


def test_page_nested_deeper_than_python_goes(tmp_path: Path) -> None:
    page = "<div>" * 3000 + "deep" + "<nav>" * 3000 + "menu"
    assert read(put(tmp_path / "a.html", page)) == [Document("a.html", "a", "deep")]
