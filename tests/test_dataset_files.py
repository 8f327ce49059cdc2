"""dataset.files: places, and fetching against a server of our own on the loopback interface."""
import contextlib
import hashlib
import http.server
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from dataset import files
from tests.hostile import within

NAME = 'ptb/ptb.test.txt'
TEXT = bytes(range(256)) * 1000


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with the next of `replies`; the last one stays.

    A reply is (status, body, length claimed), or a function of the handler, which may go on until `stopped`.
    """

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.replies, self.asked, self.stopped = [], [], False
        self.url = f'http://127.0.0.1:{self.server_port}/file'


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        replies = self.server.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if callable(reply):
            with contextlib.suppress(OSError):      # the client has gone
                reply(self)
            return
        status, body, length = reply
        self.send_response(status)
        self.send_header('Content-Length', str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.stopped = True
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Our own cache folder, empty, on any system."""
    monkeypatch.delenv('DLFS2_DATA', raising=False)
    monkeypatch.setattr(files.sys, 'platform', 'linux')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'dlfs2'


@pytest.fixture
def served(server, cache, monkeypatch):
    """The server with a source of a file NAME on it; plain http allowed, no proxies, no pauses."""
    server.source = files.Source(NAME, server.url, len(TEXT), hashlib.sha256(TEXT).hexdigest())
    monkeypatch.setattr(files, 'HANDLERS', [*files.HANDLERS, urllib.request.HTTPHandler])
    monkeypatch.setattr(files, 'PAUSE', 0)
    monkeypatch.setenv('no_proxy', '*')
    server.replies = [(200, TEXT, len(TEXT))]
    return server


def left_behind(cache):
    return sorted(path.name for path in cache.rglob('*') if path.is_file())


def test_folder(tmp_path, monkeypatch, cache):
    assert files.folder() == cache
    monkeypatch.setenv('DLFS2_DATA', 'mine')
    assert files.folder() == tmp_path / 'mine'
    monkeypatch.delenv('DLFS2_DATA')
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setattr(files.Path, 'home', lambda: tmp_path)
    assert files.folder() == tmp_path / '.cache' / 'dlfs2'
    monkeypatch.setattr(files.sys, 'platform', 'darwin')
    assert files.folder() == tmp_path / 'Library' / 'Caches' / 'dlfs2'
    monkeypatch.setattr(files.sys, 'platform', 'win32')
    monkeypatch.setenv('LOCALAPPDATA', str(tmp_path / 'local'))
    assert files.folder() == tmp_path / 'local' / 'dlfs2'


def test_fetched_once(served, cache, capsys):
    path = files.get(served.source)
    assert path == cache / NAME and path.read_bytes() == TEXT
    assert files.get(served.source) == path
    assert len(served.asked) == 1 and left_behind(cache) == ['ptb.test.txt']
    assert capsys.readouterr().out == ''


def test_500_twice_then_well(served):
    served.replies = [(500, b'', 0), (500, b'', 0), (200, TEXT, len(TEXT))]
    assert files.get(served.source).read_bytes() == TEXT
    assert len(served.asked) == 3


@pytest.mark.parametrize(('reply', 'says'), [
    ((500, b'', 0), 'HTTP Error 500'),
    ((200, TEXT[:-1] + b'!', len(TEXT)), 'SHA-256'),
    ((200, TEXT[:1000], len(TEXT)), f'1000 bytes came, not {len(TEXT)}'),
    ((200, TEXT + b'!' * 10**6, len(TEXT) + 10**6), f'over {len(TEXT)} bytes came'),
])
def test_what_fails_three_times(served, cache, reply, says):
    served.replies = [reply]
    with pytest.raises(OSError) as caught:
        files.get(served.source, 'Without it: draw your own')
    lines = str(caught.value).split('\n')
    assert len(lines) == 3
    assert NAME in lines[0] and says in lines[0]
    assert served.url in lines[1] and str(cache / NAME) in lines[1]
    assert lines[2] == 'Without it: draw your own'
    assert len(served.asked) == 3 and left_behind(cache) == []


def without_end(handler, block=bytes(2**16), pause=0.0):
    while not handler.server.stopped:
        handler.wfile.write(block)
        time.sleep(pause)


def body_without_end(handler):
    handler.send_response(200)
    handler.end_headers()
    without_end(handler)


def gone_in_the_middle(handler):
    handler.send_response(200)
    handler.send_header('Content-Length', str(len(TEXT)))
    handler.end_headers()
    handler.wfile.write(TEXT[:5000])
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    handler.connection.close()


