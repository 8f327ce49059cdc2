"""What the library brings with it: no network on import, no code made from data, tested lower bounds."""
import ast
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(path for folder in ('common', 'dataset', 'ch0[1-8]') for path in ROOT.glob(f'{folder}/*.py'))

IMPORT_ALL = '''
import importlib, socket, sys

def blocked(*args, **keywords):
    raise AssertionError('the network was asked for')

class Blocked(socket.socket):       # a class still: ssl derives its own from it
    __init__ = blocked

socket.socket = Blocked
socket.create_connection = socket.getaddrinfo = blocked
for name in sys.argv[1:]:
    importlib.import_module(name)
try:
    import urllib.request
    urllib.request.urlopen('http://127.0.0.1:9', timeout=1)
except AssertionError:
    print(len(sys.argv) - 1, 'without a network')
'''


def test_every_module_is_imported_without_a_network():
    names = ['.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__') for path in SHIPPED]
    assert len(names) > 60 and 'common' in names and 'ch08.train' in names
    done = subprocess.run([sys.executable, '-c', IMPORT_ALL, *names], capture_output=True, text=True,
                          env=os.environ | {'PYTHONPATH': str(ROOT)})
    assert (done.stdout, done.stderr) == (f'{len(names)} without a network\n', '')


def test_the_tests_reach_no_other_machine():
    """See the fixture no_network of conftest.py. The addresses are those kept for examples."""
    with socket.socket() as plug:
        for host in ('192.0.2.1', '2001:db8::1', 'example.com'):
            for function in (plug.connect, plug.connect_ex, lambda address: plug.sendto(b'', address),
                             socket.create_connection):
                with pytest.raises(OSError, match='another machine: .*' + re.escape(host)):
                    function((host, 80))


def test_the_tests_reach_this_machine():
    with socket.create_server(('127.0.0.1', 0)) as server:
        for host in ('127.0.0.1', 'localhost'):
            socket.create_connection((host, server.getsockname()[1]), timeout=5).close()


# ---- what no shipped file does

CALLS = ('eval', 'exec', 'compile', '__import__', 'os.system', 'os.popen', 'os.exec', 'os.spawn', 'os.posix_spawn',
         'subprocess.', 'pickle.load', 'pickle.Unpickler', 'marshal.', 'shelve.', 'ctypes.', 'ssl._create_unverified',
         'numpy.load', 'np.load')
KEYWORDS = {'shell': True, 'verify': False, 'allow_pickle': True, 'check_hostname': False}
NAMES = {'CERT_NONE', '_create_unverified_context', '_create_default_https_context'}
IMPORTS = {'ctypes', 'marshal', 'requests', 'shelve', 'subprocess', 'dill', 'joblib', 'cloudpickle'}


def dangers(source):
    """What a source does that it should not, in words, with the line."""
    for node in ast.walk(ast.parse(source)):
        found = []
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            # a name with a dot: the call of that name and of all that begin with it
            found += [called for call in CALLS if called == call or ('.' in call and called.startswith(call))]
            found += [f'{keyword.arg}={ast.unparse(keyword.value)}' for keyword in node.keywords
                      if keyword.arg in KEYWORDS and (not isinstance(keyword.value, ast.Constant)
                                                      or bool(keyword.value.value) == KEYWORDS[keyword.arg])]
        elif isinstance(node, ast.Attribute | ast.Name):
            found += NAMES & {getattr(node, 'attr', getattr(node, 'id', ''))}
            if isinstance(node, ast.Name) and node.id in ('eval', 'exec'):      # also as a value: f = eval
                found.append(node.id)
        elif isinstance(node, ast.Assign):
            found += [f'{ast.unparse(target)} = …' for target in node.targets if isinstance(target, ast.Attribute)
                      and target.attr in ('check_hostname', 'verify_mode')]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ''] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            names = [name.name for name in node.names]
            found += [f'import {module}' for module in modules if module.split('.')[0] in IMPORTS]
            if modules[0] in ('os', 'pickle', 'ssl') and isinstance(node, ast.ImportFrom):
                found += [f'from {modules[0]} import {name}' for name in names]     # would hide the calls above
        yield from (f'line {node.lineno}: {what}' for what in found)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: f'{path.parent.name}.{path.stem}')
def test_no_code_from_data_no_shell_no_unchecked_certificate(path):
    assert list(dangers(path.read_text(encoding='utf-8'))) == []


@pytest.mark.parametrize('line', [
    'x = eval("1")', 'exec(code)', 'f = eval', 'compile(s, "", "exec")', '__import__(name)', 'os.system("ls")',
    'os.popen("ls")', 'os.execv(a, b)', 'import subprocess', 'subprocess.run(a)', 'run(a, shell=True)',
    'run(a, shell=flag)', 'get(url, verify=False)', 'pickle.load(f)', 'pickle.loads(b)', 'pickle.Unpickler(f)',
    'np.load(p)', 'read_array(f, allow_pickle=True)', 'from pickle import loads', 'from os import system',
    'ctx.check_hostname = False', 'ctx.verify_mode = ssl.CERT_NONE', 'ssl._create_unverified_context()',
    'ssl._create_default_https_context = x', 'import requests', 'import ctypes.util', 'from joblib import load'])
def test_a_danger_is_seen(line):
    assert list(dangers(line))
    assert not list(dangers('import os, pickle, ssl\nos.replace(a, b)\npickle.dump(x, f)\nmodel.load(p)\n'
                            'evaluate(x)\nre.compile(p)\nrun(a, shell=False)\nf(allow_pickle=False)\n'))


# ---- lower bounds

def test_each_dependency_has_a_lower_bound_and_nothing_else():
    """So that .ci/run can make `==` of `>=` and test just that."""
    text = (ROOT / 'pyproject.toml').read_text(encoding='utf-8')
    line = re.search(r'^dependencies = (\[.*\])$', text, re.MULTILINE)[1]
    assert ast.literal_eval(line) == ['numpy>=1.26', 'matplotlib>=3.8']
    assert 's/>=/==/' in (ROOT / '.ci' / 'run').read_text(encoding='utf-8')
