"""BERT: gradients, what it looks at, how words are hidden, what its scripts make of the toy language."""
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ch06.rnnlm import Rnnlm
from ch08.transformer import compare_to_truth, fill_in, finetune_bert, train_bert
from ch08.transformer.bert import BERT, BERTClassifier, BERTEncoder, as_sentences, load_bert, mask_words
from common.checks import InputError
from common.evaluation import not_training
from common.functions import softmax
from common.gradient_check import check_gradients
from common.optimizer import AdamW
from common.trainer import train_step
from common.weight_files import load_weights
from dataset import toy
from tests.test_dataset_toy import WORD_LISTS, expand

V, PAD, MASK = 9, 0, 8
XS = np.array([[3, MASK, 5, PAD], [MASK, 2, 7, 4], [6, 1, PAD, PAD]])
TS = np.array([[-1, 4, -1, -1], [1, -1, 7, -1], [-1, -1, -1, -1]])


def small(pad_id=PAD, dtype='d', dropout=0.0):
    return BERT(V, 8, 2, 2, 6, 5, dropout, pad_id, dtype)


# ---- the models


@pytest.mark.parametrize('pad_id', [PAD, None])
def test_gradients(pad_id):
    xs, ts = np.array([[3, 4, PAD], [1, 4, 2]]), np.array([[-1, 3, -1], [2, -1, 1]])
    model = BERT(5, 4, 2, 1, 3, 4, 0.2, pad_id, 'd')
    check_gradients(model, xs, ts)
    check_gradients(BERTClassifier(model.encoder, 3), xs, np.array([0, 2]), tolerance=1e-4)     # of log(y + 1e-7)


def test_the_loss_is_that_of_the_words_asked_for():
    model = small()
    p = softmax(model.predict(XS))
    assert p.shape == (3, 4, V)
    expected = -np.mean([math.log(p[0, 1, 4]), math.log(p[1, 0, 1]), math.log(p[1, 2, 7])])
    assert model.forward(XS, TS) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(softmax(model.predict_at(XS, TS != -1)), p[TS != -1])


def test_a_word_is_seen_from_both_sides_and_padding_from_none():
    model = small()
    scores = model.predict(XS)
    longer = np.hstack((XS, np.full((3, 1), PAD)))
    np.testing.assert_allclose(model.predict(longer)[:, :4][XS != PAD], scores[XS != PAD], rtol=1e-10)
    for place in range(4):
        other = XS.copy()
        other[1, place] = 5
        assert (abs(model.predict(other)[1] - scores[1]).max(axis=1) > 1e-6).all()
    # without pad_id the same row of ids is read whole
    full = small(pad_id=None)
    assert (abs(full.predict(longer)[0, :3] - full.predict(XS)[0, :3]).max(axis=1) > 1e-6).all()


def test_the_output_is_tied_to_the_embedding():
    model = small(dtype='f')
    assert np.shares_memory(model.output.params[0], model.encoder.embed_W)
    assert model.forward(XS, TS).dtype == np.float32
    for _ in range(3):
        train_step(model, AdamW(0.01), XS, TS)
    np.testing.assert_array_equal(model.output.params[0], model.encoder.embed_W.T)


def test_the_classifier_takes_the_mean_over_words_and_shares_the_encoder():
    bert = small()
    model = BERTClassifier(bert.encoder, 3)
    hs, (W, b) = bert.encoder.forward(XS), model.output.params
    means = np.stack([hs[0, :3].mean(axis=0), hs[1].mean(axis=0), hs[2, :2].mean(axis=0)])
    np.testing.assert_allclose(model.predict(XS), means @ W + b, rtol=1e-10)
    assert all(a is b for a, b in zip(model.params, bert.encoder.params, strict=False))
    before = bert.predict(XS)
    train_step(model, AdamW(0.01), XS, np.array([0, 2, 1]))
    assert abs(bert.predict(XS) - before).max() > 1e-3


def test_saved_models_come_back():
    model = small()
    words = [f'w{i}' for i in range(V - 1)] + ['<mask>']
    model.save_params('BERT.npz', {'corpus': 'toy'}, words)
    other, weights = load_bert('BERT.npz')
    with not_training(model), not_training(other):
        np.testing.assert_allclose(other.predict(XS), model.predict(XS), atol=1e-5)
    assert weights.words == words and other.sizes == model.sizes
    Rnnlm(7, 3, 2).save_params('Rnnlm.npz', words=words[:7])
    with pytest.raises(InputError, match=r"^Rnnlm\.npz: expected weights of BERT and its words, got those of 'Rnnlm'$"):
        load_bert('Rnnlm.npz')


