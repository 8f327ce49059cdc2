"""Seq2seq and peeky seq2seq: gradients, first weights, generation against the plain cells, learning, the scripts."""
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch07 import compare_models, show_addition_dataset, show_mistakes, train_seq2seq
from ch07.peeky_seq2seq import PeekyDecoder, PeekySeq2seq
from ch07.seq2seq import Decoder, Encoder, Seq2seq
from common.functions import softmax
from common.gradient_check import check_gradients
from common.optimizer import Adam
from common.time_layers import LSTM
from common.trainer import Trainer
from common.util import evaluate_seq2seq
from dataset import sequence

KINDS = {'plain': Seq2seq, 'peeky': PeekySeq2seq}
V, D, H = 7, 4, 5
ROOT = Path(__file__).parents[1]


def random_model(kind, dtype='f8', hidden_size=H, scale=1):
    """A model with random biases too. Size 20 and scale 2 make its answers differ from question to question."""
    model = KINDS[kind](V, D, hidden_size, dtype)
    for param in model.params:
        param[...] = scale * np.random.randn(*param.shape)
    return model


def write_plainly(model, kind, question, start_id, size, fed=None):
    """One answer, step by step with the LSTM cell -> its ids and the scores of each step (size, V).

    fed: the ids that go in, in place of start_id and the answer's own.
    """
    E, Wx, Wh, b = model.params[:4]
    cell = LSTM(Wx, Wh, b)
    h = c = np.zeros((1, len(Wh)))
    for i in question:
        h, c = cell.forward(E[[i]], h, c)
    peek = h
    E, Wx, Wh, b, W, bias = model.params[4:]
    cell, c = LSTM(Wx, Wh, b), np.zeros((1, len(Wh)))
    ids, scores = [start_id], []
    for t in range(size):
        x = E[[ids[-1] if fed is None else fed[t]]]
        h, c = cell.forward(np.hstack((peek, x)) if kind == 'peeky' else x, h, c)
        scores.append((np.hstack((peek, h)) if kind == 'peeky' else h) @ W + bias)
        ids.append(int(scores[-1].argmax()))
    return ids[1:], np.concatenate(scores)


def write_small_additions(name, count=None):
    """Sums of two numbers below 100, in the book's form: 10,000 lines, or `count` of them."""
    lines = [f'{a}+{b}'.ljust(5) + f'_{a + b}'.ljust(4) for a in range(100) for b in range(100)]
    np.random.RandomState(0).shuffle(lines)
    Path(name).write_text('\n'.join(lines[:count]) + '\n')


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_of_the_models(kind):
    xs, ts = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 5))
    check_gradients(random_model(kind), xs, ts)


def test_gradients_of_encoder_and_decoders():
    xs, h = np.random.randint(0, V, (3, 4)), np.random.randn(3, H)
    check_gradients(Encoder(V, D, H, 'f8'), xs)
    for decoder in (Decoder, PeekyDecoder):
        check_gradients(decoder(V, D, H, 'f8'), xs, h)


@pytest.mark.parametrize('kind', KINDS)
def test_first_weights_are_drawn_in_the_books_order(kind):
    peek = H if kind == 'peeky' else 0
    np.random.seed(3)
    shapes = [((V, D), 100), ((D, 4 * H), D**0.5), ((H, 4 * H), H**0.5), (4 * H,),
              ((V, D), 100), ((peek + D, 4 * H), (peek + D)**0.5), ((H, 4 * H), H**0.5), (4 * H,),
              ((peek + H, V), (peek + H)**0.5), (V,)]
    expected = [np.zeros(s) if len(s) == 1 else np.random.randn(*s[0]) / s[1] for s in shapes]
    after = np.random.rand()

    np.random.seed(3)
    model = KINDS[kind](V, D, H)
    assert np.random.rand() == after
    assert len(model.params) == len(model.grads) == len(expected)
    for param, grad, value in zip(model.params, model.grads, expected, strict=True):
        assert param.dtype == grad.dtype == np.float32
        assert param.shape == grad.shape == value.shape
        np.testing.assert_allclose(param, value, rtol=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_loss_is_that_of_the_plain_cells(kind):
    model = random_model(kind)
    xs, ts = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 6))
    losses = []
    for x, t in zip(xs, ts, strict=True):
        _, scores = write_plainly(model, kind, x, None, 5, fed=t[:-1])
        losses.append(-np.log(softmax(scores)[np.arange(5), t[1:]]))
    for _ in range(2):      # nothing of one call goes into the next
        assert model.forward(xs, ts) == pytest.approx(np.mean(losses), rel=1e-10)


