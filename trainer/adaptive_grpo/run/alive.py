"""Whether a process of this machine lives."""

from __future__ import annotations

import os
import sys


def process_lives(pid: int) -> bool:
    """Whether a process other than this one has that id now; on Windows, whether it may."""
    if pid == os.getpid():
        return False
    if sys.platform == "win32":
        return _lives_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lives_on_windows(pid: int) -> bool:
    """`os.kill` would end the process there."""
    if sys.platform != "win32":
        return False
    import ctypes

    query, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32
    handle = kernel.OpenProcess(query, False, pid)
    if not handle:
        return False
    try:
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        return code.value == still_active
    finally:
        kernel.CloseHandle(handle)
