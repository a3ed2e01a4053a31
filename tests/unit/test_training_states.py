"""What training leaves beside what it makes: only its own is removed, and what is written is whole or not there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hybrid.errors import HybridError, LockHeldError, ModelError, UsageError
from hybrid.training import states
from tests.full_disks import room
from tests.messages import assert_one_clear_line


def make() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Linear(64, 64)
    return model, torch.optim.AdamW(model.parameters())


def save(root: Path, step: int, **facts: Any) -> None:
    states.save_state(root, step, *make(), {"plan": "", **facts})


def test_state_that_is_half_written_is_not_taken_for_one(tmp_path: Path) -> None:
    root = tmp_path / "states"
    (root / "unfinished-state-00000009").mkdir(parents=True)
    assert states.find_state(root) is None
    save(root, 3, best=None)
    save(root, 6, best=1.5)
    state = states.find_state(root)
    assert state is not None
    assert (state.step, state.facts["best"]) == (6, 1.5)
    assert len(list(root.glob("state-*"))) == 1
    (state.folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="start anew"):
        states.load_state(state, *make())


def begin(root: Path) -> None:
    """Begin a training that does not go on."""
    with states.hold_states(root):
        pass


def test_two_trainings_of_one_folder_do_not_meet(tmp_path: Path) -> None:
    root = tmp_path / "out.training"
    with states.hold_states(root):
        with pytest.raises(LockHeldError, match="is being written by another command") as caught:
            begin(root)
        assert_one_clear_line(caught.value)
    begin(root)


def test_folder_of_states_is_removed_once_training_is_done(tmp_path: Path) -> None:
    root = states.place_states(tmp_path / "out")
    begin(root)
    save(root, 7)
    (root / "unfinished-candidate").mkdir()
    assert states.place_states(tmp_path / "out") == root
    states.clear_states(root)
    assert list(tmp_path.iterdir()) == []


def test_what_lies_among_the_states_and_is_none_is_kept(tmp_path: Path) -> None:
    root = states.place_states(tmp_path / "out")
    begin(root)
    save(root, 7)
    (root / "mine.txt").write_text("precious")
    states.clear_states(root)
    assert [one.read_text() for one in root.iterdir()] == ["precious"]
    with pytest.raises(UsageError, match=r"holds mine\.txt") as caught:
        states.place_states(tmp_path / "out")
    assert_one_clear_line(caught.value)


def test_folder_that_is_no_trainings_opens_no_way_to_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out.training").mkdir()
    (tmp_path / "free.training").mkdir()
    for targets in (["out"], ["free", "out"]):
        with pytest.raises(UsageError, match="out is there already"):
            states.place_states(*(tmp_path / one for one in targets))
    begin(states.place_states(tmp_path / "free"))
    assert states.place_states(tmp_path / "free", tmp_path / "out") == tmp_path / "free.training"


def test_what_is_made_together_lies_on_one_disk(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # nothing is written there
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    with pytest.raises(UsageError, match="on another disk") as caught:
        states.place_states(tmp_path / "reader", other / "hybrid-no-such" / "encoder")
    assert_one_clear_line(caught.value)


def test_place_is_beside_what_is_made_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert states.name_states(Path()) == Path(f"{tmp_path}.training")
    assert states.name_states(Path("/")) == Path("/.training")
    assert states.name_states(Path("out")) == tmp_path / "out.training"


def fill(path: Path) -> None:
    with states.new_file(path) as fresh:
        torch.save(dict(make()[0].state_dict()), fresh)


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    with room(4096):
        for name in ("state", "old"):
            with (
                pytest.raises(HybridError, match="cannot be written") as caught,
                states.new_file(tmp_path / name) as fresh,
            ):
                torch.save(dict(make()[0].state_dict()), fresh)
            assert_one_clear_line(caught.value)
        with pytest.raises(HybridError, match="cannot be written"):
            save(tmp_path / "root", 3)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["old", "root"]
    assert (tmp_path / "old").read_text() == "old"
    assert list((tmp_path / "root").iterdir()) == []
    with pytest.raises(HybridError, match="Not a directory"):
        begin(tmp_path / "old" / "states")


def test_states_that_cannot_be_removed_are_told(tmp_path: Path) -> None:
    begin(tmp_path / "out.training")
    (tmp_path / "out.training" / "state-00000003").write_text("no folder")
    with pytest.raises(HybridError, match="cannot be written") as caught:
        states.clear_states(tmp_path / "out.training")
    assert_one_clear_line(caught.value)
