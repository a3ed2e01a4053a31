"""A PDF becomes the text of its pages."""

from pathlib import Path

import pytest

from ingest.documents import Document, Reject
from tests.unit.test_sources_html import put, read


def make_pdf(*pages: list[str], title: str = "", extra: str = "") -> bytes:
    """Write a PDF with lines of plain text; ``extra`` goes into the trailer."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
               "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]  # fmt: skip
    for number, lines in enumerate(pages):
        content = "BT /F 12 Tf 14 TL 72 720 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>"
                       f"/Contents {5 + 2 * number} 0 R>>")  # fmt: skip
        objects.append(f"<</Length {len(content)}>>\nstream\n{content}\nendstream")
    objects.append(f"<</Title({title})>>")
    parts, places = ["%PDF-1.4\n"], []
    for number, content in enumerate(objects, 1):
        places.append(sum(map(len, parts)))
        parts.append(f"{number} 0 obj\n{content}\nendobj\n")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    count, start = len(objects) + 1, sum(map(len, parts))
    parts.append(f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n")
    parts.append(f"<</Size {count}/Root 1 0 R/Info {count - 1} 0 R{extra}>>\nstartxref\n{start}\n%%EOF\n")
    return "".join(parts).encode("latin-1")


def test_pdf_gives_the_text_of_all_pages(tmp_path: Path) -> None:
    pdf = make_pdf(["First page has a bro-", "ken word and a X-", "Ray."], ["Second page."], title="The title")
    (document,) = read(put(tmp_path / "a.pdf", pdf))
    assert document == Document("a.pdf", "The title", "First page has a broken word and a X-\nRay.\nSecond page.")


def test_pdf_without_title_is_named_after_its_file(tmp_path: Path) -> None:
    (document,) = read(put(tmp_path / "My paper.v2.pdf", make_pdf(["Text."])))
    assert document == Document("My paper.v2.pdf", "My paper.v2", "Text.")


def test_pdf_is_told_by_its_content(tmp_path: Path) -> None:
    assert isinstance(read(put(tmp_path / "download", make_pdf(["Text."])))[0], Document)


@pytest.mark.parametrize(
    ("pdf", "reason"),
    [
        (make_pdf([]), "no text in the file (scanned pages?)"),
        (make_pdf(), "no text in the file (scanned pages?)"),
        (b"nothing", "not a PDF that can be read: "),
        (b"%PDF-1.4\nnothing", "not a PDF that can be read: "),
        (make_pdf(["Text."])[:300], "not a PDF that can be read: "),
        (make_pdf(["Text."], extra="/Encrypt<</Filter/No>>"), "not a PDF that can be read: "),
        (make_pdf(["Text. "] * 300), "the text has more than 1,000 characters"),
    ],
)
def test_pdf_without_readable_text_is_refused(pdf: bytes, reason: str, tmp_path: Path) -> None:
    (reject,) = read(put(tmp_path / "a.pdf", pdf), max_row_bytes=1000)
    assert isinstance(reject, Reject)
    assert reject.reason.startswith(reason)
    assert reject.reason.isprintable()


@pytest.mark.parametrize("password", ["", "secret"])
def test_encrypted_pdf_is_read_if_it_needs_no_password(password: str, tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(put(tmp_path / "plain.pdf", make_pdf(["Text."]))))
    writer.encrypt(password, "owner", algorithm="AES-256")
    writer.write(tmp_path / "a.pdf")
    (found,) = read(tmp_path / "a.pdf")
    if password:
        assert isinstance(found, Reject)
        assert found.reason == "the file is encrypted"
    else:
        assert isinstance(found, Document)
        assert found.text.strip() == "Text."
