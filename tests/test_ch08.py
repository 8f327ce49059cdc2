"""Seq2seq with attention: gradients, first weights, generation against the plain cells, the main job, its pictures."""
import os
import re
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
from ch08 import compare_models, show_mistakes, train, visualize_attention
from ch08.attention_bi_seq2seq import AttentionBiEncoder, AttentionBiSeq2seq
from ch08.attention_seq2seq import AttentionDecoder, AttentionEncoder, AttentionSeq2seq
from ch08.bahdanau_seq2seq import BahdanauDecoder, BahdanauSeq2seq, Simple_TimeAttentionLSTM, TimeAttentionLSTM
from ch08.deep_attention_seq2seq import (
    DeepAttentionDecoder,
    DeepAttentionEncoder,
    DeepAttentionSeq2seq,
    TimeDeepLSTM,
)
from common.attention_layer import Attention
from common.checks import InputError
from common.functions import softmax
from common.gradient_check import check_gradients
from common.optimizer import Adam
from common.time_layers import LSTM, TimeLSTM
from common.trainer import Trainer, train_step
from dataset import sequence

V, D, H = 7, 4, 5
ROOT = Path(__file__).parents[1]


KINDS = [AttentionSeq2seq, AttentionBiSeq2seq, BahdanauSeq2seq, DeepAttentionSeq2seq]
of_each_kind = pytest.mark.parametrize('kind', KINDS)


def random_model(dtype='f8', hidden_size=H, scale=1, kind=AttentionSeq2seq):
    """A model with random biases too. Size 20 and scale 2 make its answers differ from question to question."""
    model = kind(V, D, hidden_size, dtype)
    for param in model.params:
        param[...] = scale * np.random.randn(*param.shape)
    return model


def run_cell(Wx, Wh, b, xs):
    """All states (S, H) of an LSTM over the rows of xs (S, D), by its cell."""
    cell, h = LSTM(Wx, Wh, b), np.zeros((1, len(Wh)))
    c, states = h, []
    for x in xs:
        h, c = cell.forward(x[None], h, c)
        states.append(h)
    return np.concatenate(states)


def read_plainly(model, question):
    """enc_hs (1, S, H) of one question, with the cells."""
    E, *rest = model.encoder.params
    hs = run_cell(*rest[:3], E[question])
    if isinstance(model, AttentionBiSeq2seq):
        back = run_cell(*rest[3:6], E[question][::-1])[::-1]
        hs = np.hstack((hs, back)) @ rest[6] + rest[7]
    if isinstance(model, DeepAttentionSeq2seq):
        for i in 3, 6:
            hs = run_cell(*rest[i:i + 3], hs) + hs
    return hs[None]


def write_plainly(model, question, start_id, size, fed=None):
    """One answer, step by step with the cells -> its ids, scores (size, V) and attention weights (size, S).

    fed: the ids that go in, in place of start_id and the answer's own.
    """
    enc_hs, attention = read_plainly(model, question), Attention()
    E, *weights, W, bias = model.decoder.params
    cells = [LSTM(*weights[i:i + 3]) for i in range(0, len(weights), 3)]
    hs = [enc_hs[:, -1]] * len(cells)
    cs = [np.zeros_like(hs[0])] * len(cells)
    ids, scores, looks = [start_id], [], []
    for t in range(size):
        x = E[[ids[-1] if fed is None else fed[t]]]
        if isinstance(model, BahdanauSeq2seq):
            context = attention.forward(enc_hs, hs[0])
            hs[0], cs[0] = cells[0].forward(np.hstack((context, x)), hs[0], cs[0])
            top = np.hstack((context, hs[0]))
        else:
            hs[0], cs[0] = cells[0].forward(x, hs[0], cs[0])
            h = hs[0]
            for i, cell in enumerate(cells[1:], 1):
                hs[i], cs[i] = cell.forward(h, hs[i], cs[i])
                h = h + hs[i]
            top = np.hstack((attention.forward(enc_hs, h), h))
        scores.append(top @ W + bias)
        looks.append(attention.attention_weight)
        ids.append(int(scores[-1].argmax()))
    return ids[1:], np.concatenate(scores), np.concatenate(looks)


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


@pytest.mark.parametrize('kind, encoder, decoder', [
    (AttentionSeq2seq, AttentionEncoder, AttentionDecoder), (AttentionBiSeq2seq, AttentionBiEncoder, AttentionDecoder),
    (BahdanauSeq2seq, AttentionEncoder, BahdanauDecoder),
    (DeepAttentionSeq2seq, DeepAttentionEncoder, DeepAttentionDecoder)])
