"""Seq2seq with attention: gradients, first weights, generation against the plain cells, the main job, its pictures."""
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import ch08.attention_layer
import common.attention_layer
from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from ch08 import compare_models, train, visualize_attention
from ch08.attention_seq2seq import AttentionDecoder, AttentionEncoder, AttentionSeq2seq
from common.attention_layer import Attention
from common.functions import softmax
from common.gradient_check import check_gradients
from common.optimizer import Adam
from common.time_layers import LSTM
from common.trainer import Trainer, train_step
from dataset import sequence

V, D, H = 7, 4, 5
ROOT = Path(__file__).parents[1]


def random_model(dtype='f8', hidden_size=H, scale=1):
    """A model with random biases too. Size 20 and scale 2 make its answers differ from question to question."""
    model = AttentionSeq2seq(V, D, hidden_size, dtype)
    for param in model.params:
        param[...] = scale * np.random.randn(*param.shape)
    return model


def write_plainly(model, question, start_id, size, fed=None):
    """One answer, step by step with the cells -> its ids, scores (size, V) and attention weights (size, S).

    fed: the ids that go in, in place of start_id and the answer's own.
    """
    E, Wx, Wh, b = model.params[:4]
    cell, attention = LSTM(Wx, Wh, b), Attention()
    h = c = np.zeros((1, len(Wh)))
    states = []
    for i in question:
        h, c = cell.forward(E[[i]], h, c)
        states.append(h)
    enc_hs = np.stack(states, axis=1)       # (1, S, H)
    E, Wx, Wh, b, W, bias = model.params[4:]
    cell, c = LSTM(Wx, Wh, b), np.zeros((1, len(Wh)))
    ids, scores, weights = [start_id], [], []
    for t in range(size):
        h, c = cell.forward(E[[ids[-1] if fed is None else fed[t]]], h, c)
        scores.append(np.hstack((attention.forward(enc_hs, h), h)) @ W + bias)
        weights.append(attention.attention_weight)
        ids.append(int(scores[-1].argmax()))
    return ids[1:], np.concatenate(scores), np.concatenate(weights)


@pytest.fixture(scope='module')
def lines():
    return sequence.make_dates()[:320]


@pytest.fixture
def few_dates(lines):
    """320 dates lie in the current folder, where load_data looks first."""
    Path('date.txt').write_text('\n'.join(lines) + '\n')
    return sequence.load_data('date.txt')


def test_the_books_names():
    for name in ('WeightSum', 'AttentionWeight', 'Attention', 'TimeAttention'):
        assert getattr(ch08.attention_layer, name) is getattr(common.attention_layer, name)


def test_gradients():
    xs, ts, enc_hs = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 5)), np.random.randn(3, 4, H)
    check_gradients(random_model(), xs, ts)
    check_gradients(AttentionEncoder(V, D, H, 'f8'), xs)
    check_gradients(AttentionDecoder(V, D, H, 'f8'), ts, enc_hs)


def test_first_weights_are_drawn_in_the_books_order():
    np.random.seed(3)
    shapes = [((V, D), 100), ((D, 4 * H), D**0.5), ((H, 4 * H), H**0.5), (4 * H,),
              ((V, D), 100), ((D, 4 * H), D**0.5), ((H, 4 * H), H**0.5), (4 * H,), ((2 * H, V), (2 * H)**0.5), (V,)]
    expected = [np.zeros(s) if len(s) == 1 else np.random.randn(*s[0]) / s[1] for s in shapes]
    after = np.random.rand()

    np.random.seed(3)
    model = AttentionSeq2seq(V, D, H)
    assert np.random.rand() == after
    assert len(model.params) == len(model.grads) == len(expected)
    for param, grad, value in zip(model.params, model.grads, expected, strict=True):
        assert param.dtype == grad.dtype == np.float32
        assert param.shape == grad.shape == value.shape
        np.testing.assert_allclose(param, value, rtol=1e-6)


def test_loss_and_attention_are_those_of_the_plain_cells():
    model = random_model()
    xs, ts = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 6))
    losses, expected = [], []
    for x, t in zip(xs, ts, strict=True):
        _, scores, weights = write_plainly(model, x, None, 5, fed=t[:-1])
        losses.append(-np.log(softmax(scores)[np.arange(5), t[1:]]))
        expected.append(weights)
    for _ in range(2):      # nothing of one call goes into the next
        assert model.forward(xs, ts) == pytest.approx(np.mean(losses), rel=1e-10)
    weights = model.decoder.attention.attention_weights
    assert [w.shape for w in weights] == [(3, 4)] * 5               # one a decoding step
    np.testing.assert_allclose(np.sum(weights, axis=2), 1)
    np.testing.assert_allclose(np.stack(weights, axis=1), expected, rtol=1e-8)


