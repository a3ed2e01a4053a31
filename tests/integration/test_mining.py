"""``hybrid mine`` as a person meets it, on a folder and on a cluster alike; and the ids that it draws from."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.engines.local import reader
from hybrid.engines.opensearch import reads
from hybrid.mining.lines import name_kept
from hybrid.settings import Settings
from hybrid.training.dpr_json import Row, read_rows
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.corpora import DATA, have
from tests.integration.killing import Moment, run_watched
from tests.mining import make_world

WORLD = make_world()
COMMAND = "from hybrid.cli.main import main; main()"
ALL_KINDS = ["--negatives", "bm25=4,dense=3,hybrid=2,random=3,gold=2", "--margin", "1.2", "--dense", "exact"]


@pytest.fixture(scope="module")
def addresses(make_index: MakeIndex, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the same passages in a folder, on one shard and on three."""
    folder = str(tmp_path_factory.mktemp("mine") / "index")
    create_index(folder, small_profile(), settings=Settings())
    found = {"folder": folder, "cluster": make_index(), "shards": make_index(None, IndexSpec(shards=3, replicas=0))}
    for address in found.values():
        with open_index(address, settings=Settings()) as index:
            index.add(WORLD.passages, refresh=True)
    return found


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Write the questions with what they bring, and their vectors; gives the arguments that name them."""
    folder = tmp_path_factory.mktemp("asked")
    rows = [
        {
            "question": one.question.text,
            "answers": one.question.answers,
            "positive_ctxs": [
                {"title": "", "text": WORLD.texts[gold.id], "passage_id": gold.id} for gold in one.golds
            ],
        }
        for one in WORLD.wanted
    ]
    (folder / "questions.json").write_text(json.dumps(rows), "utf-8")
    np.save(folder / "vectors.npy", WORLD.vectors)
    return ["--questions", str(folder / "questions.json"), "--vectors", str(folder / "vectors.npy")]


def comparable(rows: Sequence[Row]) -> Any:
    """Give all of the rows but scores, and these."""
    passages = [[*row.positives, *row.hard_negatives, *row.negatives] for row in rows]
    scores = [one.score or 0.0 for some in passages for one in some]
    return [
        (row.question, [(one.id, one.title, one.text) for one in passages[at]]) for at, row in enumerate(rows)
    ], scores


@pytest.mark.parametrize("positives", ["gold", "distant"])
def test_folder_and_cluster_give_the_same_examples(
    hybrid: Say, positives: str, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    depth = ["--distant-depth", "9"] if positives == "distant" else []
    arguments = [*asked, *ALL_KINDS, "--positives", positives, *depth, "--json"]
    found, told = {}, {}
    for name, address in addresses.items():
        said = hybrid("mine", address, *arguments, "--out", tmp_path / f"{name}.json")
        assert said.code == 0, said.err
        found[name], told[name] = comparable(list(read_rows(tmp_path / f"{name}.json"))), said.json
    assert found["folder"][0] == found["cluster"][0] == found["shards"][0]
    assert found["folder"][1] == pytest.approx(found["cluster"][1], abs=2e-3)
    assert told["folder"] == told["cluster"] == told["shards"]
    assert told["folder"]["kept"] > 30


def test_without_hybrid_negatives_the_files_are_equal_byte_by_byte(
    hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    for name in ("folder", "cluster"):
        out = tmp_path / f"{name}.jsonl"
        options = ["--negatives", "bm25=5,random=2", "--dataset", "made"]
        assert hybrid("mine", addresses[name], *asked, *options, "--out", out).code == 0
    assert (tmp_path / "folder.jsonl").read_bytes() == (tmp_path / "cluster.jsonl").read_bytes()
    assert {row.dataset for row in read_rows(tmp_path / "folder.jsonl")} == {"made"}


@pytest.mark.parametrize("request_number", [6, 60])
def test_killed_command_goes_on_where_it_was(
    request_number: int, hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    out, whole = tmp_path / "train.json", tmp_path / "whole.json"

    def command(seen: str) -> list[str]:
        return ["-c", COMMAND, "mine", seen, *asked, *ALL_KINDS, "--out", str(out)]

    code, said, _ = run_watched(addresses["cluster"], command, Moment(request_number, done=True))
    assert code == -9, said
    assert not out.exists()
    kept = name_kept(out)
    head, *done = kept.read_text("utf-8").splitlines() or [""]
    if head:
        # The address is part of what is mined, and the watched one is gone.
        watched = json.loads(head)["index"]
        kept.write_text(kept.read_text("utf-8").replace(watched, addresses["cluster"], 1), "utf-8")
    again = hybrid("mine", addresses["cluster"], *asked, *ALL_KINDS, "--out", out)
    assert again.code == 0, again.err
    # The first moment is among the positives of the first batch, the second among the negatives.
    assert len(done) == {6: 0, 60: len(WORLD.wanted)}[request_number]
    assert ("40 of 40 questions had their positives already" in again.err) == bool(done)
    hybrid("mine", addresses["cluster"], *asked, *ALL_KINDS, "--out", whole)
    assert out.read_bytes() == whole.read_bytes()


def test_report_is_a_table_a_file_and_json(
    hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    report, out = tmp_path / "report.json", tmp_path / "train.json"
    arguments = ["mine", addresses["folder"], *asked, "--out", out, "--words", "6:", "--report", report]
    plain = hybrid(*arguments)
    lines = [line.split("\t") for line in plain.out.splitlines()]
    kept = len(list(read_rows(out)))
    assert lines[0] == ["questions", "kept", str(kept), ""]
    (dropped,) = [one for one in lines if one[1] == "dropped: passage is too short or too long"]
    assert int(dropped[2]) == 40 - kept
    told = json.loads(report.read_text("utf-8"))
    assert told == hybrid(*arguments, "--json").json
    assert told["dropped"]["passage is too short or too long"] == {"count": 40 - kept, "first": dropped[3]}
    assert f"{kept} of 40 questions are examples in {out}" in plain.err


def test_limit_draws_questions_with_what_they_bring(
    hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "train.json"
    assert hybrid("mine", addresses["folder"], *asked, "--out", out, "--limit", "7", "--seed", "3").code == 0
    golds = {one.question.text: one.golds[0].id for one in WORLD.wanted}
    rows = list(read_rows(out))
    assert len(rows) == 7
    assert [row.positives[0].id for row in rows] == [golds[row.question] for row in rows]


def test_beir_folder_with_bad_data_is_mined_and_what_is_bad_is_told(
    hybrid: Say, addresses: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    texts = [one.question.text for one in WORLD.wanted]
    queries = [{"_id": name, "text": text} for name, text in zip("abcdef", [*texts[:5], ""], strict=True)]
    queries.append({"_id": "e", "text": texts[6]})
    (tmp_path / "set" / "queries.jsonl").write_text("".join(json.dumps(one) + "\n" for one in queries), "utf-8")
    rows = [
        "a\td0#1\t1",
        "a\td0#1\t1",
        "b\tnowhere\t1",
        "b\td3\t1",
        "c\tgone\t1",
        "d\td4#0\t0",
        "f\td1#1\t1",
        "x\td1\t1",
    ]
    table = "query-id\tcorpus-id\tscore\n" + "".join(f"{row}\n" for row in rows)
    (tmp_path / "set" / "qrels" / "test.tsv").write_text(table, "utf-8")
    out = tmp_path / "train.json"
    said = hybrid("mine", addresses["folder"], "--questions", tmp_path / "set", "--out", out, "--json")
    assert said.code == 0, said.err
    told = said.json
    assert (told["questions"], told["kept"]) == (5, 2)
    assert told["dropped"] == {
        "passage is not in the index": {"count": 1, "first": "c"},
        "brings no passage": {"count": 1, "first": "d"},
        "the question has no words": {"count": 1, "first": "f"},
    }
    assert told["positives"]["left_out"] == {"passage is not in the index": {"count": 2, "first": "b: nowhere"}}
    faults = {one["name"]: (one["count"], one["examples"]) for one in told["faults"]}
    assert faults["empty questions"] == (1, ["f"])
    assert faults["questions left out because they are not judged"] == (2, ["e", "e"])
    assert faults["judged questions that the data set lacks"] == (1, ["x"])
    first, second = read_rows(out)
    assert first.positives[0].id == "d0#1"
    assert second.positives[0].id.startswith("d3#")
    # No passage of a document that is judged to be right is a negative.
    assert not [one.id for one in second.hard_negatives if one.id.startswith("d3#")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--negatives", "bm25"], "say each kind once, such as bm25=5,random=2"),
        (["--negatives", "bm25=1,bm25=2"], "say each kind once"),
        (["--negatives", "near=1"], "kinds are bm25, dense, hybrid, random, gold"),
        (["--window", "5"], "say the first and the last rank, such as 1:100"),
        (["--window", "9:5"], "The window of ranks is 9:5"),
        (["--words", "5"], "say the fewest and the most"),
        (["--margin", "0"], "margin is 0"),
        (["--out", "train.csv"], r"name it .json or .jsonl"),
        (["--out", "/no/where/train.json"], "cannot be written"),
        (["--qrels", "/no/where"], "cannot be read"),
        (["--out", f"{__file__}/train.json"], "cannot be written: Not a directory"),
        (["--seed", "-1"], "-1 is not in the range x>=0"),
        (["--distant-depth", "9"], "--distant-depth is for distant positives; leave it out"),
        (["--query", "question"], "--query is for distant positives"),
        (["--overlap", "0.5", "--positives", "distant"], "--overlap is for gold positives"),
        (["--exact", "--patterns"], "--exact is for answers that are no patterns"),
        (["--window", "1:9", "--negatives", "random=1"], "--window is for hard negatives"),
        (["--margin", "0.9", "--negatives", "gold=1"], "--margin is for hard negatives"),
        (["--dense", "exact"], "--dense is for dense or hybrid negatives"),
    ],
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str], told: str, hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    said = hybrid("mine", addresses["folder"], *asked, "--out", tmp_path / "train.json", *arguments)
    assert said.code in (1, 2)
    assert told in one_line(said)
    assert list(tmp_path.iterdir()) == []


def test_no_file_that_is_read_is_written_and_none_is_written_twice(
    hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    source, vectors, qrels, out = (tmp_path / name for name in ("q.json", "v.json", "judged.json", "out.json"))
    shutil.copyfile(asked[1], source)
    shutil.copyfile(asked[3], vectors)
    qrels.write_text("0 0 d0#0 1\n", "utf-8")
    beir = tmp_path / "beir"
    (beir / "qrels").mkdir(parents=True)
    (beir / "queries.jsonl").write_text('{"_id": "a", "text": "bapux"}\n', "utf-8")
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\na\td0#0\t1\n", "utf-8")
    given = ["mine", addresses["folder"], "--questions"]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for arguments in (
        [source, "--out", source],
        [source, "--out", out, "--report", out],
        [source, "--out", out, "--report", source],
        [source, "--out", out, "--report", f"{out}.mined"],
        [source, "--out", vectors, "--vectors", vectors],
        [source, "--out", qrels, "--qrels", qrels],
        [beir, "--out", beir / "queries.jsonl"],
    ):
        said = hybrid(*given, *arguments)
        assert said.code == 2
        assert "is to be written, and is named for something else as well" in one_line(said)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_answers_that_are_patterns_are_marked_in_what_is_written(
    hybrid: Say, addresses: dict[str, str], tmp_path: Path
) -> None:
    source, out = tmp_path / "q.jsonl", tmp_path / "train.jsonl"
    source.write_text(json.dumps({"question": "bapux", "answers": [r"bap\w+"]}) + "\n", "utf-8")
    arguments = ["mine", addresses["folder"], "--questions", source, "--out", out]
    assert hybrid(*arguments, "--patterns").code == 0
    assert json.loads(out.read_text("utf-8"))["patterns"] is True
    (row,) = read_rows(out)
    assert row.patterns
    assert "bap" in row.positives[0].text
    source.write_text(json.dumps({"question": "bapux", "answers": ["bapux"]}) + "\n", "utf-8")
    assert hybrid(*arguments).code == 0
    assert "patterns" not in json.loads(out.read_text("utf-8"))


def test_dense_negatives_of_an_index_without_an_encoder_want_vectors(
    hybrid: Say, addresses: dict[str, str], asked: list[str], tmp_path: Path
) -> None:
    said = hybrid("mine", addresses["folder"], *asked[:2], "--out", tmp_path / "train.json", "--negatives", "dense=1")
    assert "need the questions' vectors" in one_line(said)


@pytest.mark.skipif(not have("xquad.en.json"), reason="no xquad.en.json; see HYBRID_TEST_DATA")
def test_real_paragraphs_are_found_by_id_and_by_text_alike(hybrid: Say, tmp_path: Path) -> None:
    index, renamed = tmp_path / "index", tmp_path / "renamed.json"
    assert hybrid("ingest", index, DATA / "xquad.en.json", "--no-vectors").code == 0
    shutil.copyfile(DATA / "xquad.en.json", renamed)
    found = []
    for path in (DATA / "xquad.en.json", renamed):
        said = hybrid("mine", index, "--questions", path, "--negatives", "", "--out", tmp_path / "out.json", "--json")
        assert (said.json["questions"], said.json["kept"]) == (1190, 1185)
        assert said.json["dropped"]["no answer in the passage"]["count"] == 5
        found.append([(row.question, row.positives[0].id) for row in read_rows(tmp_path / "out.json")])
    assert found[0] == found[1]


@pytest.fixture(params=["folder", "cluster", "shards"])
def opened(request: pytest.FixtureRequest, make_index: MakeIndex, tmp_path: Path) -> Any:
    if request.param == "folder":
        address = str(tmp_path / "index")
        create_index(address, small_profile(), settings=Settings())
    else:
        address = make_index(None, IndexSpec(shards=1 if request.param == "cluster" else 3, replicas=0))
    with open_index(address, settings=Settings()) as index:
        yield index


def test_ids_come_in_order_and_as_they_were(opened: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PAGE_OF_IDS", 10)
    monkeypatch.setattr(reader, "_PAGE", 10)
    assert [one for page in opened.ids() for one in page] == []
    names = sorted(f"p{number}" for number in range(25))
    opened.add([Passage(name, "text") for name in names], refresh=True)
    pages = opened.ids()
    found = list(next(pages))
    with opened.hold() as held:
        opened.add([Passage("p99", "late")])
        opened.delete(["p5"], refresh=True)
        assert [*found, *(one for page in pages for one in page)] == names
        assert [one for page in held.ids() for one in page] == names
    assert [one for page in opened.ids() for one in page] == sorted({*names, "p99"} - {"p5"})