@pytest.mark.parametrize('wrong', [{'D': 10**7}, {'hidden': 10**7}, {'blocks': 10**6}, {'T_max': 10**9}, {'heads': 3},
                                   {'vocab_size': 8}, {'pad_id': 'a'}, {'more': 1}, {'D': None}])
def test_a_file_whose_sizes_are_wrong_is_refused(wrong):
    model = small()
    model.sizes = model.sizes | wrong
    model.save_params('BERT.npz', words=[f'w{i}' for i in range(V)])
    with pytest.raises(InputError, match=r'^BERT\.npz is refused: '):
        load_bert('BERT.npz')


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: BERT(V, 8, 3), 'heads: expected a divisor of 8, the width, got 3'),
    (lambda: BERT(V, 8, 2, pad_id=V), 'pad_id: expected an id from 0 to 8, got 9'),
    (lambda: small().predict(np.ones((1, 6), int)), 'xs: expected positions up to 5, as many as W has, got 6'),
    (lambda: small().forward(XS, TS[:, :3]), r'ts: expected \(3, 4\), got \(3, 3\)'),
    (lambda: small().forward(XS, TS * 0 - 1), 'ts: expected at least one word that is asked for, got -1 alone'),
    (lambda: small().forward(XS, np.where(TS < 0, TS, V)), 'ts: expected ids from 0 to 8, got 9 to 9'),
    (lambda: BERTClassifier(small()), 'encoder: expected a BERTEncoder, got BERT'),
    (lambda: mask_words(XS, V, V), 'mask_id: expected an id from 0 to 8, got 9'),
    (lambda: mask_words(XS + 1, MASK, V), 'ids: expected ids from 0 to 8, got 1 to 9'),
    (lambda: mask_words(XS, MASK, V, share=1.5), 'share: expected 0 or more and less than 1, got 1.5'),
    (lambda: as_sentences(np.ones(2), 0), 'corpus: expected a sentence or more, each with 0 at its end, got none'),
])
def test_bad_input(make, message):
    with pytest.raises(InputError, match=f'^{message}$'):
        make()


# ---- hiding words


def test_words_are_hidden_80_10_10():
    np.random.seed(0)
    ids = np.random.randint(1, 50, (4000, 20))
    ids[:2000, 10:] = PAD
    xs, ts = mask_words(ids, 50, 51, PAD)
    asked = ts != -1
    assert (asked[:2000].sum(axis=1) == 2).all() and (asked[2000:].sum(axis=1) == 3).all()      # round(1.5), 15 % of 20
    np.testing.assert_array_equal(ts[asked], ids[asked])
    np.testing.assert_array_equal(xs[~asked], ids[~asked])
    assert not (asked & (ids == PAD)).any()
    n = asked.sum()
    masked, stayed = (xs[asked] == 50).mean(), (xs[asked] == ids[asked]).mean()
    assert masked == pytest.approx(0.8, abs=5 * math.sqrt(0.16 / n))
    assert stayed == pytest.approx(0.1 + 0.1 / 49, abs=5 * math.sqrt(0.09 / n))
    others = xs[asked & (xs != 50) & (xs != ids)]
    assert set(others.tolist()) == set(range(1, 50))            # all words, no padding
    assert asked[2000:].mean(axis=0) == pytest.approx(0.15, abs=0.04)       # at all places alike


def test_each_row_is_asked_for_a_word_and_chance_is_np_randoms():
    ids = np.array([[1, PAD, PAD], [2, 3, PAD], [PAD, PAD, PAD]])
    np.random.seed(4)
    xs, ts = mask_words(ids, MASK, V, PAD)
    assert (ts != -1).sum(axis=1).tolist() == [1, 1, 0]
    again = mask_words(np.tile(ids, (50, 1)), MASK, V, PAD)[0]
    assert len({row.tobytes() for row in again}) > 4
    np.random.seed(4)
    np.testing.assert_array_equal(mask_words(ids, MASK, V, PAD)[0], xs)