@pytest.mark.parametrize('kind', KINDS)
def test_generation_in_batches_one_by_one_and_by_the_plain_cells(kind):
    model = random_model(kind, hidden_size=20, scale=2)
    xs = np.random.randint(0, V, (20, 4))
    expected = [write_plainly(model, kind, x, 2, 6)[0] for x in xs]
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


def log_probabilities(model, x, answers, start_id):
    """Of each of the answers (M, T) to the question x (S,), by one forward of the decoder."""
    M, T = answers.shape
    h = model.encoder.forward(np.tile(x, (M, 1)))
    score = model.decoder.forward(np.hstack((np.full((M, 1), start_id), answers[:, :-1])), h)
    return np.log(softmax(score))[np.arange(M)[:, None], np.arange(T), answers].sum(axis=1)


@pytest.mark.parametrize('kind', KINDS)
def test_beam_search_with_a_beam_for_every_beginning_finds_the_likeliest_answer(kind):
    model = random_model(kind, hidden_size=20, scale=0.7)
    xs = np.random.randint(0, V, (12, 4))
    answers = np.array(list(np.ndindex(V, V, V)))                   # (343, 3): all there are
    expected = [answers[log_probabilities(model, x, answers, 2).argmax()].tolist() for x in xs]
    assert (model.generate(xs, 2, 3) != expected).any()             # the likeliest step by step is not always best
    assert model.generate(xs, 2, 3, beam_size=V * V).tolist() == expected
    assert model.generate(xs[0], 2, 3, beam_size=V * V) == expected[0]
    assert model.decoder.lstm.h is None


@pytest.mark.parametrize('kind', KINDS)
def test_wider_beams_find_likelier_answers(kind):
    model = random_model(kind, hidden_size=20, scale=0.7)
    xs = np.random.randint(0, V, (40, 4))
    means = []
    for beam_size in (1, 2, 4, 16):
        answers = model.generate(xs, 2, 6, beam_size=beam_size)
        assert answers.shape == (40, 6)
        means.append(np.mean([log_probabilities(model, x, a[None], 2) for x, a in zip(xs, answers, strict=True)]))
    assert means == sorted(means) and means[-1] > means[0] + 0.01
    np.testing.assert_array_equal(model.decoder.beam_search(model.encoder.forward(xs), 2, 6, 1),
                                  model.generate(xs, 2, 6))


@pytest.mark.parametrize('kind', KINDS)
def test_forget_bias(kind):
    np.random.seed(3)
    plain = KINDS[kind](V, D, H)
    np.random.seed(3)
    model = KINDS[kind](V, D, H, forget_bias=1.0)
    for i, (param, other) in enumerate(zip(model.params, plain.params, strict=True)):
        np.testing.assert_array_equal(param, [1.0] * H + [0.0] * 3 * H if i in (3, 7) else other)


def test_float32_stays_float32():
    for model in (Seq2seq(V, D, H), PeekySeq2seq(V, D, H)):
        xs, ts = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 5))
        h = model.encoder.forward(xs)
        assert h.shape == (3, H)
        assert h.dtype == np.float32
        score = model.decoder.forward(ts, h)
        assert score.shape == (3, 5, V)
        assert score.dtype == np.float32
        dh = model.decoder.backward(score)
        assert dh.shape == (3, H)
        assert dh.dtype == np.float32


@pytest.mark.parametrize('kind', KINDS)
def test_saved_model_gives_the_same_answers(kind):
    xs = np.random.randint(0, V, (20, 4))
    model, other = (random_model(kind, 'f', 20, 2) for _ in range(2))
    answers = model.generate(xs, 0, 6)
    assert (other.generate(xs, 0, 6) != answers).any()
    other.load_params(model.save_params())
    assert Path(f'{type(model).__name__}.npz').is_file()
    assert (other.generate(xs, 0, 6) == answers).all()


@pytest.mark.slow
def test_it_learns_to_add():
    write_small_additions('small.txt')
    (x_train, t_train), (x_test, t_test) = sequence.load_data('small.txt')
    model = PeekySeq2seq(len(sequence.get_vocab()[0]), 16, 64)
    trainer = Trainer(model, Adam(0.005))
    trainer.fit(x_train[:, ::-1], t_train, 6, 50, 5.0, eval_interval=60)
    trainer.optimizer.lr = 0.0005
    trainer.fit(x_train[:, ::-1], t_train, 1, 50, 5.0, eval_interval=60)
    assert trainer.loss_list[-1] < 0.1                              # from log 13 = 2.6
    assert evaluate_seq2seq(model, x_test[:, ::-1], t_test) > 0.9