def test_generation_in_batches_one_by_one_and_by_the_plain_cells():
    model = random_model(hidden_size=20, scale=2)
    xs = np.random.randint(0, V, (20, 4))
    expected = [write_plainly(model, x, 2, 6)[0] for x in xs]
    assert len(set(map(tuple, expected))) > 10      # else the comparison would say little
    answers = model.generate(xs, 2, 6)
    assert isinstance(answers, np.ndarray)
    assert answers.shape == (20, 6)
    assert answers.tolist() == expected
    for x, answer in zip(xs, expected, strict=True):
        assert model.generate(x[None], 2, 6) == answer          # a list of ints, as in the book
        assert model.generate(x, np.int64(2), 6) == answer
    assert model.generate(xs[:7, ::-1], 2, 3).shape == (7, 3)   # another batch size after this one
    assert model.generate(xs, 2, 6).tolist() == expected
    assert model.decoder.lstm.h is None


def test_beam_search_with_a_beam_for_every_beginning_finds_the_likeliest_answer():
    model = random_model(hidden_size=20, scale=0.7)
    xs, answers = np.random.randint(0, V, (12, 4)), np.array(list(np.ndindex(V, V, V)))        # (343, 3): all there are
    expected = []
    for x in xs:
        enc_hs = model.encoder.forward(np.tile(x, (len(answers), 1)))
        p = softmax(model.decoder.forward(np.hstack((np.full((len(answers), 1), 2), answers[:, :-1])), enc_hs))
        p = p[np.arange(len(answers))[:, None], np.arange(3), answers].prod(axis=1)
        expected.append(answers[p.argmax()].tolist())
    assert (model.generate(xs, 2, 3) != expected).any()             # the likeliest step by step is not always best
    assert model.generate(xs, 2, 3, beam_size=V * V).tolist() == expected


def test_float32_stays_float32():
    model = AttentionSeq2seq(V, D, H)
    xs, ts = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 5))
    enc_hs = model.encoder.forward(xs)
    score = model.decoder.forward(ts, enc_hs)
    denc_hs = model.decoder.backward(score)
    for array, shape in ((enc_hs, (3, 4, H)), (score, (3, 5, V)), (denc_hs, (3, 4, H))):
        assert array.shape == shape
        assert array.dtype == np.float32


def test_saved_model_gives_the_same_answers():
    xs = np.random.randint(0, V, (20, 4))
    model, other = (random_model('f', 20, 2) for _ in range(2))
    answers = model.generate(xs, 0, 6)
    assert (other.generate(xs, 0, 6) != answers).any()
    other.load_params(model.save_params())
    assert (other.generate(xs, 0, 6) == answers).all()


@pytest.mark.slow
def test_attention_finds_the_character_asked_for():
    """Copying a row of ten characters backwards: attention must learn where to look, one h is too small for all."""
    model = AttentionSeq2seq(8, 8, 32)
    optimizer = Adam(0.01)
    for _ in range(400):
        xs = np.random.randint(1, 8, (64, 10))
        loss = train_step(model, optimizer, xs, np.hstack((np.zeros((64, 1), int), xs[:, ::-1])), 5.0)
    assert loss < 0.05
    xs = np.random.randint(1, 8, (200, 10))
    assert (model.generate(xs, 0, 10) == xs[:, ::-1]).all(axis=1).mean() > 0.9


@pytest.mark.parametrize(('model', 'kind'), [('attention', AttentionSeq2seq), *(
    pytest.param(*row, marks=pytest.mark.slow) for row in (('seq2seq', Seq2seq), ('peeky', PeekySeq2seq)))])