def test_gradients(kind, encoder, decoder):
    xs, ts, enc_hs = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 5)), np.random.randn(3, 4, 3)
    check_gradients(random_model(hidden_size=3, kind=kind), xs, ts)
    check_gradients(encoder(V, D, 3, 'f8'), xs)
    check_gradients(decoder(V, D, 3, 'f8'), ts, enc_hs)


@pytest.mark.parametrize('N, T, S', [(3, 6, 4), (1, 1, 1), (2, 3, 1)])
def test_attention_lstm_pair(N, T, S):
    weights = [np.random.randn(*shape) for shape in ((H + D, 4 * H), (H, 4 * H), (4 * H,))]
    fast, plain = TimeAttentionLSTM(*weights, stateful=True), Simple_TimeAttentionLSTM(*weights)
    xs, hs_enc, dout = np.random.randn(N, T, D), np.random.randn(N, S, H), np.random.randn(N, T, 2 * H)
    fast.set_state(hs_enc[:, -1])
    np.testing.assert_allclose(fast.forward(xs, hs_enc), plain.forward(xs, hs_enc), rtol=1e-10)
    for a, (attention, _) in zip(fast.attention_weights, plain.steps, strict=True):
        np.testing.assert_allclose(a, attention.attention_weight, rtol=1e-10)
    (dxs, dhs_enc), (plain_dxs, plain_dhs_enc) = fast.backward(dout), plain.backward(dout)
    dhs_enc[:, -1] += fast.dh
    for a, b in ((dxs, plain_dxs), (dhs_enc, plain_dhs_enc), *zip(fast.grads, plain.grads, strict=True)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)
    check_gradients(fast, xs, hs_enc)
    check_gradients(plain, xs, hs_enc)


def test_attention_lstm_goes_on_where_it_stands():
    weights = [np.random.randn(*shape) for shape in ((H + D, 4 * H), (H, 4 * H), (4 * H,))]
    xs, hs_enc = np.random.randn(2, 6, D), np.random.randn(2, 4, H)
    layer, whole = TimeAttentionLSTM(*weights, stateful=True), TimeAttentionLSTM(*weights).forward(xs, hs_enc)
    parts = [layer.forward(part, hs_enc) for part in np.split(xs, 3, axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-12)
    layer.reset_state()
    np.testing.assert_array_equal(layer.forward(xs, hs_enc), whole)


@pytest.mark.parametrize('call, says', [
    (lambda: TimeAttentionLSTM(np.ones((2, 8)), np.ones((2, 8)), np.ones(8)), r'Wx: expected \(H \+ D, 4H\), more'),
    (lambda: TimeAttentionLSTM(np.ones((3, 8)), np.ones((2, 8)), np.ones(8)).forward(np.ones((2, 1, 1)), np.ones(
        (3, 4, 2))), 'hs_enc: expected a batch of 2, as in xs, got 3'),
    (lambda: TimeDeepLSTM(np.ones((3, 8)), np.ones((2, 8))), 'weights: expected Wx, Wh and b of each LSTM, got 2 '),
    (lambda: TimeDeepLSTM(*[np.ones((3, 8)), np.ones((2, 8)), np.ones(8)] * 2), r'Wx: expected \(2, 8\), got \(3, 8'),
    (lambda: TimeDeepLSTM(), 'weights: expected Wx, Wh and b of each LSTM, got 0 arrays')])
def test_what_the_new_layers_refuse(call, says):
    with pytest.raises(InputError, match=f'^{says}'):
        call()


def test_deep_lstms_are_added_from_the_second_on():
    shapes = [(D, 4 * H), (H, 4 * H), (4 * H,)] + [(H, 4 * H), (H, 4 * H), (4 * H,)] * 2
    weights = [np.random.randn(*shape) for shape in shapes]
    layer, xs = TimeDeepLSTM(*weights, stateful=True), np.random.randn(2, 6, D)
    hs = TimeLSTM(*weights[:3]).forward(xs)
    for i in 3, 6:
        hs = hs + TimeLSTM(*weights[i:i + 3]).forward(hs)
    np.testing.assert_allclose(layer.forward(xs), hs, rtol=1e-12)
    assert layer.h.shape == layer.c.shape == (2, 3, H)
    layer.reset_state()
    assert layer.h is layer.c is None
    parts = []
    for part in np.split(xs, 3, axis=1):        # the states of all three go out and come back
        parts.append(layer.forward(part))
        layer.set_state(layer.h.copy(), layer.c.copy())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), hs, rtol=1e-12)
    check_gradients(TimeDeepLSTM(*weights), xs)


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


