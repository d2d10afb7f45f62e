"""A file that only grows, by whole records."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from ..errors import PlainError

_NO_PERMISSION = (
    "{path} may not be written.",
    "Choose another output_dir, or change the permissions of this one.",
)
_EXPLANATIONS = {
    errno.ENOSPC: ("The disk is full: {path} could not be written.", "Free some space."),
    errno.EDQUOT: ("The disk quota is used up: {path} could not be written.", "Free some space."),
    errno.EFBIG: ("{path} may not grow any further.", "Raise the limit on the size of files."),
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: ("{path} lies on a read-only file system.", "Choose another output_dir."),
    errno.EEXIST: ("{path} is there already.", "Choose another output_dir, or resume that run."),
}


class DiskError(PlainError):
    """What went wrong while a run directory was written; nothing half-written is left behind."""

    def __init__(self, path: Path, cause: OSError) -> None:
        unknown = ("{path} can't be written: " + str(cause.strerror), "See the log.")
        what, then = _EXPLANATIONS.get(cause.errno or 0, unknown)
        super().__init__(what.format(path=path), then)


class AppendFile:
    """A record is all there or not at all.

    What a failed write left behind is cut off before anything else is written.

    Args:
        path: the file
        size: bytes of whole records it has; what comes after them is cut off. None: the file is
            made, and must not be there yet

    Raises:
        DiskError: the file can't be opened
    """

    def __init__(self, path: Path, size: int | None) -> None:
        self.path = path
        self.size = size or 0
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(path, flags | (os.O_EXCL if size is None else 0), 0o666)
            os.ftruncate(self._file, self.size)
        except OSError as error:
            raise DiskError(path, error) from error
        self._torn = False

    def append(self, record: bytes) -> int:
        """Appends one record and says where it begins, in bytes.

        Raises:
            DiskError: nothing of it was written
        """
        offset = self.size
        try:
            if self._torn:
                os.ftruncate(self._file, offset)
            self._torn = True
            os.lseek(self._file, offset, os.SEEK_SET)
            left = memoryview(record)
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, offset)
                self._torn = False
            raise DiskError(self.path, error) from error
        self._torn = False
        self.size = offset + len(record)
        return offset

    def sync(self) -> None:
        """Waits until everything so far is on the disk itself."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise DiskError(self.path, error) from error

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)
