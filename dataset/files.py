"""Where data and weight files live, and how a missing one is fetched: whole and checked, or not at all.

Which files there are, each data module says itself.
"""
import codecs
import hashlib
import http.client
import io
import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common.checks import InputError, naming_memory, open_regular
from dataset.encodings import check_encoding, likely_encoding


class Source(NamedTuple):
    """A file as it must be: its path below folder(), where it is served, its length in bytes and its SHA-256.

    Of a file in gzip, whose name ends in .gz, size and sha256 are those of what it holds, for each compressor makes
    another file of the same; gzip_size is the length of the one that is served.
    """

    name: str
    url: str
    size: int
    sha256: str
    gzip_size: int = 0

    @property
    def served(self) -> int:
        """The length of the file that url serves."""
        return self.gzip_size or self.size

    @property
    def largest(self) -> int:
        """The bytes that the file has at most: gzip adds some 5 to each 16 KB that it cannot make smaller."""
        return self.size + self.size // 1000 + 1000 if self.gzip_size else self.size


class RedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follows a redirect without reading the text that comes with it, which could be without end."""

    def http_error_302(self, request, response, *args):
        response.read = bytes       # what urllib would read: nothing
        return super().http_error_302(request, response, *args)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


# All that a fetch may use. There is no handler for plain http, so a redirect to it ends in an error.
HANDLERS = [urllib.request.ProxyHandler, urllib.request.UnknownHandler, urllib.request.HTTPDefaultErrorHandler,
            RedirectHandler, urllib.request.HTTPErrorProcessor, urllib.request.HTTPSHandler]

TRIES = 3
PAUSE = 0.5             # seconds before the second try, twice as long before the third
SOCKET_TIMEOUT = 20     # seconds for one answer of the network
TOTAL_TIMEOUT = 300     # seconds for a file, all tries together
GZIP = b'\x1f\x8b'      # how a file in gzip begins
BLOCK = 2**14           # bytes of a text that are read at once: few, so that their words stay in the cache


def folder() -> Path:
    """The folder of all data: what DLFS2_DATA names, else `dlfs2` in the user's cache folder."""
    named = os.environ.get('DLFS2_DATA')
    try:
        return (Path(named).expanduser() if named else _cache()).absolute()
    except RuntimeError:        # ~somebody who is not there, or a user without a home folder
        raise InputError(f'DLFS2_DATA: expected a folder, got {named!r}: there is no such home folder') from None


def _cache() -> Path:
    if sys.platform == 'win32':
        cache = os.environ.get('LOCALAPPDATA') or Path.home() / 'AppData' / 'Local'
    elif sys.platform == 'darwin':
        cache = Path.home() / 'Library' / 'Caches'
    else:
        cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(cache) / 'dlfs2'


def get(source: Source, advice: str = '') -> Path:
    """The path of a data file: found below folder(), else fetched into it.

    What is found is hashed each time (5 MB take some 10 ms). A damaged file is fetched anew in our own cache
    folder, and left alone in a folder that DLFS2_DATA names. OSError where it cannot be had; the advice, what to do
    without it, is the last line of its message.
    """
    return _find(source, advice, TOTAL_TIMEOUT)[0]


def content(source: Source, advice: str = '', seconds: float | None = None) -> bytes:
    """What the data file of get() holds, unpacked; of one in gzip, the unpacked file will do in its place.

    seconds: how long a fetch may take, all tries together; TOTAL_TIMEOUT where it is None.
    """
    return _find(source, advice, TOTAL_TIMEOUT if seconds is None else seconds)[1]


def places(source: Source) -> list[Path]:
    """Where the file may lie; one in gzip also unpacked, without .gz."""
    path = folder() / source.name
    return [path.with_suffix(''), path] if source.gzip_size else [path]


def _find(source: Source, advice: str, seconds: float) -> tuple[Path, bytes]:
    """The path and the content of a data file, see get() and content()."""
    path = folder() / source.name
    for place in places(source):
        data = _whole(place, source)
        if data is not None:
            return place, data
    for place in places(source):
        if place.exists() and os.environ.get('DLFS2_DATA'):
            unpacked = 'unpacked, ' * bool(source.gzip_size)
            raise OSError(f'{place} differs from the file expected there ({unpacked}SHA-256 {source.sha256}): move it '
                          'away, and it will be fetched anew.')
    if path.exists() and not path.is_file():
        raise OSError(f'{path}: expected a regular file or nothing there, got something else')
    if source.served > 2_000_000:       # a smaller one is there before the line is read
        print(f'fetching {source.url} ({source.served / 1e6:.1f} MB)')
    deadline = time.monotonic() + seconds
    for attempt in range(TRIES):
        time.sleep(attempt * PAUSE)
        try:
            return path, _fetch(source, path, deadline)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            data = _whole(path, source)
            if data is not None:        # another process was there first
                return path, data
            reason = ' '.join(str(error).split()) or type(error).__name__
        if time.monotonic() > deadline:
            break
    raise OSError(f'{source.name} is not at hand and could not be fetched: {reason}\n'
                  f'By hand: get {source.url} and put it at {path}' + f'\n{advice}' * bool(advice))


