"""Batches for a model: texts of like length together, as many as a budget of tokens allows."""

from collections.abc import Sequence

#: Padded tokens of a batch: what stays in the caches of one processor or of all, and what fills a GPU.
ONE_CPU_TOKENS = 512
CPU_TOKENS = 2048
GPU_TOKENS = 65_536


def plan_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut positions into batches, longest first; padded to its longest, a batch keeps to ``budget`` or has one text.

    The longest come first, so that a lack of memory shows at once.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        count = max(1, budget // max(1, lengths[order[start]]))
        batches.append(order[start : start + count])
        start += count
    return batches
