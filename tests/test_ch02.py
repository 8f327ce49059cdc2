"""Chapter 2's scripts: what they print, return and draw."""
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch02 import count_method_big, count_method_small, most_similar, ppmi, show_ptb, similarity
from dataset import toy

ROOT = Path(__file__).resolve().parent.parent


def test_similarity(capsys):
    # you (0, 1, 0 …) and i (0, 1, 0, 1, 0 …): 1 / √2
    assert similarity.main() == pytest.approx(0.5 ** 0.5)
    assert capsys.readouterr().out.startswith('0.7071067')


def test_similarity_runs_from_its_own_folder():
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = subprocess.run([sys.executable, 'similarity.py'], cwd=ROOT / 'ch02', env=environment,
                          capture_output=True, text=True, check=True)
    assert done.stdout.startswith('0.7071067')


def test_most_similar(capsys):
    most_similar.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ['', '[query] you']
    assert [line.split(': ')[0] for line in lines[2:5]] == [' goodbye', ' i', ' hello']
    assert all(line.split(': ')[1].startswith('0.70710') for line in lines[2:5])
    assert [line.split(': ')[1] for line in lines[5:]] == ['0.0', '0.0']


def test_ppmi(capsys):
    C, W = ppmi.main()
    out = capsys.readouterr().out
    assert C[0].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert W[0, 1] == pytest.approx(np.log2(3.5))
    assert ' [1 0 1 0 1 1 0]' in out
    assert '[1.807 0.    0.807 0.    0.807 0.807 0.   ]' in out
    assert np.get_printoptions()['precision'] == 8


def test_count_method_small(capsys):
    U = count_method_small.main()
    np.testing.assert_allclose(U @ U.T, np.eye(7), atol=1e-5)
    out = capsys.readouterr().out
    assert '[0 1 0 0 0 0 0]\n[0.    1.807 0.    0.    0.    0.    0.   ]\n' in out
    assert Path('ch02_count_method_small.png').stat().st_size > 5000


def test_count_method_small_labels_each_point_once(monkeypatch):
    drawn = {}

    def look(name):
        ax = plt.gca()
        drawn['labels'] = [text.get_text() for text in ax.texts]
        drawn['points'] = np.asarray(ax.collections[0].get_offsets())
        plt.close()

    monkeypatch.setattr(count_method_small, 'show', look)
    U = count_method_small.main()
    assert drawn['labels'] == ['you', 'say', 'goodbye, i', 'and', 'hello', '.']
    np.testing.assert_allclose(drawn['points'], U[:, :2])


@pytest.mark.slow
def test_count_method_big_on_the_toy_language(capsys):
    word_vecs, word_to_id, id_to_word = count_method_big.main(corpus='toy', wordvec_size=20, seed=1)
    lines = capsys.readouterr().out.splitlines()
    assert word_vecs.shape == (len(word_to_id), 20) and len(word_to_id) == len(id_to_word)
    np.testing.assert_allclose(word_vecs.T @ word_vecs, np.eye(20), atol=1e-4)
    for i, step in enumerate(('counting co-occurrence', 'calculating PPMI', 'calculating SVD')):
        assert lines[i].startswith(f'{step} ... ') and lines[i].endswith('[s]')
    car = lines.index('[query] car')
    assert {'bus', 'truck', 'van'} < {line.split(':')[0].strip() for line in lines[car + 1:car + 6]}
    again, _, _ = count_method_big.main(corpus='toy', wordvec_size=20, seed=1)
    np.testing.assert_array_equal(word_vecs, again)


def test_count_method_big_on_a_text_with_few_words(capsys):
    Path('text.txt').write_text('you like a car and i like a car\nyou like a bus and we like a bus\n' * 20)
    word_vecs, _, _ = count_method_big.main(corpus='text.txt')
    assert word_vecs.shape == (10, 3)       # as many numbers as words would make all words alike
    out = capsys.readouterr().out
    assert '[query] car\n bus: ' in out
    assert 'year is not found\n' in out and 'toyota is not found\n' in out


