"""What the machine can do, read from what Linux says of it."""

import pytest

from hybrid.encoders.machine import count_cpus, cpu_has_bf16


@pytest.mark.parametrize(
    ("described", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sse\n", True),
        ("flags : fpu amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16", True),
        ("flags : fpu avx2 avx512f avx512_vnni", False),
        ("model name : a processor with bf16 in its name\nflags : fpu", False),
        ("", False),
    ],
)
def test_bf16_is_read_from_the_processors_flags(described: str, has: bool) -> None:
    assert cpu_has_bf16(described) is has


def test_container_is_given_its_share_of_processors() -> None:
    everything = count_cpus("max 100000\n")
    assert everything >= 1
    assert count_cpus("") == everything
    assert count_cpus("100000 100000\n") == 1
    assert count_cpus("50000 100000\n") == 1
    assert count_cpus("100000000 100000\n") == everything


def test_this_machine_can_be_asked() -> None:
    assert cpu_has_bf16() in (True, False)
    assert count_cpus() >= 1
