"""Chapter 6: the LSTM language models, their gradients, what they learn, and trainings that are stopped."""
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import ch06
from ch06 import (
    clip_grads,
    eval,
    gradient_flow,
    rnn_gradient_graph,
    show_gates,
    train_better_rnnlm,
    train_rnnlm,
)
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.checkpoint import Checkpoint
from common.gradient_check import check_gradients
from common.optimizer import Adam
from common.recurrent import TimeLSTM, TimeRNN
from common.trainer import RnnlmTrainer
from common.util import eval_perplexity
from dataset import ptb, toy

V, D, H, N, T = 7, 3, 4, 2, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(xs, Wx, Wh, b):
    """hs (N, T, H), one step after the other, from a state of zeros."""
    H = len(Wh)
    h = c = np.zeros((len(xs), H))
    hs = []
    for t in range(xs.shape[1]):
        a = xs[:, t] @ Wx + h @ Wh + b
        f, g, i, o = a[:, :H], a[:, H:2 * H], a[:, 2 * H:3 * H], a[:, 3 * H:]
        c = sigmoid(f) * c + np.tanh(g) * sigmoid(i)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1)


def mean_loss(scores, ts):
    p = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    return -np.mean([np.log(p[n, t, ts[n, t]]) for n in range(ts.shape[0]) for t in range(ts.shape[1])])


def draw(shape, scale):
    return (np.random.randn(*shape) / scale).astype('f')


def ids():
    rng = np.random.RandomState(1)
    return rng.randint(V, size=(N, T)), rng.randint(V, size=(N, T))


# ---------------------------------------------------------------- the models


def test_rnnlm_draws_its_weights_in_the_books_order():
    np.random.seed(5)
    params = Rnnlm(V, D, H).params
    np.random.seed(5)
    expected = [draw((V, D), 100), draw((D, 4 * H), D**0.5), draw((H, 4 * H), H**0.5), np.zeros(4 * H),
                draw((H, V), H**0.5), np.zeros(V)]
    assert len(params) == len(expected)
    for param, array in zip(params, expected, strict=True):
        assert param.dtype == np.float32
        np.testing.assert_array_equal(param, array)


def test_better_rnnlm_draws_its_weights_in_the_books_order():
    np.random.seed(5)
    params = BetterRnnlm(V, H, H).params
    np.random.seed(5)
    embed = draw((V, H), 100)
    expected = [embed]
    for _ in range(2):
        expected += [draw((H, 4 * H), H**0.5), draw((H, 4 * H), H**0.5), np.zeros(4 * H)]
    expected += [embed.T, np.zeros(V)]
    assert len(params) == len(expected)
    for param, array in zip(params, expected, strict=True):
        assert param.dtype == np.float32
        np.testing.assert_array_equal(param, array)


def test_better_rnnlm_ties_embedding_and_affine_layer():
    model = BetterRnnlm(V, H, H)
    embed_W, affine_W = model.params[0], model.params[7]
    embed_W[2, 1] = 42
    assert affine_W[1, 2] == 42
    assert np.shares_memory(embed_W, affine_W)


def test_better_rnnlm_wants_equal_sizes():
    with pytest.raises(ValueError, match=r'wordvec_size: expected hidden_size, 4, .*, got 3'):
        BetterRnnlm(V, wordvec_size=3, hidden_size=4)


def test_rnnlm_scores_and_loss():
    model = Rnnlm(V, D, H, dtype='d')
    xs, ts = ids()
    embed_W, Wx, Wh, b, W, affine_b = (p + 0.3 * np.random.randn(*p.shape) for p in model.params)
    for param, array in zip(model.params, (embed_W, Wx, Wh, b, W, affine_b), strict=True):
        param[...] = array
    scores = lstm(embed_W[xs], Wx, Wh, b) @ W + affine_b
    np.testing.assert_allclose(model.predict(xs), scores, rtol=1e-12)
    model.reset_state()
    assert model.forward(xs, ts) == pytest.approx(mean_loss(scores, ts), rel=1e-12)


