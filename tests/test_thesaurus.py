"""ch02.thesaurus on a WordNet of eight synsets, written here in its own format; on the real one where it is at hand."""
import gc
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch02 import thesaurus
from common.checks import InputError
from common.weight_files import save_words
from dataset import wordnet

pytestmark = pytest.mark.filterwarnings('ignore:unclosed file:ResourceWarning')     # nltk's readers keep theirs open

# synset: its words, what it is a kind of (of two things where there is a blank), what it means
SYNSETS = {
    'entity': ('entity', '', 'that which is'),
    'thing': ('thing', 'entity', 'an object'),
    'vehicle': ('vehicle', 'thing', 'what carries people'),
    'car': ('car auto motor_car', 'vehicle', 'a vehicle with four wheels'),
    'truck': ('truck lorry', 'vehicle', 'a vehicle for loads'),
    'animal': ('animal', 'thing', 'what breathes'),
    'dog': ('dog', 'animal', 'it barks'),
    'wagon': ('wagon car', 'vehicle thing', 'it runs on rails'),        # the second sense of car
}


def line_of(key, offsets):
    words, above, gloss = SYNSETS[key]
    words = words.split()
    below = [other for other, (_, kind, _) in SYNSETS.items() if key in kind.split()]
    pointers = [('@', other) for other in above.split()] + [('~', other) for other in below]
    return (f'{offsets.get(key, 0):08} 06 n {len(words):02x} ' + ''.join(f'{word} 0 ' for word in words)
            + f'{len(pointers):03} ' + ''.join(f'{sign} {offsets.get(other, 0):08} n 0000 ' for sign, other in pointers)
            + f'| {gloss}  \n')


def make_wordnet(folder, whole=False):
    """Its files, as Debian's package has them; whole: with those that nltk's has besides."""
    folder.mkdir(parents=True)
    offsets, place = {}, 0
    for key in SYNSETS:
        offsets[key] = place
        place += len(line_of(key, {}))
    (folder / 'data.noun').write_text(''.join(line_of(key, offsets) for key in SYNSETS))
    senses: dict = {}
    for key, (words, _, _) in SYNSETS.items():
        for word in words.split():
            senses.setdefault(word, []).append(f'{offsets[key]:08}')
    (folder / 'index.noun').write_text(''.join(
        f'{word} n {len(found)} 2 @ ~ {len(found)} 0 {" ".join(found)}  \n' for word, found in sorted(senses.items())))
    for kind in ('adj', 'adv', 'verb'):
        (folder / f'data.{kind}').write_text('  1 WordNet 3.0 Copyright 2006  \n')
        (folder / f'index.{kind}').write_text('')
    for kind in ('noun', 'adj', 'adv', 'verb'):
        (folder / f'{kind}.exc').write_text('')
    (folder / 'cntlist.rev').write_text('')
    if whole:
        (folder / 'lexnames').write_text(''.join(f'{i:02}\tfile{i}\t1\n' for i in range(45)))
        (folder / 'index.sense').write_text('')
    return str(folder)


@pytest.fixture
def nltk(monkeypatch):
    nltk = pytest.importorskip('nltk')
    monkeypatch.setattr(nltk.data, 'path', [])
    yield nltk
    gc.collect()        # here, where unclosed files are no error


@pytest.fixture
def small(nltk, tmp_path):
    return make_wordnet(tmp_path / 'wn')


@pytest.fixture
def vectors():
    """car and truck at 60°, car and dog at a right angle."""
    save_words('v.npz', np.array([[1, 0, 0], [0.5, 0.75**0.5, 0], [0, 0, 2]], 'f'), {0: 'car', 1: 'truck', 2: 'dog'})
    return 'v.npz'


def test_what_the_script_prints(small, vectors, monkeypatch, capsys):
    pairs = [('car', 'truck', 9.0), ('Car', 'dog', 1.0), ('truck', 'dog', 2.0), ('car', 'novel', 5.0),
             ('car', 'car', 10.0)]
    monkeypatch.setattr(wordnet, 'load_pairs', lambda: pairs)
    found = thesaurus.main('car', 'truck dog animal', small, vectors)
    # car - vehicle - truck: two steps; car - vehicle - thing - animal - dog: four; to animal three
    assert {name: path for name, (path, _) in found.items()} == {'truck': 1 / 3, 'dog': 1 / 5, 'animal': 1 / 4}
    assert found['truck'][1] == pytest.approx(0.5) and found['dog'][1] == 0 and found['animal'][1] is None
    out = capsys.readouterr().out
    assert out.startswith('[synonyms] car\n car.n.01: car, auto, motor_car (a vehicle with four wheels)\n'
                          ' wagon.n.01: wagon, car (it runs on rails)\n\n'
                          '[hypernyms] car, in the first sense\n entity.n.01 > thing.n.01 > vehicle.n.01 > car.n.01\n\n'
                          '[similarity] car: path in WordNet, cosine of the vectors\n'
                          ' truck: 0.33 0.50\n dog: 0.20 0.00\n animal: 0.25 –\n\n')
    # said 9 1 2 10, ranks 3 1 2 4; paths 1/3 1/4 (by the wagon) 1/5 1, ranks 3 2 1 4: 1 − 6·2/60
    # cosines 0.5 0 0 1, ranks 3 1.5 1.5 4: 4.5/√(5·4.5)
    assert '4 of 5 pairs: WordNet 0.80, vectors 0.95\n' in out
    assert Path('ch02_thesaurus.png').stat().st_size > 5000


def test_of_several_paths_the_same_is_taken_each_time(small):
    sense = wordnet.load_data(small).synset('wagon.n.01')
    paths = [[step.name() for step in path] for path in sense.hypernym_paths()]
    assert len(paths) == 2
    assert thesaurus.path_of(sense) == ['entity.n.01', 'thing.n.01', 'vehicle.n.01', 'wagon.n.01']