def test_train(model, kind, few_dates, capsys, monkeypatch):
    seen, fit = [], Trainer.fit
    monkeypatch.setattr(Trainer, 'fit', lambda trainer, x, *args: (seen.append(x), fit(trainer, x, *args)))
    network, accuracies = train.main(model, hidden_size=8, batch_size=50, max_epoch=2, seed=1)
    assert type(network) is kind
    (x_train, _), (x_test, t_test) = few_dates
    np.testing.assert_array_equal(seen, [x_train[:, ::-1]])
    answers = network.generate(x_test[:, ::-1], int(t_test[0, 0]), 10)
    assert len(accuracies) == 2
    assert accuracies[-1] == (answers == t_test[:, 1:]).all(axis=1).mean()

    printed = capsys.readouterr().out
    assert f'val acc {100 * accuracies[-1]:.3f}% | epoch 2 / 2' in printed
    assert sum(line.startswith('Q ') for line in printed.splitlines()) == 20       # ten an epoch
    _, id_to_char = sequence.get_vocab()
    first = ''.join(id_to_char[i] for i in x_test[0])
    assert f'Q {first}\n' in printed                                               # in reading order
    assert Path(f'{kind.__name__}.npz').is_file()
    assert Path('ch08_train_accuracy.png').is_file()
    assert Path('ch08_train_attention.png').is_file() == (model == 'attention')


@pytest.mark.slow
def test_compare_models(few_dates):
    curves = compare_models.main(hidden_size=8, batch_size=50, max_epoch=2, seed=1)
    assert list(curves) == ['attention', 'plain', 'peeky']
    for model, accuracies in zip(train.MODELS, curves.values(), strict=True):
        assert train.main(model, hidden_size=8, batch_size=50, max_epoch=2, seed=1)[1] == accuracies
    assert Path('ch08_compare_models.png').is_file()


def test_visualize_attention(few_dates, capsys):
    V = len(sequence.get_vocab()[0])
    AttentionSeq2seq(V, 16, 8).save_params()
    weights = visualize_attention.main(seed=5)
    assert weights.shape == (5, 10, 29)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    assert f'picture: {Path("ch08_visualize_attention.png").resolve()}' in capsys.readouterr().out
    assert Path('ch08_visualize_attention.png').is_file()
    np.testing.assert_array_equal(visualize_attention.main('AttentionSeq2seq.npz', seed=5), weights)


def test_visualize_attention_without_weights(few_dates, monkeypatch, tmp_path):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'nothing'))
    with pytest.raises(FileNotFoundError, match=r'python -m ch08\.train'):
        visualize_attention.main()


def test_draw_attention_has_the_characters_in_reading_order(few_dates):
    """A decoder made to look only at the last character that it reads, which is the first of the date as written."""
    _, (x_test, t_test) = few_dates
    V = len(sequence.get_vocab()[0])
    model = AttentionSeq2seq(V, 4, 3)
    read = []
    model.encoder.lstm.forward = lambda xs: (read.append(xs), last_state_large(len(xs)))[1]
    model.decoder.lstm.params[1][...] = 0
    model.decoder.lstm.params[2][...] = 5      # Wh and b: every gate open, h above 0
    weights = visualize_attention.draw_attention(model, x_test[:3], t_test[:3])
    assert weights.shape == (3, 10, 29)
    for embedded in read:
        np.testing.assert_array_equal(embedded, model.encoder.params[0][x_test[:3, ::-1]])
    assert (weights[:, :, 0] > 0.99).all()

    _, id_to_char = sequence.get_vocab()
    question = ''.join(id_to_char[i] for i in x_test[0])
    axes = plt.gcf().axes[0]
    assert ''.join(label.get_text() for label in axes.get_xticklabels()) == question.replace(' ', '␣')
    answer = model.generate(x_test[:1, ::-1], int(t_test[0, 0]), 10)
    assert ''.join(label.get_text() for label in axes.get_yticklabels()) == ''.join(id_to_char[i] for i in answer)
    np.testing.assert_array_equal(axes.images[0].get_array(), weights[0])
    plt.close('all')


def last_state_large(N):
    hs = np.zeros((N, 29, 3), 'f')
    hs[:, -1] = 20
    return hs


@pytest.mark.slow
def test_main_job_runs_as_a_file(few_dates):
    flags = ['--max-epoch', '1', '--hidden-size', '8', '--batch-size', '32', '--seed', '1']
    done = subprocess.run([sys.executable, ROOT / 'ch08' / 'train.py', *flags], capture_output=True, encoding='utf-8',
                          timeout=60, env=os.environ | {'PYTHONIOENCODING': 'utf-8', 'MPLBACKEND': 'Agg'})
    assert done.returncode == 0, done.stderr
    assert '| epoch 1 |  iter 1 / 9 |' in done.stdout
    assert {path.name for path in Path().iterdir()} == {
        'date.txt', 'AttentionSeq2seq.npz', 'AttentionSeq2seq_checkpoint.npz', 'ch08_train_accuracy.png',
        'ch08_train_attention.png'}