@pytest.mark.parametrize('train_flg', [True, False])
def test_better_rnnlm_loss(train_flg):
    """Dropout comes after the embedding and after each LSTM, its masks drawn in that order, and only in training."""
    model = BetterRnnlm(V, H, H, dropout_ratio=0.4, dtype='d')
    xs, ts = ids()
    for param in model.params:
        param += 0.3 * np.random.randn(*param.shape)
    embed_W, Wx1, Wh1, b1, Wx2, Wh2, b2, _, affine_b = model.params
    np.random.seed(6)
    masks = [(np.random.rand(N, T, H) > 0.4) / 0.6 if train_flg else 1 for _ in range(3)]
    hs = lstm(embed_W[xs] * masks[0], Wx1, Wh1, b1) * masks[1]
    scores = (lstm(hs, Wx2, Wh2, b2) * masks[2]) @ embed_W.T + affine_b
    np.random.seed(6)
    options = {} if train_flg else {'train_flg': False}     # training is the default
    assert model.forward(xs, ts, **options) == pytest.approx(mean_loss(scores, ts), rel=1e-12)


def test_better_rnnlm_predicts_without_dropout():
    model = BetterRnnlm(V, H, H)
    model.forward(*ids())
    assert [layer.train_flg for layer in model.drop_layers] == [True] * 3
    model.reset_state()
    first = model.predict(ids()[0])
    assert [layer.train_flg for layer in model.drop_layers] == [False] * 3
    model.reset_state()
    np.testing.assert_array_equal(model.predict(ids()[0]), first)


@pytest.mark.parametrize('make', [lambda: Rnnlm(V, D, H, dtype='d'), lambda: BetterRnnlm(V, H, H, dtype='d')])
def test_gradients(make):
    check_gradients(make(), *ids())


@pytest.mark.parametrize('make', [lambda: Rnnlm(V, D, H, dtype='d'), lambda: BetterRnnlm(V, H, H, dtype='d')])
def test_state_runs_on_until_reset(make):
    model = make()
    xs, _ = ids()
    whole = model.predict(xs)
    model.reset_state()
    halves = [model.predict(xs[:, :3]), model.predict(xs[:, 3:])]
    np.testing.assert_allclose(np.concatenate(halves, axis=1), whole, rtol=1e-10)
    model.reset_state()
    np.testing.assert_allclose(model.predict(xs), whole, rtol=1e-10)


@pytest.mark.slow
def test_the_books_rnnlm_has_the_books_perplexity(real_data):
    model = Rnnlm()
    assert [p.shape for p in model.params] == [(10000, 100), (100, 400), (100, 400), (400,), (100, 10000), (10000,)]
    model.load_params(real_data / 'weights' / 'Rnnlm.pkl')
    model.reset_state()
    corpus, _, _ = ptb.load_data('test')
    assert eval_perplexity(model, corpus) == pytest.approx(136.08, abs=0.05)


@pytest.mark.slow
def test_lstm_comes_near_the_floor_of_the_toy_language():
    """On sentences it has never seen, within 15 %; nothing honest goes below the floor by more than chance."""
    corpus, word_to_id, _ = toy.load_data('train')
    corpus_test, _, _ = toy.load_data('test')
    model = Rnnlm(len(word_to_id), 64, 64)
    trainer = RnnlmTrainer(model, Adam(lr=0.01))
    trainer.fit(corpus[:-1], corpus[1:], max_epoch=4, batch_size=20, time_size=20, max_grad=5.0, eval_interval=None)
    model.reset_state()
    perplexity = eval_perplexity(model, corpus_test)
    assert 0.97 < perplexity / toy.perplexity_floor() < 1.15


# ---------------------------------------------------------------- small scripts


