"""Every mistake in the arguments is one clear line without a traceback, and leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest

from hybrid.errors import IndexMissingError
from tests.commands import Say, one_line
from tests.conftest import MakeIndex
from tests.integration.faults import name_of, upstream_of
from tests.integration.feeding import document, write_jsonl
from tests.services.processes import LOCALHOST

MISTAKES = [
    (["ingset"], 2, "No such command 'ingset'"),
    (["ingest"], 2, "Say which index to fill"),
    (["ingest", "{address}"], 2, "Say which index to fill"),
    (["ingest", "{folder}", "{address}"], 2, "is an index, and the index comes first"),
    (["search", "what is it?", "{address}"], 2, "The index comes before the question"),
    (["search", "{address}", " "], 2, "The question is empty"),
    (["ingest", "{address}", "{source}", "--no-vectors", "--encoder", "minilm"], 1, "--encoder names"),
    (["ingest", "{address}", "{source}", "--encodr", "e5"], 2, "No such option"),
    (["ingest", "{address}", "{source}", "--by", "lines"], 2, "'lines' is not one of"),
    (["ingest", "{address}", "{source}", "--words", "0"], 2, "0 is not in the range"),
    (["ingest", "{address}", "{source}", "--format", "docx"], 2, "'docx' is not one of"),
    (["ingest", "{address}", "{folder}/missing.jsonl"], 2, "missing.jsonl is not there"),
    (["ingest", "{address}", "{folder}/*.nothing"], 2, "No file matches"),
    (["ingest", "{cluster}/Upper", "{source}"], 2, "upper case"),
    (["ingest", "{cluster}/_x", "{source}"], 2, "no index name"),
    (["ingest", "{cluster}", "{source}"], 2, "names no index"),
    (["ingest", "{folder}", "{source}"], 1, "the folder holds other things"),
    (["ingest", "{source}", "{address}"], 2, "the index comes first"),
    (["ingest", "ftp://host/name", "{source}"], 2, "ftp:// is not known"),
    (["ingest", "http://{host}:9/name", "{source}"], 1, "is it running, and is the address right?"),
    (["ingest", "{address}-new", "{source}", "--encoder", "no-such-encoder"], 1, "no-such-encoder"),
    (["ingest", "{address}", "{source}"], 1, "say --no-vectors"),
    (["ingest", "{address}", "{source}", "--rejects", "{source}/x", "--no-vectors"], 1, "cannot be used"),
    (["status", "{address}-missing"], 1, "no such index"),
    (["status", "http://{host}:9/name"], 1, "is it running"),
    (["rejects", "{folder}"], 1, "There is no index in"),
    (["search", "{source}", "tides"], 1, "is a file; an index in a folder is named by the folder"),
    (["search", "{folder}/not there", "tides"], 1, "hybrid ingest '{folder}/not there' SOURCE"),
    (["ingest", "{source}", "{source}"], 1, "it is a file. The index comes before its sources"),
    (["delete", "{address}"], 2, "Say which documents"),
    (["convert-encoder", "x" * 300, "{folder}/converted"], 1, "File name too long"),
    (["status", "x" * 300], 1, "File name too long"),
    (["copy", "{address}"], 2, "Missing argument 'TO'"),
    (["copy", "{address}-missing", "{address}-other"], 1, "no such index"),
    (["copy", "{address}", "{address}"], 1, "exists"),
    (
        ["copy", "{address}", "{folder}/new", "--encoder", "bge", "--scale", "-1"],
        2,
        "neither a number above 0 nor auto",
    ),
    (["reencode", "{address}", "--scale", "7"], 2, "--scale goes with --encoder"),
    (["reencode", "{address}", "--scale", "auto", "--questions", "{source}"], 2, "--scale and --questions go with"),
    (["reencode", "{address}", "--questions", "{source}"], 2, "--questions goes with --encoder"),
    (["reencode", "{address}", "--back", "--queue", "--wait"], 2, "it goes without --queue and --wait"),
    (["reencode", "{address}", "--back", "--allow-gaps"], 2, "it goes without --allow-gaps"),
    (["reencode", "{address}", "--back", "--allow-failed"], 2, "it goes without --allow-failed"),
    (["reencode", "{address}", "--back", "--encoder", "bge", "--scale", "auto"], 2, "it goes without --scale"),
]


@pytest.mark.parametrize(("arguments", "code", "phrase"), MISTAKES, ids=lambda one: str(one)[:50])
def test_mistake_is_told_in_one_clear_line(
    arguments: list[str],
    code: int,
    phrase: str,
    make_index: MakeIndex,
    tmp_path: Path,
    raw: Any,
    hybrid: Say,
) -> None:
    address, source = make_index(), write_jsonl(tmp_path / "source.jsonl", [document("d", 9)])
    names = {"address": address, "cluster": upstream_of(address), "source": source, "folder": source.parent}
    said = hybrid(*(one.format(**names, host=LOCALHOST) for one in arguments))
    assert phrase.format(**names) in one_line(said)
    assert said.code == code
    assert not raw.indices.exists(index=f"{name_of(address)}-new")


def test_traceback_is_shown_only_when_it_is_asked_for(hybrid: Say, tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        hybrid("--debug", "status", tmp_path)