def text_blocks(file, encoding: str = 'utf-8', advice: str = '--encoding {}') -> Iterator[str]:
    """The text of a file, open for reading bytes, with or without a byte order mark, in blocks of some BLOCK
    characters; a line ends with one \\n in it, however it did.

    ValueError, with the place and the encoding that it may be in, for a file that is not in this one or holds a NUL;
    advice: what to do then, {} being the encoding's name.
    """
    check_encoding(encoding)
    name = 'UTF-8' if encoding == 'utf-8' else encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    start, data = 0, None
    while data != b'':
        data = file.read(BLOCK)
        before = start - len(decoder.getstate()[0])     # a character may stand at the border of two blocks
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeError as error:       # a plain one where UTF-16 has no byte order mark
            found = f'{error.reason} at byte {before + error.start}' if isinstance(error, UnicodeDecodeError) else error
            raise InputError(f'{file.name}: expected {name}, got {found}' + _better(file, encoding, advice)) from None
        if '\0' in text:        # as it stands, but seen only in other kinds of files: UTF-16, pictures, archives
            at = f' at byte {start + data.index(0)}' * (encoding == 'utf-8')
            raise InputError(f'{file.name}: expected a text, got a NUL{at}' + _better(file, encoding, advice))
        if '\x1b$' in text:     # ISO-2022-JP, which is ASCII too
            raise InputError(f'{file.name}: expected a text in {name}, got escapes' + _better(file, encoding, advice))
        yield newlines.decode(text if start else text.removeprefix('\ufeff'), final=not data)
        start += len(data)


def _better(file, encoding, advice) -> str:
    """What an error says of the encoding that a file, open for reading, seems to be in; nothing if none is likely."""
    file.seek(0)
    likely = likely_encoding(file.read(2**16))
    return '' if likely in (None, encoding) else f'; it looks like {likely}: {advice.format(likely)}'


def read_text(path: Path) -> str:
    """The whole text of a file in UTF-8, see text_blocks."""
    with open_regular(path) as file, naming_memory(path):
        return ''.join(text_blocks(file, advice='save it as UTF-8'))


def find_weights(*stems: str, made_by: str) -> Path:
    """The path of a weight file that a script such as 'ch06.train_rnnlm' makes: the first of stem.npz, stem.pkl.

    Looked for in the current folder, in the chapter's folder beside and below it, and in folder()/weights. Of several
    stems in one place, that of the file written last.
    """
    chapter = made_by.split('.')[0]
    for place in (Path(), Path('..', chapter), Path(chapter), folder() / 'weights'):
        found = {stem: path for stem in stems for ending in ('.pkl', '.npz')
                 if (path := place / (stem + ending)).is_file()}
        if found:
            return max(found.values(), key=lambda path: path.stat().st_mtime)
    raise FileNotFoundError(f'{" or ".join(stems)}.npz (or .pkl) is neither here, nor in {chapter}, nor in '
                            f'{folder() / "weights"}: python -m {made_by} makes it'
                            + ''.join(f' (what a stopped one learnt is in {name}: --params {name})' for stem in stems
                                      if Path(name := f'{stem}_interrupted.npz').is_file()))


def _whole(path: Path, source: Source) -> bytes | None:
    """What the file at path holds, unpacked, or None where there is none, or it is not the source's."""
    if not path.is_file() or path.stat().st_size > source.largest:
        return None
    with open_regular(path) as file:
        data = file.read(source.largest + 1)
    try:
        return _checked(data, source)
    except OSError:
        return None


def _checked(data: bytes, source: Source) -> bytes:
    """The content of a file, unpacked if it is in gzip; OSError, with the reason, if it is not the source's."""
    if source.gzip_size and data.startswith(GZIP):
        unpacker = zlib.decompressobj(wbits=31)     # 31: gzip, with its own checksum
        try:
            unpacked = unpacker.decompress(data, source.size + 1)       # a bomb costs one byte more than the true file
        except zlib.error as error:
            raise OSError(f'what came is no whole gzip: {error}') from None
        if len(unpacked) <= source.size and (not unpacker.eof or unpacker.unused_data):
            raise OSError(f'what came is no whole gzip, or has more behind its end: {len(data)} bytes')
        data = unpacked
    if len(data) != source.size:
        raise OSError(f'{"over " * (len(data) > source.size)}{min(len(data), source.size)} bytes came, '
                      f'not {source.size}')
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise OSError('what came has another SHA-256 than the file should have')
    return data


def _fetch(source: Source, path: Path, deadline: float) -> bytes:
    """Reads source.url, checks it and moves it to path; nothing is left behind when that fails. Returns its content."""
    path.parent.mkdir(parents=True, exist_ok=True)      # before the download, which would be for nothing
    data = bytes(_read(source, deadline))
    unpacked = _checked(data, source)
    part = path.with_name(f'{path.name}.{secrets.token_hex(8)}.part')
    try:
        with open(part, 'xb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return unpacked


def _read(source: Source, deadline: float) -> bytearray:
    """What source.url serves, one byte more than the file has at most.

    Read in a thread, which is left to itself at the deadline: SOCKET_TIMEOUT starts anew with every byte that comes, so
    that a server which sends its headers byte by byte, or interim answers without end, would hold us for hours.
    """
    opener = urllib.request.OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    data = bytearray()
    errors = []
    start = time.monotonic()

    def read():
        try:
            with opener.open(source.url, timeout=SOCKET_TIMEOUT) as response:
                # read1 comes back after each answer of the network, so that the deadline is looked at
                while (time.monotonic() < deadline and len(data) <= source.largest
                       and (block := response.read1(min(2**16, source.largest + 1 - len(data))))):
                    data.extend(block)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.2)        # in short pieces, for Ctrl-C waits for the end of one on Windows
    if errors:
        raise errors[0]
    if len(data) < source.served and time.monotonic() > deadline:
        raise TimeoutError(f'only {len(data)} of {source.served} bytes came in {round(deadline - start, 1):g} s')
    return data
