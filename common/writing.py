"""A file takes its name once all of it is on disk: whoever looks finds the old one or the new one, never a half."""
import os
import platform
import re
import secrets
import stat
import time
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

LOADED = time.time()    # when this process began to write


@contextmanager
def replacing(path):
    """A file open for writing beside `path`, which takes its place once all of it is on disk.

    A link stays a link: what it leads to is written. A file that was there gives the new one its permissions. OSError
    where none can be written, see check_target.

    Until then it is called .NAME.MACHINE-PID-…, after this machine's name (a number made of it) and this process. A
    process that is killed leaves it behind, and the next save of that name on this machine clears it away.
    """
    path = check_target(path)
    _clear_leftovers(path)
    part = path.with_name(f'.{path.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}')
    try:
        with open(part, 'xb', opener=_as_private if path.exists() else None) as file:
            if path.exists():
                os.chmod(part, stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (str(part), None):      # None: a full disk
            error.filename = str(path)      # the name that the reader knows
        raise


def check_target(path) -> Path:
    """Where a file of this name is written, links followed.

    OSError where it cannot be: there is no folder, or one that may not be written, or what is there is a folder, a
    pipe or a device, or may not be written. So that who trains for hours can ask first.
    """
    try:
        target = Path(os.path.realpath(path))
    except FileNotFoundError:
        raise FileNotFoundError(f'{path} cannot be written: the current folder was deleted') from None
    folder = target.parent
    if not folder.is_dir():
        raise FileNotFoundError(f'{target} cannot be written: there is no folder {folder}')
    if os.path.lexists(target) and not target.is_file():        # a link that leads to itself is one, too
        raise OSError(f'{target} cannot be written: expected a regular file or nothing there, got something else')
    if not os.access(target if target.exists() else folder, os.W_OK) or not os.access(folder, os.W_OK):
        raise PermissionError(f'{target} cannot be written: the file, or its folder, is read-only')
    return target


def _as_private(name, flags):
    return os.open(name, flags, 0o600)


def _machine():
    """Another machine may write into the same folder, over a network: its processes are not seen from here."""
    return f'{zlib.crc32(platform.node().encode()):08x}'


def _clear_leftovers(path):
    """Remove what processes of this machine that are no more left of files of this name."""
    pattern = re.compile(re.escape(f'.{path.name}.{_machine()}-') + r'(\d{1,9})-[0-9a-f]{8}')
    with suppress(OSError):     # a folder that cannot be listed, or a part that another process has just cleared away
        for name in os.listdir(path.parent):
            found = pattern.fullmatch(name)
            if found and _is_left(path.with_name(name), int(found[1])):
                path.with_name(name).unlink(missing_ok=True)


def _is_left(part, pid):
    """Whether nobody writes into this part any more: its process is dead, or is this one, which began later."""
    if pid == os.getpid():
        return part.stat().st_mtime < LOADED
    return not is_alive(pid)


def is_alive(pid) -> bool:
    """Whether there is a process of this number on this machine. On Windows, where asking would end it: always yes."""
    if os.name == 'nt':
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:     # it is somebody else's
        return True
    return True