def of_lstms(*widths):
    """The shapes and divisors of LSTMs' first weights, given what each takes in."""
    return [row for width in widths for row in (((width, 4 * H), width**0.5), ((H, 4 * H), H**0.5), (4 * H,))]


@pytest.mark.parametrize('kind, encoder, decoder', [
    (AttentionBiSeq2seq, [*of_lstms(D, D), ((2 * H, H), (2 * H)**0.5), (H,)], of_lstms(D)),
    (BahdanauSeq2seq, of_lstms(D), of_lstms(H + D)),
    (DeepAttentionSeq2seq, of_lstms(D, H, H), of_lstms(D, H, H))])
def test_first_weights_of_the_others(kind, encoder, decoder):
    """In the order in which they come: embedding, LSTMs, product."""
    rows = [((V, D), 100), *encoder, ((V, D), 100), *decoder, ((2 * H, V), (2 * H)**0.5), (V,)]
    np.random.seed(3)
    expected = [np.zeros(s) if isinstance(s[0], int) else np.random.randn(*s[0]) / s[1] for s in rows]
    np.random.seed(3)
    model = kind(V, D, H)
    assert {a.dtype for a in (*model.params, *model.grads)} == {np.dtype('f')}
    for param, value in zip(model.params, expected, strict=True):
        np.testing.assert_allclose(param, value, rtol=1e-6)
    biases = [param.tolist() for param in kind(V, D, H, forget_bias=1.0).params if param.shape == (4 * H,)]
    assert biases == [np.repeat([1, 0, 0, 0], H).tolist()] * rows.count((4 * H,))


@of_each_kind
def test_loss_and_attention_are_those_of_the_plain_cells(kind):
    model = random_model(kind=kind)
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


@of_each_kind
def test_generation_in_batches_one_by_one_and_by_the_plain_cells(kind):
    model = random_model(hidden_size=20, scale=2, kind=kind)
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


@of_each_kind
def test_beam_search_with_a_beam_for_every_beginning_finds_the_likeliest_answer(kind):
    model = random_model(hidden_size=20, scale=0.5, kind=kind)
    xs, answers = np.random.randint(0, V, (12, 4)), np.array(list(np.ndindex(V, V, V)))        # (343, 3): all there are
    expected = []
    for x in xs:
        enc_hs = model.encoder.forward(np.tile(x, (len(answers), 1)))
        p = softmax(model.decoder.forward(np.hstack((np.full((len(answers), 1), 2), answers[:, :-1])), enc_hs))
        p = p[np.arange(len(answers))[:, None], np.arange(3), answers].prod(axis=1)
        expected.append(answers[p.argmax()].tolist())
    assert (model.generate(xs, 2, 3) != expected).any()             # the likeliest step by step is not always best
    assert model.generate(xs, 2, 3, beam_size=V * V).tolist() == expected


@of_each_kind
def test_float32_stays_float32(kind):
    model = kind(V, D, H)
    xs, ts = np.random.randint(0, V, (3, 4)), np.random.randint(0, V, (3, 5))
    enc_hs = model.encoder.forward(xs)
    score = model.decoder.forward(ts, enc_hs)
    denc_hs = model.decoder.backward(score)
    for array, shape in ((enc_hs, (3, 4, H)), (score, (3, 5, V)), (denc_hs, (3, 4, H))):
        assert array.shape == shape
        assert array.dtype == np.float32


@of_each_kind
def test_saved_model_gives_the_same_answers(kind):
    xs = np.random.randint(0, V, (20, 4))
    model, other = (random_model('f', 20, 2, kind) for _ in range(2))
    answers = model.generate(xs, 0, 6)
    assert (other.generate(xs, 0, 6) != answers).any()
    other.load_params(model.save_params())
    assert (other.generate(xs, 0, 6) == answers).all()


@pytest.mark.slow
@pytest.mark.parametrize(('kind', 'steps'), [(kind, 800 if kind is BahdanauSeq2seq else 400) for kind in KINDS])
def test_attention_finds_the_character_asked_for(kind, steps):
    """Copying a row of ten characters backwards: attention must learn where to look, one h is too small for all."""
    model = kind(8, 8, 32)
    optimizer = Adam(0.01)
    for _ in range(steps):
        xs = np.random.randint(1, 8, (64, 10))
        loss = train_step(model, optimizer, xs, np.hstack((np.zeros((64, 1), int), xs[:, ::-1])), 5.0)
    assert loss < 0.05
    xs = np.random.randint(1, 8, (200, 10))
    assert (model.generate(xs, 0, 10) == xs[:, ::-1]).all(axis=1).mean() > 0.9