def test_clip_grads(capsys):
    np.random.seed(3)
    before = np.random.rand(18) * 10
    grads = clip_grads.main(max_norm=2.0, seed=3)
    after = np.concatenate([grad.ravel() for grad in grads])
    np.testing.assert_allclose(after, before * 2 / np.linalg.norm(before), rtol=1e-6)
    assert f'before: norm {np.linalg.norm(before):.4f}' in capsys.readouterr().out


def test_clip_grads_runs_inside_its_folder():
    done = subprocess.run([sys.executable, 'clip_grads.py', '--max-norm', '3'], cwd=Path(ch06.__file__).parent,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 'after:  norm 3.0000' in done.stdout


def test_rnn_gradient_graph():
    curves = rnn_gradient_graph.main()
    np.random.seed(3)
    Wh = np.random.randn(3, 3)
    for norms, W in zip(curves.values(), (Wh, 0.5 * Wh), strict=True):
        assert len(norms) == 20
        for t in (1, 20):
            dh = np.ones((2, 3)) @ np.linalg.matrix_power(W.T, t)
            assert norms[t - 1] == pytest.approx(np.linalg.norm(dh) / 2)
    exploding, vanishing = curves.values()
    assert exploding[-1] > 100 * exploding[0]
    assert vanishing[-1] < vanishing[0] / 100
    assert Path('ch06_rnn_gradient_graph.png').stat().st_size > 5000


@pytest.mark.parametrize('flow, kind, gates', [(gradient_flow.flow_through_rnn, TimeRNN, 1),
                                               (gradient_flow.flow_through_lstm, TimeLSTM, 4)])
def test_gradients_flow_as_through_the_layer_of_all_steps(flow, kind, gates):
    """In an RNN all of the last step's gradient comes by dh; in an LSTM by dc too, which a layer does not take in."""
    xs = np.random.randn(T, N, D)
    Wx, Wh, b = np.random.randn(D, gates * H), np.random.randn(H, gates * H), np.random.randn(gates * H)
    np.random.seed(4)
    norms = flow(xs, Wx, Wh, b)
    assert len(norms) == T + 1 and norms[0] == pytest.approx(1)
    np.random.seed(4)
    d = gradient_flow.first_gradient((N, H))
    # the last state as a function of the one before the first, by finite differences
    def last(h, c):
        layer = kind(Wx, Wh, b, stateful=True)
        layer.set_state(h, c) if gates == 4 else layer.set_state(h)
        layer.forward(xs.swapaxes(0, 1))
        return ((layer.c if gates == 4 else layer.h) * d).sum()

    zeros, eps, total = np.zeros((N, H)), 1e-6, 0
    for n in range(N):
        for j in range(H):
            step = zeros.copy()
            step[n, j] = eps
            total += ((last(step, zeros) - last(-step, zeros)) / (2 * eps))**2
            if gates == 4:
                total += ((last(zeros, step) - last(zeros, -step)) / (2 * eps))**2
    assert norms[-1] == pytest.approx(np.sqrt(total), rel=1e-5)


def test_an_open_forget_gate_keeps_the_gradient(monkeypatch):
    drawn = {}
    monkeypatch.setattr(gradient_flow, 'show', lambda name: drawn.update(
        {line.get_label(): line.get_ydata().tolist() for line in plt.gca().lines}))
    curves = gradient_flow.main()
    plt.close()
    assert drawn == curves and {len(norms) for norms in curves.values()} == {51}
    rnn, closed, half_open, opened = (norms[-1] for norms in curves.values())
    assert rnn < 1e-8 and closed < 1e-8 and 1e-6 < half_open < 1e-3 and 0.1 < opened < 10


def test_clipped_arrows_end_on_the_circle():
    arrows = np.array([[3.0, 4], [0, -1], [-30, 40]])
    clipped = clip_grads.draw(arrows.copy(), 4)
    np.testing.assert_allclose(clipped, [[2.4, 3.2], [0, -1], [-2.4, 3.2]], rtol=1e-5)
    before, after = plt.gca().collections
    np.testing.assert_array_equal(np.stack((before.U, before.V), axis=1), arrows)
    np.testing.assert_array_equal(np.stack((after.U, after.V), axis=1), clipped)
    plt.close()


# ---------------------------------------------------------------- the gates


def test_show_gates_draws_what_the_lstm_holds(monkeypatch, tmp_path):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    _, word_to_id, _ = toy.load_data()
    model = Rnnlm(len(word_to_id), 8, 6)
    for param in model.params[:4]:
        param[...] = np.random.randn(*param.shape)
    model.save_params('Rnnlm.npz', {'corpus': 'toy'}, list(word_to_id))
    axes = []
    monkeypatch.setattr(show_gates, 'show', lambda name: axes.extend(plt.gcf().axes))
    words, units, seen = show_gates.main(sentence='the dog sees the cat', units=4)
    plt.close()
    assert words == ['the', 'dog', 'sees', 'the', 'cat'] and len(set(units.tolist())) == 4
    ids = np.array([[word_to_id[word] for word in words]])
    model.predict(ids)
    layer = model.lstm_layer
    np.testing.assert_allclose(seen['h'][-1], layer.h[0], atol=1e-5)
    np.testing.assert_allclose(seen['c'][-1], layer.c[0], atol=1e-5)
    for t in range(1, 5):
        f, g, i, o, c, h = (seen[name][t] for name in 'fgioch')
        np.testing.assert_allclose(f * seen['c'][t - 1] + i * g, c, atol=1e-5)
        np.testing.assert_allclose(o * np.tanh(c), h, atol=1e-5)
    # the maps are those numbers, the unit that forgets least at the top; no unit left out changes more
    assert seen['f'].mean(axis=0)[units].tolist() == sorted(seen['f'].mean(axis=0)[units].tolist(), reverse=True)
    assert seen['c'].std(axis=0)[units].min() >= np.delete(seen['c'].std(axis=0), units).max()
    for ax, name in zip(axes, 'fiogch', strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), seen[name][:, units].T)
    for ax in axes[3:6]:        # the lower ones
        assert [label.get_text() for label in ax.get_xticklabels()] == words
    words, _, _ = show_gates.main()         # the corpus's own
    plt.close()
    assert words[0] == words[-1] == '<eos>' and words.count('<eos>') == 2
    with pytest.raises(ValueError, match=r"^sentence: expected words of the corpus, got 'a zebra' \(it has no zebra\)"):
        show_gates.main(sentence='a zebra')


