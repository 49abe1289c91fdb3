"""The machine that is measured on: what it is, its clock, its memory."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable
from typing import Any

from animRL.utils.machine import gpu, processor, versions

MEBIBYTE = 2**20


def describe(device: Any, engine_threads: int) -> dict[str, Any]:
    """Threads, hardware and versions, as every figure carries them.

    Args:
        device: torch's, on which the figures arise.
        engine_threads: of the engine; 0: one a core.
    """
    import torch

    return {
        "threads": {"engine": engine_threads or os.cpu_count(), "torch": torch.get_num_threads()},
        "hardware": {"processor": processor(), "cores": os.cpu_count(), **gpu(device)},
        "versions": {"python": platform.python_version(), **versions()},
    }


def print_machine(report: dict[str, Any]) -> None:
    """Print what ``describe`` found, in one line."""
    installed = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    print(
        f"  {report['hardware']['processor']}, {report['hardware']['cores']} cores; {installed}",
        flush=True,
    )


def time_calls(device: Any, function: Callable[[Any], Any], inputs: list[Any]) -> float:
    """Seconds of the calls, with all that they started on a GPU and nothing from before."""
    wait_for(device)
    start = time.perf_counter()
    for value in inputs:
        function(value)
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: Any) -> None:
    """Wait until a GPU (not merely torch's present one) has done all its work, Warp's included."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forget_memory() -> None:
    """Free what an earlier measurement left, and begin torch's peak anew."""
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        for index in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(index)


def memory(device: Any) -> dict[str, float]:
    """Mebibytes: peak of the process; on a GPU peaks of torch and Warp, and all that is in use.

    Peaks of the process and of Warp are those since the start.
    """
    import resource

    found = {"process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if device.type == "cuda":
        import torch
        import warp as wp

        free, total = torch.cuda.mem_get_info(device)
        found["gpu_torch_peak_mib"] = torch.cuda.max_memory_reserved(device) / MEBIBYTE
        own = wp.device_from_torch(device)
        if own.is_mempool_supported:
            found["gpu_warp_peak_mib"] = wp.get_mempool_used_mem_high(own) / MEBIBYTE
        found["gpu_in_use_mib"] = (total - free) / MEBIBYTE
    return {name: round(value, 1) for name, value in found.items()}