@pytest.mark.parametrize(('model', 'kind'), [('attention', AttentionSeq2seq), *(
    pytest.param(*row, marks=pytest.mark.slow) for row in (
        ('seq2seq', Seq2seq), ('peeky', PeekySeq2seq), ('bi', AttentionBiSeq2seq), ('bahdanau', BahdanauSeq2seq),
        ('deep', DeepAttentionSeq2seq)))])
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
    assert Path('ch08_train_attention.png').is_file() == (model not in ('seq2seq', 'peeky'))


@pytest.mark.slow
def test_compare_models(few_dates, monkeypatch):
    labels, show = [], compare_models.show
    monkeypatch.setattr(compare_models, 'show', lambda name: (labels.append(plt.gca().get_ylabel()), show(name)))
    curves = compare_models.main(hidden_size=8, batch_size=50, max_epoch=2, seed=1)
    assert labels == ['test questions answered correctly (%)']
    assert list(curves) == ['attention', 'plain', 'peeky']
    for model, accuracies in zip(('attention', 'seq2seq', 'peeky'), curves.values(), strict=True):
        assert train.main(model, hidden_size=8, batch_size=50, max_epoch=2, seed=1)[1] == accuracies
    assert Path('ch08_compare_models.png').is_file()


def test_compare_models_beyond(monkeypatch):
    monkeypatch.setattr(compare_models, 'compare', lambda models, *args, **kwargs: {
        name: [float(KINDS.index(kind)) if reverse else -1.0] for name, (kind, reverse) in models.items()})
    assert compare_models.main(beyond=True) == {'attention': [0], 'bi': [1], 'bahdanau': [2], 'deep': [3]}
    assert Path('ch08_compare_models_beyond.png').is_file()
    plt.close('all')


def test_visualize_attention(few_dates, capsys):
    V = len(sequence.get_vocab()[0])
    AttentionSeq2seq(V, 16, 8).save_params()
    weights = visualize_attention.main(seed=5)
    assert weights.shape == (5, 10, 29)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    assert f'picture: {Path("ch08_visualize_attention.png").resolve()}' in capsys.readouterr().out
    assert Path('ch08_visualize_attention.png').is_file()
    np.testing.assert_array_equal(visualize_attention.main('AttentionSeq2seq.npz', seed=5), weights)


def test_questions_and_answers_of_ones_own(few_dates, capsys):
    lines = [f'昭和{year}年{month}月_{1925 + year}-{month:02}' for year in range(1, 64) for month in (1, 10)]
    Path('own.txt').write_text('\n'.join(lines), encoding='utf-8')
    train.main(file_name='own.txt', wordvec_size=4, hidden_size=4, batch_size=20, max_epoch=1, seed=0)
    assert Path('ch08_train_attention.png').is_file()
    capsys.readouterr()
    weights = visualize_attention.main(question='昭和9年1月')
    assert weights.shape == (1, 7, 8)       # yyyy-mm, for 昭和10年10月
    assert re.match(r'昭和9年1月 → .{1,7}\n', capsys.readouterr().out)
    with pytest.raises(InputError, match=r"^question: expected 1 to 8 of .*, got '明治9年' \(with '明治'\)$"):
        visualize_attention.main(question='明治9年')
    with pytest.raises(InputError, match=r'expected weights learnt from the characters of date\.txt, got others'):
        visualize_attention.main(file_name='date.txt')


@pytest.mark.parametrize('model', ['bi', 'bahdanau', 'deep'])
def test_visualize_attention_of_another_model(model, few_dates, monkeypatch):
    """Found by its flag, or told by the file; another class is refused."""
    drawn = []
    monkeypatch.setattr(visualize_attention, 'draw_attention', lambda network, xs, ts: drawn.append(network) or [])
    monkeypatch.setattr(visualize_attention, 'show', lambda name: None)
    V, kind = len(sequence.get_vocab()[0]), train.MODELS[model]
    network = kind(V, 16, 8)
    network.save_params()
    visualize_attention.main(model=model)
    visualize_attention.main(f'{kind.__name__}.npz')
    for found in drawn:
        assert type(found) is kind
        for param, saved in zip(found.params, network.params, strict=True):
            np.testing.assert_array_equal(param, saved)
    assert len(drawn) == 2
    plt.close('all')
    Seq2seq(V, 16, 8).save_params()
    with pytest.raises(InputError, match=r'^Seq2seq\.npz: expected weights of AttentionSeq2seq, .*, got those of Seq2'):
        visualize_attention.main('Seq2seq.npz')