def redirect_to_itself(handler):
    handler.send_response(302)
    handler.send_header('Location', '/file')
    handler.end_headers()
    without_end(handler)


def not_http(handler):
    handler.wfile.write(b'\0' * 10**5 + b'\n')


def empty(handler):
    pass


@pytest.mark.parametrize(('reply', 'says'), [
    (body_without_end, f'over {len(TEXT)} bytes came'), (gone_in_the_middle, ''), (redirect_to_itself, '302'),
    (not_http, 'status line'), (empty, 'without response'), ((404, b'Not Found', 9), 'HTTP Error 404'),
    ((204, b'', 0), '0 bytes came'), ((200, b'', 0), '0 bytes came')])
def test_an_answer_that_is_no_file_leaves_nothing(served, cache, reply, says):
    start = time.monotonic()
    served.replies = [reply]
    with pytest.raises(OSError, match=f'could not be fetched: .*{says}') as caught:
        files.get(served.source)
    assert len(str(caught.value).split('\n')) == 2 and len(str(caught.value)) < 1000
    assert left_behind(cache) == [] and time.monotonic() - start < 10
    served.replies = [(200, TEXT, len(TEXT))]
    assert files.get(served.source).read_bytes() == TEXT


def test_the_text_of_a_redirect_is_not_read(served, cache):
    served.replies = [redirect_to_itself, (200, TEXT, len(TEXT))]
    assert files.get(served.source).read_bytes() == TEXT
    assert len(served.asked) == 2


def slow_body(handler):
    handler.send_response(200)
    handler.end_headers()
    without_end(handler, b'x', 0.01)


def slow_headers(handler):
    handler.wfile.write(b'HTTP/1.0 200 OK\r\nX: ')
    without_end(handler, b'x', 0.01)


def answers_that_are_not_the_last(handler):
    without_end(handler, b'HTTP/1.1 100 Continue\r\n\r\n', 0.01)


def a_chunk_without_a_length(handler):
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    without_end(handler, b'0', 0.01)


@pytest.mark.parametrize('reply', [slow_body, slow_headers, answers_that_are_not_the_last, a_chunk_without_a_length])
def test_slower_than_the_limit(served, cache, monkeypatch, reply):
    """Something comes all the time, so that no wait for the network is a long one."""
    monkeypatch.setattr(files, 'TOTAL_TIMEOUT', 0.3)
    served.replies = [reply]
    start = time.monotonic()
    with pytest.raises(OSError, match=rf'only \d+ of {len(TEXT)} bytes came in 0.3 s'):
        files.get(served.source)
    assert 0.2 < time.monotonic() - start < 3
    assert len(served.asked) == 1 and left_behind(cache) == []


@pytest.mark.parametrize('obstacle', ['dlfs2', 'dlfs2/ptb'])
def test_a_cache_folder_that_cannot_be_written(served, cache, obstacle):
    """A file stands where the folder should be: that stops root, too. Nothing is fetched for nothing."""
    path = cache.parent / obstacle
    path.parent.mkdir(parents=True)
    path.write_text('in the way')
    with pytest.raises(OSError, match=r'could not be fetched: .*(exists|directory)') as caught:
        files.get(served.source)
    assert len(str(caught.value).split('\n')) == 2 and str(path) in str(caught.value)
    assert served.asked == [] and path.read_text() == 'in the way'


