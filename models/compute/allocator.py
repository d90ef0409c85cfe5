"""Keep freed memory for the next step: on a CPU much of a training step goes into page faults.

glibc gives each large tensor back to the kernel when it is freed and asks for zeroed pages when the
next one comes. What it is worth is part of the ratio that `python benchmarks/step.py` prints.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Tell glibc, for this process, to serve all memory from its heap and to keep what is freed.

    Returns:
        Whether it was told; False where the C library is another.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