# ---------------------------------------------------------------- training


TINY = {'batch_size': 100, 'wordvec_size': 8, 'hidden_size': 8, 'max_epoch': 1}


@pytest.mark.slow
def test_train_rnnlm_and_eval(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    trainer, perplexity = train_rnnlm.main('toy', **TINY, seed=1)
    assert trainer.ppl_list[0] == pytest.approx(338, rel=0.02)      # it begins by knowing nothing of 338 words
    assert perplexity < 200
    assert Path('ch06_train_rnnlm.png').exists()
    out = capsys.readouterr().out
    assert f'test perplexity: {perplexity:.2f}' in out
    assert f'better than {toy.perplexity_floor():.2f}' in out
    assert eval.main() == pytest.approx(perplexity)         # sizes and corpus are told by the file
    Path('own.txt').write_text('a b c\n' * 200, encoding='utf-8')
    with pytest.raises(ValueError, match=r"^corpus: expected 'toy', from which Rnnlm\.npz was learnt, got 'own\.txt'$"):
        eval.main(corpus='own.txt')
    with pytest.raises(ValueError, match=r"^corpus: expected 'toy', from which Rnnlm\.npz was learnt, got 'ptb'$"):
        eval.main(corpus='ptb')         # which is not at hand, and need not be
    with pytest.raises(ValueError, match=r"^Rnnlm\.npz: expected weights of BetterRnnlm, got those of 'Rnnlm'$"):
        eval.main(model='better_rnnlm', params='Rnnlm.npz')
    first = Path('Rnnlm.npz').read_bytes()
    assert train_rnnlm.main('toy', **TINY, seed=1)[1] == perplexity
    assert Path('Rnnlm.1.npz').read_bytes() == first and Path('Rnnlm_checkpoint.1.npz').exists()
    assert 'Rnnlm.npz was there and is now Rnnlm.1.npz\n' in capsys.readouterr().out


def test_a_long_sentence_has_a_wide_picture():
    seen = {name: np.ones((40, 3)) for name in show_gates.NAMES}
    for words, width in (['word'] * 40, 24), (['word'] * 10, 11):
        show_gates.draw(words, [0, 2], {name: values[:len(words)] for name, values in seen.items()})
        assert plt.gcf().get_figwidth() == width
        plt.close()


def test_eval_finds_the_text_that_was_learnt_from(capsys):
    Path('own.txt').write_text('나는 책을 본다\n' * 2000, encoding='cp949')
    _, perplexity = train_rnnlm.main('own.txt', encoding='cp949', **TINY, seed=1)
    assert eval.main() == pytest.approx(perplexity)
    Path('moved.txt').write_text(Path('own.txt').read_text('cp949'), encoding='utf-8')
    Path('own.txt').unlink()
    with pytest.raises(ValueError, match=r"^corpus: expected 'own\.txt', .* not here: say where$"):
        eval.main()
    assert eval.main(corpus='moved.txt', encoding='utf-8') == pytest.approx(perplexity)


def test_without_an_epoch_no_weights_are_written(capsys):
    Path('Rnnlm.npz').write_bytes(b'trained long ago')
    train_rnnlm.main('toy', **TINY | {'max_epoch': 0})
    assert 'nothing was learnt: no weights are written\n' in capsys.readouterr().out
    assert Path('Rnnlm.npz').read_bytes() == b'trained long ago'
    assert sorted(path.name for path in Path().iterdir()) == ['Rnnlm.npz', 'ch06_train_rnnlm.png']


def test_eval_without_weights_says_what_makes_them(monkeypatch, tmp_path):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'ch06\.train_better_rnnlm makes it'):
        eval.main(model='better_rnnlm', corpus='toy')