@pytest.mark.skipif(os.name == 'nt', reason='limits of POSIX')
def test_a_full_disk(served, cache):
    """A limit on the size of files stands in for that of the disk; a damaged file that was there stays what it was."""
    import resource

    (cache / 'ptb').mkdir(parents=True)
    (cache / NAME).write_bytes(TEXT[:-1])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(TEXT) - 1, limits[1]))
    try:
        with pytest.raises(OSError, match=r'could not be fetched: .*too large'):
            files.get(served.source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert left_behind(cache) == ['ptb.test.txt'] and (cache / NAME).read_bytes() == TEXT[:-1]
    assert files.get(served.source).read_bytes() == TEXT


def test_two_processes_at_once(served, cache, tmp_path):
    """The server answers neither before both have asked."""
    both = threading.Barrier(2)

    def reply(handler):
        both.wait(timeout=30)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(TEXT)

    served.replies = [reply]
    code = f"""
import urllib.request
from dataset import files
files.HANDLERS.append(urllib.request.HTTPHandler)
files.sys.platform = 'linux'
print(files.get(files.Source{tuple(served.source)!r}).stat().st_size)
"""
    environment = os.environ | {'PYTHONPATH': str(Path(__file__).parents[1])}
    children = [subprocess.Popen([sys.executable, '-c', code], env=environment, stdout=subprocess.PIPE, text=True)
                for _ in range(2)]
    assert [child.communicate()[0] for child in children] == [f'{len(TEXT)}\n'] * 2
    assert not both.broken and len(served.asked) == 2
    assert (cache / NAME).read_bytes() == TEXT and left_behind(cache) == ['ptb.test.txt']


def test_no_network(served, cache):
    served.shutdown()
    served.server_close()
    with pytest.raises(OSError, match='could not be fetched') as caught:
        files.get(served.source)
    assert len(str(caught.value).split('\n')) == 2 and left_behind(cache) == []


def test_damaged_file_in_our_cache_is_fetched_anew(served, cache):
    (cache / 'ptb').mkdir(parents=True)
    (cache / NAME).write_bytes(TEXT[:-1] + b'!')
    assert files.get(served.source).read_bytes() == TEXT


def test_damaged_file_of_the_user_is_left_alone(served, tmp_path, monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    path = tmp_path / NAME
    path.parent.mkdir()
    path.write_bytes(b'my own text')
    with pytest.raises(OSError, match=r'ptb\.test\.txt differs'):
        files.get(served.source)
    assert path.read_bytes() == b'my own text' and served.asked == []


def test_two_at_once(served, cache, monkeypatch):
    """Each waits with its part written until the other's is, so that the two stand side by side."""
    both = threading.Barrier(2)
    monkeypatch.setattr(files.os, 'fsync', lambda descriptor: both.wait(timeout=5))
    threads = [threading.Thread(target=files.get, args=(served.source,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both.broken and len(served.asked) == 2
    assert (cache / NAME).read_bytes() == TEXT and left_behind(cache) == ['ptb.test.txt']


def test_another_process_was_first(served, cache, monkeypatch):
    """Where the last move fails as the file is there and open elsewhere (Windows), the file that is there is taken."""
    def replace(part, path):
        Path(path).write_bytes(TEXT)
        raise PermissionError('open elsewhere')

    monkeypatch.setattr(files.os, 'replace', replace)
    assert files.get(served.source).read_bytes() == TEXT
    assert len(served.asked) == 1 and left_behind(cache) == ['ptb.test.txt']


def test_plain_http_is_refused(served, monkeypatch):
    monkeypatch.setattr(files, 'HANDLERS', files.HANDLERS[:-1])
    with pytest.raises(OSError, match='unknown url type: http'):
        files.get(served.source)
    assert served.asked == []


@pytest.fixture
def secure(served, monkeypatch):
    """The server speaks TLS, with a certificate of localhost that this machine trusts."""
    if shutil.which('openssl') is None:
        pytest.skip('no openssl here to make a certificate with')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                    '-keyout', 'key.pem', '-out', 'cert.pem',
                    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
                    '-addext', 'keyUsage=critical,keyCertSign,digitalSignature'], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('cert.pem', 'key.pem')
    served.socket = context.wrap_socket(served.socket, server_side=True)
    monkeypatch.setattr(served, 'handle_error', lambda *args: None)     # of a client that breaks off
    monkeypatch.setenv('SSL_CERT_FILE', os.path.abspath('cert.pem'))
    monkeypatch.setattr(files, 'HANDLERS', files.HANDLERS[:-1])
    served.url = f'https://localhost:{served.server_port}/file'
    served.source = served.source._replace(url=served.url)
    return served


def test_fetched_over_tls(secure):
    assert files.get(secure.source).read_bytes() == TEXT


def test_a_certificate_that_nobody_vouches_for_is_refused(secure, cache, monkeypatch):
    monkeypatch.delenv('SSL_CERT_FILE')
    with pytest.raises(OSError, match='certificate verify failed'):
        files.get(secure.source)
    assert secure.asked == [] and left_behind(cache) == []


def test_a_certificate_of_another_host_is_refused(secure, cache, monkeypatch):
    url = secure.url.replace('localhost', '127.0.0.1')
    secure.source = secure.source._replace(url=url)
    with pytest.raises(OSError, match='certificate is not valid for'):
        files.get(secure.source)
    assert secure.asked == [] and left_behind(cache) == []


@pytest.mark.parametrize('scheme', ['http', 'file', 'ftp'])
def test_a_redirect_to_anything_but_https_is_refused(secure, cache, scheme):
    def redirect(handler, to):
        handler.send_response(302)
        handler.send_header('Location', to)
        handler.end_headers()

    secure.replies = [lambda handler: redirect(handler, secure.url.replace('https', scheme))]
    with pytest.raises(OSError, match=f'unknown url type: {scheme}|not allowed'):
        files.get(secure.source)
    assert len(secure.asked) == files.TRIES and left_behind(cache) == []
    secure.replies = [lambda handler: redirect(handler, secure.url), (200, TEXT, len(TEXT))]
    assert files.get(secure.source).read_bytes() == TEXT


def test_find_weights(tmp_path, monkeypatch, cache):
    with pytest.raises(FileNotFoundError, match=r'Rnnlm\.npz.*in ch06,.*: python -m ch06\.train_rnnlm makes'):
        files.find_weights('Rnnlm', made_by='ch06.train_rnnlm')
    here = tmp_path / 'ch07'
    here.mkdir()
    monkeypatch.chdir(here)
    # each is found though those before it are there: from the last place to the first
    for path in (cache / 'weights/Rnnlm.pkl', cache / 'weights/Rnnlm.npz', here / 'ch06/Rnnlm.pkl',
                 here / 'ch06/Rnnlm.npz', tmp_path / 'ch06/Rnnlm.pkl', tmp_path / 'ch06/Rnnlm.npz',
                 here / 'Rnnlm.pkl', here / 'Rnnlm.npz'):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert files.find_weights('Rnnlm', made_by='ch06.train_rnnlm').resolve() == path.resolve()


def test_of_several_weights_the_last_written(cache):
    for name, written in (('a.npz', 3), ('a.pkl', 9), ('b.npz', 5)):   # of one stem .npz goes first all the same
        Path(name).touch()
        os.utime(name, (written, written))
    assert files.find_weights('a', 'b', made_by='ch04.train').name == 'b.npz'
    os.utime('a.npz', (7, 7))
    assert files.find_weights('a', 'b', made_by='ch04.train').name == 'a.npz'
    assert files.find_weights('a', made_by='ch04.train').name == 'a.npz'
    with pytest.raises(FileNotFoundError, match=r'^c or d\.npz \(or \.pkl\) is neither here.* makes it$'):
        files.find_weights('c', 'd', made_by='ch04.train')
    Path('d_interrupted.npz').touch()
    with pytest.raises(FileNotFoundError, match=r'makes it \(.* --params d_interrupted\.npz\)$'):
        files.find_weights('c', 'd', made_by='ch04.train')


@pytest.mark.skipif(os.name == 'nt', reason='homes and pipes of POSIX')
def test_a_home_folder_of_nobody_is_told(served, monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', '~nobody-of-this-name/data')
    with pytest.raises(ValueError, match=r"^DLFS2_DATA: expected a folder, got '~nobody-of-this-name/data': there"):
        files.get(served.source)
    assert served.asked == [] and os.listdir() == []


@pytest.mark.skipif(os.name == 'nt', reason='homes and pipes of POSIX')
def test_what_is_no_regular_file_is_neither_read_nor_replaced(served, cache):
    os.mkfifo('pipe')
    os.symlink('/dev/zero', 'endless')
    for name in ('pipe', 'endless'):
        with within(10), pytest.raises(OSError, match=f'^{name}: expected a regular file, got a pipe or a device'):
            files.read_text(Path(name))
    (cache / 'ptb').mkdir(parents=True)
    os.mkfifo(cache / NAME)
    with pytest.raises(OSError, match=r'ptb\.test\.txt: expected a regular file or nothing there, got something else'):
        files.get(served.source)
    assert served.asked == [] and (cache / NAME).is_fifo()


def test_a_text_larger_than_the_memory_names_itself(monkeypatch):
    def endless(*_, **__):
        raise MemoryError

    Path('huge.txt').write_bytes(b'a' * 12_345)
    monkeypatch.setattr(files, 'text_blocks', endless)
    with pytest.raises(MemoryError, match=r'^huge\.txt takes more memory than there is: the file has 12,345 bytes$'):
        files.read_text(Path('huge.txt'))


@pytest.mark.skipif(os.name == 'nt', reason='there the disk holds all of it')
def test_a_terabyte_that_is_no_text_is_refused_at_once():
    """Of which the disk holds nothing."""
    with open('huge.txt', 'wb') as file:
        file.truncate(10**12)
    with within(10), pytest.raises(ValueError, match=r'^huge\.txt: expected a text, got a NUL at byte 0$'):
        files.read_text(Path('huge.txt'))