def test_attention_for_a_question_of_ones_own(few_dates, monkeypatch):
    _, (x_test, t_test) = few_dates
    char_to_id, id_to_char = sequence.get_vocab()
    AttentionSeq2seq(len(char_to_id), 16, 8).save_params()
    titles = []
    monkeypatch.setattr(visualize_attention, 'show', lambda name: titles.append(plt.gcf().axes[0].get_title()))
    question = ''.join(id_to_char[i] for i in x_test[3]).strip()
    weights = visualize_attention.main(question=question)
    plt.close()
    np.testing.assert_allclose(weights, visualize_attention.draw_attention(
        visualize_attention.load_network(None, 'attention')[0], x_test[3:4], t_test[3:4]), rtol=1e-5)
    plt.close()
    assert titles[0].startswith(f'{question} → ') and '\n' not in titles[0]
    for wrong in '', 'å', '1' * 30:
        with pytest.raises(InputError, match=r"^question: expected 1 to 29 of the characters ' ,-/0.*, got "):
            visualize_attention.main(question=wrong)


@pytest.mark.parametrize('question, form', [
    ('3/14/15', '3/14/15'), ('MAR 14, 2015', 'mar 14, 2015'), ('may 1, 1970', 'mar 14, 2015'),
    ('March 14, 2015', 'march 14, 2015'), ('sunday, may 3, 1970', 'saturday, march\n14, 2015'), ('14.3.2015', 'other')])
def test_the_way_a_date_is_written(question, form):
    assert show_mistakes.form_of(question) == form


def test_all_dates_are_written_in_one_of_the_ways(lines):
    assert {show_mistakes.form_of(line.split('_')[0].strip()) for line in lines} == set(show_mistakes.FORMS)


def test_show_mistakes(few_dates, monkeypatch):
    _, (_, t_test) = few_dates
    model = AttentionSeq2seq(len(sequence.get_vocab()[0]), 16, 8)
    model.save_params()
    axes = []
    monkeypatch.setattr(show_mistakes, 'show', lambda name: axes.extend(plt.gcf().axes))
    # half of the answers are right, the others have their year's last digit wrong
    given = t_test[:, 1:].copy()
    given[::2, 3] = (given[::2, 3] + 1) % 9 + 9
    monkeypatch.setattr(show_mistakes, 'answers', lambda network, x, t: given)
    dates = show_mistakes.main()
    plt.close()
    _, id_to_char = sequence.get_vocab()
    wrong = (given != t_test[:, 1:]).mean(axis=0)
    assert [right for _, right, _ in dates] == [''.join(id_to_char[i] for i in row) for row in t_test[:, 1:]]
    form, month, place = axes[0], axes[1], axes[2]
    np.testing.assert_allclose([bar.get_height() for bar in place.patches], 100 * wrong)
    assert wrong[3] > 0.4 and wrong.sum() == wrong[3]
    for ax in form, month:
        counts = [int(text.get_text().split()[-1]) for text in ax.texts]
        assert sum(counts) == len(dates)
        assert sum(bar.get_width() * n for bar, n in zip(ax.patches, counts, strict=True)) == pytest.approx(
            100 * sum(right == answer for _, right, answer in dates))


def test_mistakes_are_those_of_the_model_in_the_file(few_dates, monkeypatch):
    _, (x_test, t_test) = few_dates
    model = AttentionSeq2seq(len(sequence.get_vocab()[0]), 16, 8)
    model.save_params()
    _, id_to_char = sequence.get_vocab()
    answers = model.generate(x_test[:, ::-1], int(t_test[0, 0]), 10)
    assert [answer for _, _, answer in show_mistakes.main()] == [
        ''.join(id_to_char[i] for i in row).strip() for row in answers.tolist()]


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

    for number, (columns, rows, bars) in {1: (1, 1, 1), 2: (2, 1, 1), 3: (2, 2, 0), 4: (2, 2, 1), 5: (2, 3, 0)}.items():
        visualize_attention.draw_attention(model, x_test[:number], t_test[:number])
        figure = plt.gcf()      # a colour bar has axes of its own, or stands in the place over
        assert figure.get_figwidth() == 5.5 * columns and len(figure.axes) == columns * rows + bars
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
