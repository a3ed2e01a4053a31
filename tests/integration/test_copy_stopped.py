"""A copy that is stopped between any two pages: the same command goes on, and a source that changed is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Passage, create_index, open_index
from hybrid.cli.copying import Copied, Copying
from hybrid.cli.progress import Progress
from hybrid.engines.local import reader
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.tiny_models import save_sentence_transformer

PASSAGES, PAGE = 70, 20


@pytest.fixture
def wiki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a folder of a few pages."""
    monkeypatch.setattr(reader, "_PAGE", PAGE)
    folder, rng = str(tmp_path / "wiki"), np.random.default_rng(3)
    create_index(folder, small_profile(), settings=Settings())
    with open_index(folder) as index:
        index.add(
            Passage(f"p{row:02}", f"tide {row}", vector=rng.normal(size=8).astype(np.float32))
            for row in range(PASSAGES)
        )
    return folder


def stop(monkeypatch: pytest.MonkeyPatch, pages: int, *arguments: object, hybrid: Say) -> None:
    """Run the command, with Ctrl-C after so many pages."""
    update, seen = Progress.update, []

    def strike(self: Progress, done: int) -> None:
        seen.append(done)
        if len(seen) == pages:
            raise KeyboardInterrupt
        update(self, done)

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "update", strike)
        assert hybrid(*arguments).code == 130
    assert len(seen) == pages