def test_sentences_become_rows():
    assert as_sentences(np.array([5, 6, 7, 0, 0, 8, 0, 9, 3, 0]), 0).tolist() == [[5, 6, 7], [8, 0, 0], [9, 3, 0]]
    assert as_sentences(np.array([5, 0, 7, 7]), 0).tolist() == [[5]]        # what has no end is none


def test_every_seventh_word_is_hidden_for_validation():
    ids = np.array([[1, 2, 3, 4, 5], [1, 2, PAD, PAD, PAD], [5, 6, 7, 4, PAD], [1, 2, 3, 4, 5]])
    xs, ts = train_bert.hide(ids, MASK, PAD)
    assert ts.tolist() == [[-1] * 5, [-1, 2, -1, -1, -1], [-1] * 5, [-1, -1, 3, -1, -1]]
    assert (xs == MASK).tolist() == (ts != -1).tolist()
    np.testing.assert_array_equal(np.where(ts == -1, xs, ts), ids)
    assert train_bert.as_rows(np.arange(11), 4, None).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


# ---- the truth


def sentence_ids(text, words):
    return [words[word] for word in text.split()]


def test_the_truth_of_hidden_words():
    words, id_to_word = toy.load_vocab()
    eos, mask = words['<eos>'], len(words)
    rows = np.array([sentence_ids('the meaning of life is love', words), sentence_ids('it was cold yesterday', words)
                     + [eos] * 2])
    ts = np.full(rows.shape, -1)
    for at in (0, 5), (1, 2), (1, 3):
        ts[at] = rows[at]
    xs = np.where(ts == -1, rows, mask)
    p = train_bert.truth(xs, ts, id_to_word, eos)
    assert p.shape == (3, len(words)) and p.sum(axis=1) == pytest.approx(1)
    assert p[0, words['music']] == pytest.approx(1 / 5) and p[1, words['hot']] == pytest.approx(1 / 5)
    assert p[2, words['yesterday']] == pytest.approx(1)
    loss, share = train_bert.best_of(xs, ts, id_to_word, eos)
    assert loss == pytest.approx(2 * math.log(5) / 3)
    assert share == pytest.approx((1 / 5 + 1 / 5 + 1) / 3)


def test_measure_by_hand():
    model = small()
    p = softmax(model.predict(XS))[TS != -1]
    loss, right = train_bert.measure(model, XS, TS)
    assert loss == pytest.approx(model.forward(XS, TS))
    assert right == pytest.approx(np.mean(p.argmax(axis=1) == [4, 1, 7]))
    np.testing.assert_allclose(np.exp(train_bert.probabilities(model, XS, TS, batch_size=1)), p)


def test_divergence_by_hand():
    p = np.array([[0.5, 0.5, 0], [1, 0, 0]])
    q = np.array([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])
    assert compare_to_truth.divergence(p, np.log(q)) == pytest.approx((0.5 * math.log(2) + math.log(2)) / 2)
    with np.errstate(divide='ignore'):
        assert compare_to_truth.divergence(p, np.log(np.where(p > 0, p, 1e-300))) == pytest.approx(0)


def test_what_models_are_asked_and_the_truth_of_it():
    words, id_to_word = toy.load_vocab()
    eos, mask = words['<eos>'], len(words)
    rows = np.array([sentence_ids('it was cold yesterday', words), sentence_ids('you go', words) + [eos] * 2])
    xs, places, p = compare_to_truth.next_words(rows, eos, id_to_word)
    assert xs[0].tolist() == [eos, *rows[0]] and places.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert p.shape == (8, len(words)) and p.sum(axis=1) == pytest.approx(1)
    assert p[4, eos] == 1 and p[2, words['hot']] == pytest.approx(1 / 10)       # or `hotter`
    assert p[7, words['to']] == 1

    xs, ts, p = compare_to_truth.gaps(rows[:1], eos, mask, id_to_word)
    assert xs.tolist() == [[*rows[0, :i], mask, *rows[0, i + 1:]] for i in range(4)]
    assert ts[ts != -1].tolist() == rows[0].tolist() and (xs == mask).tolist() == (ts != -1).tolist()
    assert p[2, words['hot']] == pytest.approx(1 / 5)


# ---- sentences and what is none