@pytest.mark.parametrize('length, pieces, steps', [(2, 1, 1), (30, 1, 29), (200, 5, 35), (351, 10, 35), (800, 10, 70)])
def test_perplexity_of_a_short_text(length, pieces, steps, capsys):
    """That of its pieces read side by side, from a fresh state; without a word."""
    model = Rnnlm(7, 3, 4)
    model.params[0][...] *= 50
    ids = np.random.randint(7, size=length)
    starts = np.arange(pieces) * ((length - 1) // pieces)
    x, t = (np.stack([ids[i + ahead:i + ahead + steps] for i in starts]) for ahead in (0, 1))
    expected = np.exp(model.forward(x, t))
    for _ in range(2):
        assert eval.perplexity_afresh(model, ids) == pytest.approx(float(expected), rel=1e-5)
    assert abs(expected - 7) > 1e-3 and capsys.readouterr().out == ''


def test_train_rnnlm_keeps_what_was_learnt_on_ctrl_c(monkeypatch):
    models = []

    def fit(self, *args, **kwargs):
        models.append(self.model)
        self.model.params[0][...] = 7
        raise KeyboardInterrupt

    monkeypatch.setattr(RnnlmTrainer, 'fit', fit)
    with pytest.raises(KeyboardInterrupt):
        train_rnnlm.main('toy', **TINY)
    with np.load('Rnnlm_interrupted.npz') as file:
        np.testing.assert_array_equal(file['param_0'], np.full((338, 8), 7))
        np.testing.assert_array_equal(file['param_1'], models[0].params[1])


@pytest.mark.slow
def test_train_rnnlm_with_a_schedule_and_patience(capsys, monkeypatch):
    valid = iter([100.0, 90.0, 95.0, 91.0])
    with monkeypatch.context() as patch:
        patch.setattr(train_rnnlm, 'perplexity_afresh', lambda model, corpus: next(valid))
        trainer, _ = train_rnnlm.main('toy', **TINY | {'max_epoch': 9}, schedule='plateau', patience=2, seed=1)
    assert trainer.valid_list == [100, 90, 95, 91] and trainer.current_epoch == 4
    assert trainer.optimizer.lr == 20 / 16
    assert '| epoch 2 | valid 90.00\n' in capsys.readouterr().out
    trainer, _ = train_rnnlm.main('toy', **TINY | {'max_epoch': 2}, schedule='cosine', seed=1)
    assert trainer.optimizer.lr == pytest.approx(0, abs=1e-12) and len(trainer.valid_list) == 2


def test_better_rnnlm_where_it_cannot_save_does_not_begin(monkeypatch):
    monkeypatch.setattr(RnnlmTrainer, 'fit', lambda *args, **kwargs: pytest.fail('the training began'))
    with pytest.raises(PermissionError, match='runs cannot be written: expected a folder'):
        train_better_rnnlm.main('toy', **TINY, name='runs/first')
    with pytest.raises(ValueError, match='name: expected what the files are to be called, got nothing'):
        train_better_rnnlm.main('toy', **TINY, name='')


class Stop(Exception):
    """Stands for a kill."""


def stop_at(monkeypatch, owner, name, call):
    """Let the call-th call of owner.name raise Stop instead of doing anything."""
    function, calls = getattr(owner, name), []

    def stopping(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            raise Stop
        return function(*args, **kwargs)

    monkeypatch.setattr(owner, name, stopping)


@pytest.fixture
def better():
    """train_better_rnnlm.main with small settings, on a small text."""
    corpus, _, id_to_word = toy.load_data(size=700)
    Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', '\n'), encoding='utf-8')

    def main(name, **settings):
        small = {'batch_size': 10, 'wordvec_size': 6, 'hidden_size': 6, 'time_size': 10, 'max_epoch': 3}
        return train_better_rnnlm.main('small.txt', name=name, **small | settings)

    return main


def arrays(path):
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize(('better_and_better', 'final_rate', 'epoch'), [(True, 2.0, 2), (False, 2 / 16, 3)])
def test_resumed_training_ends_as_one_never_stopped(better, monkeypatch, without_run, better_and_better, final_rate,
                                                    epoch):
    """Stopped somewhere in the epoch of this number.

    Where the validation becomes worse and worse the rate is quartered, and the first model stays the best.
    """
    learning_rate, perplexity_afresh = 2.0, train_better_rnnlm.perplexity_afresh
    if not better_and_better:
        monkeypatch.setattr(train_better_rnnlm, 'perplexity_afresh', lambda *args: 1 / perplexity_afresh(*args))
    np.random.seed(7)
    straight, perplexity = better('straight', learning_rate=learning_rate)
    assert straight.current_epoch == 3
    assert straight.optimizer.lr == final_rate
    expected = arrays('straight_checkpoint.npz')
    assert len(expected['ppl_list']) == len(straight.ppl_list) >= 6
    assert expected['param_0'].dtype == np.float32

    stops = {'before the epoch': (RnnlmTrainer, 'train_epoch'),
             'after the epoch': (train_better_rnnlm, 'perplexity_afresh'),
             'between the best model and the checkpoint': (Checkpoint, 'save')}
    if better_and_better:       # every epoch has a best model
        stops['before the best model'] = BetterRnnlm, 'save_params'
    for name, (owner, function) in stops.items():
        np.random.seed(7)
        with monkeypatch.context() as patch, pytest.raises(Stop):
            stop_at(patch, owner, function, epoch)
            better(name, learning_rate=learning_rate)
        assert arrays(f'{name}_checkpoint.npz')['current_epoch'] == epoch - 1
        np.random.seed(99)      # what chance was like when the process died is in the checkpoint alone
        resumed, ppl = better(name, learning_rate=learning_rate, resume=True)

        assert ppl == perplexity
        assert resumed.ppl_list == straight.ppl_list
        assert resumed.optimizer.lr == straight.optimizer.lr
        for param, other in zip(resumed.model.params, straight.model.params, strict=True):
            np.testing.assert_array_equal(param, other)
        found = arrays(f'{name}_checkpoint.npz')
        assert found.keys() == expected.keys()
        for key, array in expected.items():
            assert without_run(key, found[key]) == without_run(key, array), key
        for key, array in arrays('straight.npz').items():
            assert without_run(key, arrays(f'{name}.npz')[key]) == without_run(key, array), key


def test_resume_goes_on_for_more_epochs(better):
    np.random.seed(7)
    straight, _ = better('straight')
    np.random.seed(7)
    better('longer', max_epoch=2)
    resumed, _ = better('longer', max_epoch=3, resume=True)
    assert resumed.ppl_list == straight.ppl_list


def test_best_model_is_kept_and_the_rate_quartered(better, monkeypatch):
    valid = iter([100.0, 120.0, 90.0, float('nan'), 95.0])
    seen = []

    def perplexity(model, corpus):
        seen.append([param.copy() for param in model.params])
        return next(valid)

    monkeypatch.setattr(train_better_rnnlm, 'perplexity_afresh', perplexity)
    trainer, _ = better('model', max_epoch=5)
    assert trainer.optimizer.lr == 20 / 4**3
    kept = arrays('model.npz')
    for i, (param, best) in enumerate(zip(trainer.model.params, seen[2], strict=True)):
        np.testing.assert_array_equal(param, best)
        np.testing.assert_array_equal(kept[f'param_{i}'], best)
    last = arrays('model_checkpoint.npz')
    np.testing.assert_array_equal(last['valid_list'], [100, 120, 90, np.nan, 95])
    np.testing.assert_array_equal(last['param_1'], seen[4][1])
    assert not np.array_equal(seen[4][1], seen[2][1])


def test_patience_ends_the_training_and_resuming_does_not_begin_it_anew(better, monkeypatch):
    valid = iter([100.0, 120.0, 110.0, 130.0])
    monkeypatch.setattr(train_better_rnnlm, 'perplexity_afresh', lambda model, corpus: next(valid))
    trainer, _ = better('model', max_epoch=9, patience=3)
    assert trainer.valid_list == [100, 120, 110, 130]
    again, _ = better('model', max_epoch=9, patience=3, resume=True)
    assert again.valid_list == trainer.valid_list and again.current_epoch == 4


@pytest.mark.parametrize('Model, places', [(Rnnlm, [3]), (BetterRnnlm, [3, 6])])
def test_forget_bias(Model, places):
    """In f's block of each LSTM's b alone; nothing else is drawn differently."""
    np.random.seed(3)
    plain = Model(V, H, H)
    np.random.seed(3)
    model = Model(V, H, H, forget_bias=1.0)
    for i, (param, other) in enumerate(zip(model.params, plain.params, strict=True)):
        expected = [1.0] * H + [0.0] * 3 * H if i in places else other
        np.testing.assert_array_equal(param, expected)
        assert param.dtype == np.float32


def test_an_earlier_training_is_not_overwritten(better, capsys):
    better('model', max_epoch=2)
    before = {path.name: path.read_bytes() for path in Path().glob('model*')}
    assert before.keys() == {'model.npz', 'model_checkpoint.npz'}
    capsys.readouterr()
    better('model', max_epoch=2)
    assert Path('model.1.npz').read_bytes() == before['model.npz']
    assert Path('model_checkpoint.1.npz').read_bytes() == before['model_checkpoint.npz']
    assert len(list(Path().glob('model*'))) == 4        # once a training, not once an epoch
    out = capsys.readouterr().out
    assert out.count('model.npz was there and is now model.1.npz\n') == 1
    better('model', max_epoch=2)
    assert Path('model.1.npz').read_bytes() == before['model.npz'] and Path('model.2.npz').exists()


@pytest.mark.parametrize('other', [{'hidden_size': 5, 'wordvec_size': 5}, {'dropout': 0.1}, {'learning_rate': 1.0},
                                   {'batch_size': 11}, {'time_size': 9}, {'max_grad': 1.0}, {'seed': 2}])
def test_resume_wants_the_same_settings(better, other):
    better('model', max_epoch=1)
    says = f'^({"|".join(other)}): expected .*, with which model_checkpoint.npz was made, got '
    with pytest.raises(ValueError, match=says):
        better('model', max_epoch=2, resume=True, **other)


def test_resume_wants_the_same_corpus_and_the_best_model(better):
    better('model', max_epoch=1)
    Path('model.npz').rename('elsewhere.npz')
    with pytest.raises(FileNotFoundError, match=r'model\.npz, the best model so far, is not beside'):
        better('model', resume=True)
    text = Path('small.txt').read_text(encoding='utf-8')
    Path('small.txt').write_text(text + '\n' + text, encoding='utf-8')
    with pytest.raises(ValueError, match=r"data: expected '\d+, \d+, .*', with which .* made, got '\d+, \d+, "):
        better('model', resume=True)


def test_resume_without_a_checkpoint_starts_afresh(better, capsys):
    np.random.seed(7)
    afresh, _ = better('afresh', max_epoch=1)
    np.random.seed(7)
    capsys.readouterr()
    trainer, _ = better('model', max_epoch=1, resume=True)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith('corpus size: ') and first.endswith(f'vocabulary size: {len(trainer.model.params[0])}')
    assert second.startswith('there is no model_checkpoint.npz here: starting afresh')
    assert trainer.ppl_list == afresh.ppl_list


def test_resume_without_a_checkpoint_spares_the_model_there(better):
    better('model', max_epoch=1)
    before = Path('model.npz').read_bytes()
    Path('model_checkpoint.npz').unlink()
    better('model', max_epoch=1, resume=True)
    assert Path('model.1.npz').read_bytes() == before


def test_resume_refuses_another_file(better):
    np.savez('model_checkpoint.npz', param_0=np.zeros(3))
    with pytest.raises(ValueError, match=r'model_checkpoint.npz: expected a checkpoint, got param_0'):
        better('model', resume=True)


def test_ctrl_c_in_the_first_epoch_keeps_the_model(better, monkeypatch):
    def fit(self, *args, **kwargs):
        self.model.params[0][...] = 7
        raise KeyboardInterrupt

    monkeypatch.setattr(RnnlmTrainer, 'fit', fit)
    with pytest.raises(KeyboardInterrupt, match=r'model_interrupted\.npz'):
        better('model')
    assert (arrays('model_interrupted.npz')['param_0'] == 7).all()
    assert not Path('model.npz').exists()       # nothing stands in the way of a new start


def test_ctrl_c_later_names_the_checkpoint(better, monkeypatch, capsys):
    train_epoch = RnnlmTrainer.train_epoch

    def stopped_in_the_second(self, *args):
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        train_epoch(self, *args)

    monkeypatch.setattr(RnnlmTrainer, 'train_epoch', stopped_in_the_second)
    with pytest.raises(KeyboardInterrupt, match=r'model_interrupted\.npz'):
        better('model')
    assert 'the last whole epoch is in model_checkpoint.npz: --resume goes on' in capsys.readouterr().err
    assert arrays('model_checkpoint.npz')['current_epoch'] == 1