@pytest.mark.parametrize("pages", [1, 2, 3, 4])
@pytest.mark.parametrize("on_cluster", [False, True])
def test_same_command_goes_on(
    pages: int,
    on_cluster: bool,
    wiki: str,
    hybrid: Say,
    tmp_path: Path,
    make_index: MakeIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = make_index() if on_cluster else str(tmp_path / "copy")
    if on_cluster:
        assert hybrid("delete", address, "--everything", "--yes").code == 0
    stop(monkeypatch, pages, "copy", wiki, address, hybrid=hybrid)
    there = min(pages * PAGE, PASSAGES)
    (job,) = hybrid("status", address, "--json").json["jobs"]
    assert (job["id"], job["state"], job["position"]) == ("copy", "running", there)
    assert f"unfinished, the same command goes on; rows {there}" in hybrid("status", address).out
    if on_cluster:
        assert "is an unfinished copy" in one_line(hybrid("copy", wiki, address, "--shards", 2))
    again = hybrid("copy", wiki, address, "--json")
    assert (again.code, again.json["created"]) == (0, PASSAGES - there)
    with open_index(wiki) as first, open_index(address, settings=Settings()) as second:
        pairs = list(
            zip((p for page in first.scan() for p in page), (p for page in second.scan() for p in page), strict=True)
        )
        assert all(one.id == other.id and np.allclose(one.vector, other.vector) for one, other in pairs)  # type: ignore[arg-type]
        assert first.status() == second.status()
    assert hybrid("status", address, "--json").json["jobs"][0]["state"] == "done"
    refused = hybrid("copy", wiki, address)
    assert (refused.code, "unfinished" in one_line(refused)) == (1, False)


def test_page_that_was_written_before_its_record_is_written_again(
    wiki: str, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = str(tmp_path / "copy")
    stop(monkeypatch, 1, "copy", wiki, copy, hybrid=hybrid)
    with open_index(wiki) as source, open_index(copy) as begun:
        begun.add(next(source.scan()) + [one for page in source.scan() for one in page][PAGE : 2 * PAGE])
    said = hybrid("copy", wiki, copy)
    assert (said.code, said.out) == (0, f"{PASSAGES} passages copied to {copy}\n")
    assert hybrid("status", copy, "--json").json["passages"] == PASSAGES


def test_copy_that_stopped_before_it_had_a_record_is_gone_on_with(
    wiki: str, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = str(tmp_path / "copy")
    with monkeypatch.context() as patched:
        patched.setattr(Copying, "run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert hybrid("copy", wiki, copy).code == 130
    assert hybrid("copy", wiki, copy).code == 0
    # An index that is whole, and one with anything else in it, is not written into.
    assert hybrid("copy", wiki, copy).code == 1
    create_index(str(tmp_path / "mine"), small_profile(), settings=Settings())
    with open_index(str(tmp_path / "mine")) as index:
        index.add([Passage("own", "tide")])
    assert hybrid("copy", wiki, tmp_path / "mine").code == 1


def test_of_two_that_copy_at_once_the_second_is_refused_before_it_writes(
    wiki: str, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    stop(monkeypatch, 2, "copy", wiki, copy, hybrid=hybrid)
    run = Copying.run

    def overtaken(self: Copying, total: int) -> Copied:
        """Let another process end the copy, and somebody else delete of it, before this one begins."""
        with monkeypatch.context() as patched:
            patched.setattr(Copying, "run", run)
            assert hybrid("copy", wiki, copy).code == 0
        assert hybrid("delete", copy, f"p{PASSAGES - 1}").code == 0
        return run(self, total)

    monkeypatch.setattr(Copying, "run", overtaken)
    said = hybrid("copy", wiki, copy)
    assert (said.code, "is carried on by another process" in said.err) == (1, True)
    assert hybrid("status", copy, "--json").json["passages"] == PASSAGES - 1


def test_index_that_was_made_anew_under_the_name_of_a_copy_is_not_written_into(
    wiki: str, hybrid: Say, make_index: MakeIndex, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = make_index()
    assert hybrid("delete", address, "--everything", "--yes").code == 0
    stop(monkeypatch, 2, "copy", wiki, address, hybrid=hybrid)
    alias = address.rpartition("/")[2]
    # Without hybrid, so that the record stays behind.
    raw.indices.delete(index=next(iter(raw.indices.get(index=alias))))
    create_index(address, small_profile(), settings=Settings())
    with open_index(address, settings=Settings()) as index:
        index.add([Passage("own", "tide")], refresh=True)
    assert hybrid("copy", wiki, address).code == 1
    assert hybrid("status", address, "--json").json["passages"] == 1


def test_what_could_not_be_encoded_is_told_by_whichever_run_ends_the_copy(
    wiki: str, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, copy = save_sentence_transformer(tmp_path / "model"), str(tmp_path / "copy")
    arguments = ("copy", wiki, copy, "--encoder", model, "--scale", 7)
    stop(monkeypatch, 4, *arguments, hybrid=hybrid)
    with open_index(copy) as begun:
        (_,) = begun.intake().fill_pending(lambda pairs: ["not to be read"] * len(pairs), PASSAGES)
    said = hybrid(*arguments)
    assert (said.code, f"{PASSAGES} passages could not be encoded" in said.err) == (3, True)


def test_copy_that_stopped_while_it_was_encoded_has_all_vectors_in_the_end(
    wiki: str, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (
        "copy",
        wiki,
        tmp_path / "copy",
        "--encoder",
        save_sentence_transformer(tmp_path / "model"),
        "--scale",
        7,
    )
    stop(monkeypatch, 5, *arguments, hybrid=hybrid)
    assert hybrid("status", tmp_path / "copy", "--json").json["passages"] == PASSAGES
    said = hybrid(*arguments)
    assert (said.code, said.out.startswith(f"{PASSAGES} passages copied to ")) == (0, True)
    assert hybrid("status", tmp_path / "copy", "--json").json["encoded"] == PASSAGES


@pytest.mark.parametrize("change", ["passage", "profile"])
def test_source_that_changed_is_not_gone_on_with(
    change: str, wiki: str, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = str(tmp_path / "copy")
    stop(monkeypatch, 2, "copy", wiki, copy, hybrid=hybrid)
    if change == "passage":
        assert hybrid("delete", wiki, "p01").code == 0
        arguments: tuple[object, ...] = ("copy", wiki, copy)
    else:
        arguments = ("copy", wiki, copy, "--encoder", save_sentence_transformer(tmp_path / "model"), "--scale", 7)
    said = hybrid(*arguments)
    assert (said.code, one_line(said)) == (
        2,
        f"hybrid: {copy} is an unfinished copy of {wiki} as it was, which cannot be gone on with; "
        f"hybrid delete {copy} --everything, and copy again.",
    )
    assert hybrid("delete", copy, "--everything", "--yes").code == 0
    assert hybrid(*arguments).code == 0
