"""Processor threads: the number that libraries may use.

The number decides in which order sums are added, and so their last bits: the same experiment gives the same bits with
the same number of threads, which every record names. It therefore follows from what does not change between two runs on
a machine (``--threads``, ``OMP_NUM_THREADS``, the affinity of the process, the quota of its control group). What the
machine happens to do at the moment only leads to a warning.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
"""Read by PyTorch, NumPy and SciPy, by MKL, and by the tokenizers, when each is imported or first used."""
_CGROUPS = Path("/sys/fs/cgroup")


def use_threads(count: int | None) -> int | None:
    """Limit the threads of all libraries in this process and in those that it starts; ``None`` changes nothing.

    Args:
        count: threads.

    Returns:
        ``count``.
    """
    if count is not None:
        os.environ.update(dict.fromkeys(VARIABLES, str(count)))
        if torch := sys.modules.get("torch"):  # it has read the variables already
            torch.set_num_threads(count)
    return count


def use_quota() -> None:
    """Limit the threads to the processor time that the control group of a container grants, unless a number is set.

    Libraries see all cores of the machine, and threads beyond the quota stop each other.
    """
    if _configured() is None and (quota := _quota()) is not None and quota < _affinity():
        use_threads(quota)


def available_threads() -> int:
    """Return threads that this process may run at once."""
    return _configured() or min(_affinity(), _quota() or sys.maxsize)


def default_threads() -> int:
    """Return the number of PyTorch's threads if it is imported, and otherwise of those that this process may use."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else available_threads()


def share_of_threads(processes: int) -> int:
    """Return threads for each of some processes at once."""
    return max(1, available_threads() // processes)


def busy_warning() -> str | None:
    """Return a warning if the machine does other work, which slows down threads that wait for each other."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    free = max(1, round(cores - load))
    if available_threads() <= free:
        return None
    return (
        f"warning: other programs keep about {load:.1f} of {cores} cores busy (load average); "
        f"--threads {free} may be faster"
    )


def _configured() -> int | None:
    """``OMP_NUM_THREADS``, which may have a number for each level of nested loops."""
    first = os.environ.get(VARIABLES[0], "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota() -> int | None:
    """Return whole cores that the control groups of this process grant (version 2, then 1), at least one."""
    found = [time / period for time, period in _limits() if time > 0 and period > 0]
    return max(1, int(min(found))) if found else None


def _limits() -> Iterator[tuple[int, int]]:
    """Microseconds of processor time, and of which period, by every limit that is set."""
    for folder in _groups():
        parts = _read(folder / "cpu.max").split()
        if len(parts) == 2 and all(part.isdecimal() for part in parts):  # "max" stands for no limit
            yield int(parts[0]), int(parts[1])
    for folder in (_CGROUPS / "cpu", _CGROUPS / "cpu,cpuacct"):
        time, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
        if time.isdecimal() and period.isdecimal():  # -1 stands for no limit
            yield int(time), int(period)


def _groups() -> Iterator[Path]:
    """Yield the control group (version 2) of this process and its parents; a container sees its own as the root."""
    own = next((line[3:].strip("/") for line in _read(Path("/proc/self/cgroup")).splitlines() if line[:3] == "0::"), "")
    folder = _CGROUPS / own
    yield from (folder, *folder.parents) if ".." not in folder.parts else (_CGROUPS,)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