@pytest.mark.parametrize(('flags', 'name'), [({}, 'Seq2seq'), ({'reverse': True}, 'Seq2seq'),
                                             ({'reverse': True, 'peeky': True}, 'PeekySeq2seq')])
def test_train_seq2seq(flags, name, capsys):
    write_small_additions('small.txt', 400)
    model, accuracies = train_seq2seq.main(hidden_size=8, batch_size=40, max_epoch=2, file_name='small.txt', seed=1,
                                           **flags)
    assert type(model).__name__ == name
    _, (x_test, t_test) = sequence.load_data('small.txt')
    if flags:
        x_test = x_test[:, ::-1]
    answers = model.generate(x_test, int(t_test[0, 0]), 3)
    assert len(accuracies) == 2
    assert accuracies[-1] == (answers == t_test[:, 1:]).all(axis=1).mean()

    printed = capsys.readouterr().out
    assert '| epoch 2 |  iter 1 / 9 |' in printed
    assert f'val acc {100 * accuracies[-1]:.3f}% | epoch 2 / 2' in printed
    questions = [line for line in printed.splitlines() if line.startswith('Q ')]
    assert len(questions) == 20                                     # ten an epoch
    right = [line[2:] for line in printed.splitlines() if line.startswith('T ')]
    for question, answer in zip(questions, right, strict=True):     # printed in reading order, reversed or not
        a, b = question[2:].split('+')
        assert int(a) + int(b) == int(answer)
    assert Path('ch07_train_seq2seq.png').is_file()
    assert Path(f'{name}.npz').is_file()


def test_train_seq2seq_with_beams_and_forget_bias(capsys):
    write_small_additions('small.txt', 400)
    model, accuracies = train_seq2seq.main(hidden_size=8, batch_size=40, max_epoch=1, file_name='small.txt', seed=1,
                                           beam_size=3, forget_bias=1.0)
    _, (x_test, t_test) = sequence.load_data('small.txt')
    answers = model.generate(x_test, int(t_test[0, 0]), 3, beam_size=3)
    assert accuracies == [(answers == t_test[:, 1:]).all(axis=1).mean()]
    _, id_to_char = sequence.get_vocab()
    first = ''.join(id_to_char[i] for i in answers[0])
    assert f' {first}\n---' in capsys.readouterr().out             # what is printed is what is counted
    assert model.params[3][:8].mean() > 0.9


def test_compare_models(monkeypatch):
    write_small_additions('small.txt', 400)
    labels, show = [], compare_models.show
    monkeypatch.setattr(compare_models, 'show', lambda name: (labels.append(plt.gca().get_ylabel()), show(name)))
    curves = compare_models.main(hidden_size=8, batch_size=40, max_epoch=2, file_name='small.txt', seed=1)
    assert labels == ['test questions answered correctly (%)']
    for name, flags in {'plain': {}, 'reversed': {'reverse': True},
                        'reversed + peeky': {'reverse': True, 'peeky': True}}.items():
        _, accuracies = train_seq2seq.main(hidden_size=8, batch_size=40, max_epoch=2, file_name='small.txt', seed=1,
                                           **flags)
        assert curves[name] == accuracies
    assert Path('ch07_compare_models.png').is_file()
    kept = [np.load(f'{name}.npz')['param_0'] for name in ('plain', 'reversed', 'reversed_peeky')]
    assert not np.array_equal(kept[0], kept[1])
    np.testing.assert_array_equal(kept[2], np.load('PeekySeq2seq.npz')['param_0'])


@pytest.mark.parametrize('a, b, count', [(57, 65, 2), (12, 30, 0), (999, 1, 3), (5, 5, 1), (0, 0, 0), (190, 15, 1)])
def test_digits_carried(a, b, count):
    assert show_mistakes.carries(a, b) == show_mistakes.carries(b, a) == count


@pytest.mark.parametrize('answer, name', [(62, 'right'), (61, '1'), (71, '2 to 9'), (52, '10 to 99'), (72, '10 to 99'),
                                          (162, '100 and more'), (None, 'no number')])
def test_how_far_off_an_answer_is(answer, name):
    assert show_mistakes.off_by(57, 5, answer) == name