def test_other_forms():
    forms = finetune_bert.other_forms()
    assert sorted(forms['went']) == ['go', 'goes'] and forms['girl'] == ['girls'] and forms['children'] == ['child']
    assert forms['these'] == ['this'] and forms['worse'] == ['bad'] and sorted(forms['saw']) == ['see', 'sees']
    assert 'windy' not in forms and 'tokyo' not in forms
    assert all(word in forms[other] for word, others in forms.items() for other in others)


def test_labels_are_right_and_half_of_each():
    """Labels by all rows of lists that the grammar derives, each word stands in one list."""
    rows = {row[:-1] for row, _ in expand('TEXT')}
    list_of = {word: symbol for symbol, words in WORD_LISTS.items() for word in words}
    sentences, labels = finetune_bert.labelled_sentences('train', 100)
    assert Counter(labels) == {0: 50, 1: 50} and len(set(map(tuple, sentences))) == 100
    assert labels == [int(tuple(list_of.get(word, word) for word in words) in rows) for words in sentences]
    others, _ = finetune_bert.labelled_sentences('train', 100, without=sentences)
    assert not set(map(tuple, sentences)) & set(map(tuple, others))
    assert finetune_bert.labelled_sentences('train', 100)[0] == sentences
    assert finetune_bert.labelled_sentences('train', 100, seed=1)[0] != sentences
    x, t = finetune_bert.as_arrays(sentences, labels)
    words, id_to_word = toy.load_vocab()
    assert [[id_to_word[i] for i in row if i != words['<eos>']] for row in x.tolist()] == sentences
    assert t.tolist() == labels


# ---- the scripts, in small

SIZES = {'wordvec_size': 16, 'heads': 2, 'blocks': 1, 'hidden_size': 32, 'time_size': 12, 'dropout': 0.0}


@pytest.fixture
def few_sentences(monkeypatch):
    monkeypatch.setattr(toy, 'SENTENCES', {'train': 400, 'valid': 60, 'test': 60})


@pytest.mark.slow
def test_train_fill_in_and_finetune(few_sentences, tmp_path, capsys):
    training = {**SIZES, 'batch_size': 40, 'learning_rate': 0.01, 'seed': 1}
    found = train_bert.main(max_epoch=6, **training)
    assert set(found) == {'loss', 'accuracy', 'loss of the truth', 'accuracy of the truth'}
    assert found['loss of the truth'] < found['loss'] < 5       # of 325 words by chance log 325, 5.8
    assert {path.name for path in tmp_path.iterdir()} == {'BERT.npz', 'BERT_checkpoint.npz',
                                                          'ch08_transformer_train_bert.png'}
    weights = load_weights('BERT.npz')
    assert weights.words[-1] == '<mask>' and weights.words[:-1] == list(toy.load_vocab()[0])

    # broken off and gone on with: the same numbers
    train_bert.main(max_epoch=6, **training, resume=True)
    saved = load_weights('BERT.npz').arrays
    for path in tmp_path.glob('BERT*.npz'):
        path.unlink()
    fits = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_bert, 'mask_words',
                      lambda *args: (fits.append(1), 1 / (len(fits) < 4), mask_words(*args))[2])
        with pytest.raises(ZeroDivisionError):
            train_bert.main(max_epoch=6, **training)
    assert len(fits) == 4
    assert train_bert.main(max_epoch=6, **training, resume=True) == found
    for a, b in zip(load_weights('BERT.npz').arrays, saved, strict=True):
        np.testing.assert_array_equal(a, b)

    capsys.readouterr()
    first, second = fill_in.main('it was <mask> <mask>', top=3)
    assert len(first) == len(second) == 3 and Path('ch08_transformer_fill_in.png').exists()
    assert [p for _, p, _ in first] == sorted((p for _, p, _ in first), reverse=True)
    truth = toy.masked_word_probabilities(['it', 'was', None, None], 2)
    assert [true for _, _, true in first] == [truth.get(word, 0) for word, _, _ in first]
    assert 'it was ____ <mask>\n' in capsys.readouterr().out
    assert fill_in.main('girl <mask> girl', top=1)[0][0][2] is None
    for wrong in 'it was cold', 'it wes <mask>', '':
        with pytest.raises(InputError, match=r'^text: expected words of the corpus and a <mask>, got '):
            fill_in.main(wrong)

    curves = finetune_bert.main(train_size=40, test_size=60, max_epoch=2, seeds=2)
    assert {way: np.shape(runs) for way, runs in curves.items()} == {'from scratch': (2, 2), 'pretrained': (2, 2)}
    assert Path('ch08_transformer_finetune_bert.png').exists()


