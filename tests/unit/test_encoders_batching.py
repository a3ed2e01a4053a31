"""Batches keep to their budget, waste little on padding, and lose nothing."""

from hypothesis import given
from hypothesis import strategies as st

from hybrid.encoders.batching import plan_batches

lengths_of_texts = st.lists(st.integers(0, 600), max_size=300)
budgets = st.integers(1, 10_000)


@given(lengths_of_texts, budgets)
def test_every_text_is_in_one_batch(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, budget)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert all(batches)


@given(lengths_of_texts, budgets)
def test_padded_batch_keeps_to_the_budget_unless_it_is_one_text(lengths: list[int], budget: int) -> None:
    for batch in plan_batches(lengths, budget):
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= budget


@given(lengths_of_texts, budgets)
def test_longest_come_first_and_like_lengths_together(lengths: list[int], budget: int) -> None:
    planned = [lengths[place] for batch in plan_batches(lengths, budget) for place in batch]
    assert planned == sorted(lengths, reverse=True)


@given(lengths_of_texts, budgets)
def test_no_batch_could_have_taken_the_next_text(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, budget)
    for batch in batches[:-1]:
        longest = max(1, *(lengths[place] for place in batch))
        assert (len(batch) + 1) * longest > budget


def test_texts_of_one_length_keep_their_order() -> None:
    assert plan_batches([5, 5, 5, 5], 10) == [[0, 1], [2, 3]]
    assert plan_batches([], 10) == []
