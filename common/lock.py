"""A file that says which process is at work under a name, so that no two are."""
import os
import re
import socket
import time
from pathlib import Path
from typing import ClassVar


class Lock:
    """Within it `path` says which process, on which computer, is at work: `process 4711 on lab3`.

    OSError where a process that lives has it. One that was killed leaves its file, which is taken over; so is, with a
    line that says so, that of another computer, whose processes cannot be seen. Who was wrongly taken for dead finds
    out in `check`. A fork's child does not release what its parent holds.
    """

    held: ClassVar[set] = set()     # (process, path): what this process holds; an older one may have had its number

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        self.key = os.getpid(), os.path.realpath(self.path)
        self.text = f'process {os.getpid()} on {socket.gethostname()}\n'
        self.take()
        return self

    def __exit__(self, *_):
        self.file.close()
        if self.key[0] == os.getpid():
            self.held.discard(self.key)
            if self.owner() == self.text:
                self.path.unlink(missing_ok=True)

    def take(self):
        while True:
            try:
                self.file = open(self.path, 'x', encoding='utf-8')      # noqa: SIM115  (open as long as it is held)
                break
            except FileExistsError:
                self.make_free()
        try:
            self.file.write(self.text)
            self.file.flush()
        except BaseException:       # a full disk
            self.file.close()
            self.path.unlink(missing_ok=True)
            raise
        self.held.add(self.key)

    def check(self):
        """OSError where another has taken it over. A file that somebody deleted is made again."""
        owner = self.owner()
        if owner is None:
            self.file.close()
            self.take()
        elif owner != self.text:
            raise OSError(f'{self.path} was taken over by {owner.strip()}: two at once would write the same files')

    def owner(self):
        """What the file says; None where there is none."""
        try:
            return self.path.read_text('utf-8', 'replace')
        except FileNotFoundError:
            return None

    def make_free(self):
        """Remove the file of a process that has ended; OSError where it has not, or the file is none of ours."""
        for _ in range(10):
            owner = self.owner()
            if owner is None:
                return
            if owner:
                break
            time.sleep(0.05)        # it is just being written; an empty one was left by a kill, or a full disk
        found = re.fullmatch(r'process ([1-9]\d*) on (\S+)\n', owner)
        if owner and not found:
            raise OSError(f'{self.path} is in the way: expected nothing, or the lock of a training, got another file')
        if found and (found[2] == socket.gethostname() or os.name == 'nt') and self.is_alive(int(found[1])):
            raise OSError(f'{self.path} is held by {owner.strip()}, another training of that name: wait for its end, '
                          'choose another name, or delete the file where that is no training')
        if found and found[2] != socket.gethostname():
            print(f'{self.path} is held by {owner.strip()}, which cannot be asked from here: it is taken over')
        self.path.unlink(missing_ok=True)

    def is_alive(self, process):
        if process == os.getpid():
            return self.key in self.held
        if os.name == 'nt':     # where os.kill ends a process, but a file that is open cannot be removed
            try:
                self.path.unlink(missing_ok=True)
                return False
            except PermissionError:
                return True
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:     # somebody else's
            pass
        return True
