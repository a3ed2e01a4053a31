"""What this machine can do for a model, found out without loading anything."""

import os
import sys
from pathlib import Path

#: bf16 in hardware: Intel's AMX and AVX-512, and AMD's; ``bf16`` is ARM's word.
_BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
_FLAG_LINES = ("flags", "Features")
_CPU_INFO = Path("/proc/cpuinfo")
#: What the drivers of GPUs that torch can use leave behind: NVIDIA's, AMD's, and Windows' for Linux.
_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def cpu_has_bf16(cpu_info: str | None = None) -> bool:
    """Tell whether the processor multiplies bf16 numbers; ``cpu_info`` is Linux' description, False elsewhere."""
    described = _read(_CPU_INFO) if cpu_info is None else cpu_info
    for line in described.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() in _FLAG_LINES:
            return bool(_BF16_FLAGS & set(flags.split()))
    return False


def may_have_gpu() -> bool:
    """Tell whether it is worth to ask torch for GPUs, which takes seconds and half a gigabyte."""
    return sys.platform == "win32" or any(path.exists() for path in _GPU_DRIVERS)


def count_cpus(limit: str | None = None) -> int:
    """Give how many processors this process may keep busy: those it may run on, within its container's share."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = (_read(_CPU_LIMIT) if limit is None else limit).partition(" ")
    if quota.strip().isdigit() and period.strip().isdigit():
        return max(1, min(allowed, int(quota) // int(period)))
    return allowed


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