@pytest.mark.parametrize('flags', [[], ['reverse', 'peeky']])
def test_show_mistakes_draws_the_answers_of_the_file(flags, monkeypatch):
    write_small_additions('addition.txt', 400)
    flags = dict.fromkeys(flags, True)
    model, accuracies = train_seq2seq.main(hidden_size=8, batch_size=40, max_epoch=8, seed=1, **flags)
    axes = []
    monkeypatch.setattr(show_mistakes, 'show', lambda name: axes.extend(plt.gcf().axes))
    sums = show_mistakes.main(peeky='peeky' in flags)
    plt.close()
    _, (x_test, t_test) = sequence.load_data('addition.txt')
    answers = model.generate(x_test[:, ::-1] if flags else x_test, int(t_test[0, 0]), 3)
    _, id_to_char = sequence.get_vocab()
    for (a, b, answer), x, given in zip(sums, x_test.tolist(), answers.tolist(), strict=True):
        assert ''.join(id_to_char[i] for i in x).strip() == f'{a}+{b}'
        text = ''.join(id_to_char[i] for i in given).strip()
        assert answer == (int(text) if text.isdigit() else None)
    right = sum(answer == a + b for a, b, answer in sums)
    assert right / len(sums) == accuracies[-1]
    plane, carried, off = axes
    assert [len(points.get_offsets()) for points in plane.collections] == [right, len(sums) - right]
    wrong = [[a, b] for a, b, answer in sums if answer != a + b]
    assert plane.collections[1].get_offsets().tolist() == wrong
    assert sum(bar.get_width() for bar in off.patches) == len(wrong)
    assert sum(int(text.get_text().split()[-1]) for text in carried.texts) == len(sums)


def test_bars_are_the_shares_of_right_answers():
    ax = plt.figure().subplots()
    show_mistakes.bar_shares(ax, ['b', 'a', 'b', 'b', 'a'], [True, False, True, False, False], ['b', 'c', 'a'])
    assert [bar.get_width() for bar in ax.patches] == [pytest.approx(200 / 3), 0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ['b', 'a']
    assert [text.get_text() for text in ax.texts] == ['66.7 % of 3', '0.0 % of 2']
    plt.close()


def test_mistakes_of_other_weights_are_not_looked_for():
    Path('date.txt').write_text('\n'.join(sequence.make_dates()[:400]) + '\n', encoding='utf-8')
    train_seq2seq.main(hidden_size=8, batch_size=40, max_epoch=1, seed=1, file_name='date.txt')
    with pytest.raises(ValueError, match=r'^Seq2seq\.npz: expected weights of Seq2seq or PeekySeq2seq learnt from '
                                         r'addition\.txt, got those of Seq2seq learnt from other characters$'):
        show_mistakes.main()


def test_ctrl_c_keeps_the_model(monkeypatch, capsys):
    write_small_additions('small.txt', 400)
    train_epoch = Trainer.train_epoch

    def stopped_in_the_second_epoch(trainer, *args):
        if trainer.current_epoch:
            raise KeyboardInterrupt
        train_epoch(trainer, *args)

    monkeypatch.setattr(Trainer, 'train_epoch', stopped_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        train_seq2seq.main(hidden_size=8, batch_size=40, file_name='small.txt')
    err = capsys.readouterr().err
    assert 'is in Seq2seq_checkpoint.npz: --resume goes on from there' in err
    assert str(Path('Seq2seq_interrupted.npz').resolve()) in err and not Path('Seq2seq.npz').exists()
    Seq2seq(len(sequence.get_vocab()[0]), 16, 8).load_params('Seq2seq_interrupted.npz')


def test_show_addition_dataset(capsys):
    write_small_additions('small.txt', 400)
    x_train, _, x_test, _ = show_addition_dataset.main('small.txt')
    assert (x_train.shape, x_test.shape) == ((360, 5), (40, 5))
    printed = capsys.readouterr().out
    assert '(360, 5) (360, 4)' in printed
    assert '(40, 5) (40, 4)' in printed
    question, answer = (line.strip("'_ ") for line in printed.splitlines() if line.startswith("'"))
    a, b = question.split('+')
    assert int(a) + int(b) == int(answer)


def test_script_runs_inside_its_folder():
    done = subprocess.run([sys.executable, 'show_addition_dataset.py'], cwd=ROOT / 'ch07', capture_output=True,
                          text=True, timeout=60, env=os.environ | {'PYTHONIOENCODING': 'utf-8'})
    assert done.returncode == 0, done.stderr
    assert '(45000, 7) (45000, 5)' in done.stdout
    assert '(5000, 7) (5000, 5)' in done.stdout