@pytest.mark.slow
def test_train_on_a_text(tmp_path):
    Path('text.txt').write_text('the cat sat on the mat\nthe dog lay on the rug\n' * 40)
    found = train_bert.main(corpus='text.txt', max_epoch=25, batch_size=8, learning_rate=0.01, seed=0,
                            **SIZES | {'time_size': 7})
    assert set(found) == {'loss', 'accuracy'}
    assert found['accuracy'] > 0.5          # of 9 words
    assert load_bert('BERT.npz')[0].sizes['pad_id'] is None
    with pytest.raises(InputError, match=r"^params: expected a BERT of the toy language, got one of 'text.txt'$"):
        finetune_bert.main()
    (table,) = fill_in.main('the <mask> sat on the mat', top=2)
    assert [true for _, _, true in table] == [None, None]
    assert fill_in.main('The <mask> sat on the mat', top=2) == [table]      # in lower case, as the corpus was read


@pytest.mark.slow
def test_fill_in_of_characters(tmp_path, capsys):
    Path('text.txt').write_text('犬が走る。猫が寝る。\n' * 60, encoding='utf-8')
    train_bert.main(corpus='text.txt', tokens='characters', max_epoch=15, batch_size=8, learning_rate=0.01, seed=0,
                    **SIZES | {'time_size': 11})
    capsys.readouterr()
    (table,) = fill_in.main('犬が走る。猫<mask>寝る。', top=1)
    assert table[0][0] == 'が'
    assert capsys.readouterr().out.startswith('犬が走る。猫____寝る。\n')


@pytest.mark.parametrize('text, tokens, words', [
    ("It's a cat, a <mask>.", 'words', ["it's", 'a', 'cat', ',', 'a', '<mask>', '.']),
    ('a (<mask>) b', 'blanks', ['a', '(', '<mask>', ')', 'b']),
    ('<mask> b <mask>', 'characters', ['<mask>', ' ', 'b', ' ', '<mask>']),
    ('犬 が <mask>', 'words', ['犬', 'が', '<mask>']),
    ('나 -는 <mask>', 'ko', ['나', '-는', '<mask>']),       # as the corpus has them: they are left as they stand
    ('吾輩は<mask>である', 'ja', ['吾輩', 'は', '<mask>', 'で', 'ある'])])
def test_a_text_is_parted_as_the_corpus_was(text, tokens, words):
    if tokens == 'ja':
        pytest.importorskip('sudachipy')
    known = words if tokens in ('ko', 'characters') else []
    assert fill_in.words_of(text, known, tokens) == words


def test_columns_stand_below_one_another(capsys):
    fill_in.print_table(['犬', '<mask>'], 1, [('子猫', 0.5, None), ('a', 0.25, None)], 'ja')
    fill_in.print_table(['the', '<mask>'], 1, [('cat', 0.5, 0.125)], 'words')
    assert capsys.readouterr().out.splitlines() == [
        '犬____', '     |  model', '子猫 |  50.0%', 'a    |  25.0%', 'the ____', '    |  model |  truth',
        'cat |  50.0% |  12.5%']


def test_a_classifier_learns_to_tell():
    """Whether a word, 1, comes in a row of three."""
    np.random.seed(0)
    x = np.random.randint(1, 5, (200, 3))
    t = (x == 1).any(axis=1).astype(int)
    model = BERTClassifier(BERTEncoder(5, 8, 2, 1, 16, 3, 0.0))
    shares = finetune_bert.learn(model, x, t, x, t, 20, 20, 0.01)
    assert len(shares) == 20 and shares[-1] > 0.95


@pytest.mark.slow
def test_compare_to_truth():
    found = compare_to_truth.main(train_size=300, test_size=20, rnn_size=16, wordvec_size=16, heads=2, blocks=1,
                                  batch_size=5, time_size=20, max_epoch=3, learning_rate=0.01)
    for points in found.values():
        seconds, nats = zip(*points, strict=True)
        assert len(points) == 4 and list(seconds) == sorted(seconds)
        assert 0 < nats[-1] < nats[0] - 0.5
    assert Path('ch08_transformer_compare_to_truth.png').exists()