def test_show_ptb_of_the_toy_language(capsys):
    ids = show_ptb.main(corpus='toy')
    lines = capsys.readouterr().out.splitlines()
    _, id_to_word = toy.load_vocab()
    assert lines[0] == f'corpus size: {len(ids)}'
    assert lines[1].startswith('corpus[:30]: [') and len(lines) == 10
    assert lines[1].split('[')[2].strip(']').split() == [str(i) for i in ids[:30]]
    assert f'id_to_word[2]: {id_to_word[2]}' in lines
    assert "word_to_id['lexus']: not in this corpus" in lines


def test_show_ptb(real_data, capsys):
    show_ptb.main()
    out = capsys.readouterr().out
    assert out.startswith('corpus size: 929589\ncorpus[:30]: [ 0  1  2  3  4  5  6  7  8  9 10 11 12 13')
    assert '\n\nid_to_word[0]: aer\nid_to_word[1]: banknote\nid_to_word[2]: berlitz\n\n' in out
    assert out.endswith("word_to_id['car']: 3856\nword_to_id['happy']: 4428\nword_to_id['lexus']: 7426\n")


@pytest.mark.slow
def test_count_method_big(real_data, capsys):
    word_vecs, _, _ = count_method_big.main(seed=0)
    assert word_vecs.shape == (10000, 100)
    queries = capsys.readouterr().out.split('[query] ')[1:]
    near = {head: {line.split(':')[0].strip() for line in lines if line.startswith(' ')}
            for head, *lines in (query.split('\n') for query in queries)}
    for query, words in {'you': {'i', 'we'}, 'year': {'month'}, 'car': {'auto', 'luxury'},
                         'toyota': {'motor', 'nissan'}}.items():
        assert len(near[query]) == 5 and words <= near[query]


def test_similarity_of_words_that_are_not_there():
    with pytest.raises(ValueError, match="text: expected one that holds the words you and i, got 'hello world'"):
        similarity.main('hello world')


def test_words_and_an_analogy_of_an_own_corpus(capsys):
    text = ''.join(f'나는 {a} {b}\n' for a in ('밥을', '책을', '집을') for b in ('먹었다', '보았다', '샀다')) * 3
    Path('my.txt').write_text(text, encoding='utf-8')
    count_method_big.main('my.txt', wordvec_size=4, seed=1)
    out = capsys.readouterr().out
    assert re.findall(r'\[query\] (.*)', out) == ['보았다', '책을', '샀다', '집을']        # of 7, from the fourth on
    count_method_big.main('my.txt', wordvec_size=4, seed=1, words='밥을 말을', analogy='밥을:먹었다=책을')
    out = capsys.readouterr().out
    assert re.findall(r'\[query\] (.*)', out) == ['밥을'] and '말을 is not found' in out
    assert re.findall(r'\[analogy\] (.*)', out) == ['밥을:먹었다 = 책을:?']
    count_method_big.main('my.txt', wordvec_size=4, seed=1, analogy='밥을：먹었다＝책을')      # of wide keys
    assert re.findall(r'\[analogy\] (.*)', capsys.readouterr().out) == ['밥을:먹었다 = 책을:?']
    for wrong in ('a:b', 'a=b:c', 'a:b=', 'a:b=c:d'):
        with pytest.raises(ValueError, match=r'^analogy: expected a:b=c'):
            count_method_big.main('my.txt', analogy=wrong)


def test_frequent_words():
    """The hundred most frequent are passed over; of few words, the first half; and whatever is no word."""
    words = ['<unk>', '.', *(f'w{i}' for i in range(200))]
    ids = np.repeat(np.arange(202), [999, 999, *range(400, 200, -1)])
    np.random.shuffle(ids)
    assert count_method_big.frequent_words(ids, dict(enumerate(words))) == ['w100', 'w101', 'w102', 'w103']
    assert count_method_big.frequent_words(np.array([0, 1, 1, 2, 2, 2, 3]), dict(enumerate('abc.'))) == ['b', 'a']