def test_vectors_are_counted_where_no_file_is_named(small, monkeypatch):
    monkeypatch.setattr(wordnet, 'load_pairs', list)
    Path('text.txt').write_text('you like a car and i like a truck\nyou see a dog\n' * 20)
    found = thesaurus.main('car', 'truck dog', small, corpus='text.txt', seed=0)
    assert found['truck'][1] > found['dog'][1]


def test_the_tree(small, vectors, monkeypatch):
    drawn = {}

    def look(name):
        drawn.update({text.get_text(): text.get_position() for text in plt.gca().texts})
        drawn['lines'] = len(plt.gca().lines)
        plt.close()

    monkeypatch.setattr(thesaurus, 'show', look)
    monkeypatch.setattr(wordnet, 'load_pairs', list)
    thesaurus.main('car', 'truck dog', small, vectors)
    assert drawn.pop('lines') == 6
    assert drawn['car'] == (0, 4) and drawn['truck'] == (1, 4) and drawn['vehicle'] == (0.5, 3)
    assert drawn['dog'] == (2, 4) and drawn['thing'] == (1.25, 2) and drawn['entity'] == (1.25, 1)
    assert 'path 0.33\ncosine 0.50' in drawn and 'path 0.20\ncosine 0.00' in drawn


def test_words_that_wordnet_does_not_know(small, vectors):
    for word, others, name in (('blorb', 'car', 'word'), ('car', 'truck blorb', 'others')):
        with pytest.raises(InputError, match=f"^{name}: expected nouns that WordNet knows, got 'blorb'$"):
            thesaurus.main(word, others, small, vectors)


def test_a_noun_of_several_words_and_by_another_name(small, vectors, monkeypatch):
    monkeypatch.setattr(wordnet, 'load_pairs', list)
    labels = []
    monkeypatch.setattr(thesaurus, 'show', lambda name: labels.extend(text.get_text() for text in plt.gca().texts))
    assert thesaurus.main('motor car', 'truck', small, vectors)['truck'][0] == 1 / 3
    plt.close()
    assert 'car (motor car)' in labels and 'truck' in labels


def test_without_wordnet_one_sentence_says_what_to_install(nltk, monkeypatch):
    monkeypatch.setattr(wordnet, 'DEBIAN', Path('nowhere').absolute())
    with pytest.raises(OSError, match=r'nowhere: apt install wordnet-base, or python -m nltk.downloader wordnet$'):
        thesaurus.main()
    monkeypatch.setitem(sys.modules, 'nltk', None)
    with pytest.raises(OSError, match=r'^nltk, which reads WordNet, is not installed: pip install nltk$'):
        thesaurus.main()


def test_files_of_something_else_are_refused(nltk, small):
    Path(small, 'index.noun').write_text('car n x\n')
    with pytest.raises(InputError, match="wn: expected WordNet's files, got others: "):
        wordnet.load_data(small)
    Path(small, 'index.verb').unlink()
    with pytest.raises(InputError, match="wn: expected WordNet's files, got others: "):
        wordnet.load_data(small)


@pytest.mark.slow
def test_nltks_own_place_is_looked_at_first(nltk, tmp_path):
    make_wordnet(tmp_path / 'corpora' / 'wordnet', whole=True)
    done = subprocess.run([sys.executable, '-m', 'ch02.thesaurus', '--corpus', 'toy', '--others', 'dog truck'],
                          capture_output=True, text=True, timeout=100, cwd=tmp_path, env={
        **os.environ, 'NLTK_DATA': str(tmp_path), 'MPLBACKEND': 'agg',
        'PYTHONPATH': str(Path(__file__).resolve().parent.parent)})
    assert (done.returncode, done.stderr) == (0, '')
    assert '\n dog: 0.20 ' in done.stdout and '\n truck: 0.33 0.' in done.stdout


def test_the_books_numbers(nltk):
    if not wordnet.DEBIAN.exists():
        pytest.skip('WordNet is not at hand: apt install wordnet-base')
    real = wordnet.load_data()
    car = real.synset('car.n.01')
    assert car.lemma_names() == ['car', 'auto', 'automobile', 'machine', 'motorcar']
    likeness = [car.path_similarity(real.synset(f'{word}.n.01')) for word in ('novel', 'dog', 'motorcycle')]
    assert likeness == pytest.approx([1 / 18, 1 / 13, 1 / 3])


def test_word_sim_353(monkeypatch):
    assert wordnet.load_pairs() == [] or importlib.util.find_spec('gensim')
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert wordnet.load_pairs() == []
    monkeypatch.undo()
    pytest.importorskip('gensim')
    pairs = wordnet.load_pairs()
    assert len(pairs) == 353 and pairs[0] == ('love', 'sex', 6.77)
    assert all(0 <= said <= 10 for _, _, said in pairs)


def test_ranks_and_their_correlation():
    assert thesaurus.ranks(np.array([10, 20, 20, 5])).tolist() == [2, 3.5, 3.5, 1]
    x = np.random.randn(50)
    assert thesaurus.spearman(x, np.exp(x)) == pytest.approx(1) and thesaurus.spearman(x, -x**3) == pytest.approx(-1)
    y = np.random.randn(50)
    d = x.argsort().argsort() - y.argsort().argsort()       # without ties: 1 − 6 Σ d² / (n³ − n)
    assert thesaurus.spearman(x, y) == pytest.approx(1 - 6 * (d**2).sum() / (50**3 - 50))
    assert thesaurus.spearman(x, np.ones(50)) == 0
