"""common.util against small cases worked out by hand and against plain loops."""
import io
import sys
import tracemalloc

import numpy as np
import pytest

from common import util
from common.time_layers import TimeDropout

# `You say goodbye and I say hello.`: who stands beside whom
BESIDE = [[0, 1, 0, 0, 0, 0, 0],    # you
          [1, 0, 1, 0, 1, 1, 0],    # say
          [0, 1, 0, 1, 0, 0, 0],    # goodbye
          [0, 0, 1, 0, 1, 0, 0],    # and
          [0, 1, 0, 1, 0, 0, 0],    # i
          [0, 1, 0, 0, 0, 0, 1],    # hello
          [0, 0, 0, 0, 0, 1, 0]]    # .


@pytest.fixture
def sentence():
    return util.preprocess('You say goodbye and I say hello.')


# words and ids

def test_preprocess(sentence):
    corpus, word_to_id, id_to_word = sentence
    assert corpus.tolist() == [0, 1, 2, 3, 4, 1, 5, 6]
    assert word_to_id == {'you': 0, 'say': 1, 'goodbye': 2, 'and': 3, 'i': 4, 'hello': 5, '.': 6}
    assert id_to_word == {0: 'you', 1: 'say', 2: 'goodbye', 3: 'and', 4: 'i', 5: 'hello', 6: '.'}


def test_one_hot_of_ids():
    one_hot = util.convert_one_hot(np.array([2, 0]), 3)
    assert one_hot.dtype == np.int32
    assert one_hot.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_one_hot_of_contexts():
    one_hot = util.convert_one_hot(np.array([[2, 0], [1, 1], [0, 2]]), 4)
    assert one_hot.shape == (3, 2, 4) and one_hot.dtype == np.int32
    assert one_hot.tolist() == [[[0, 0, 1, 0], [1, 0, 0, 0]],
                                [[0, 1, 0, 0], [0, 1, 0, 0]],
                                [[1, 0, 0, 0], [0, 0, 1, 0]]]


def test_contexts_and_target(sentence):
    contexts, target = util.create_contexts_target(sentence[0])
    assert contexts.tolist() == [[0, 2], [1, 3], [2, 4], [3, 1], [4, 5], [1, 6]]
    assert target.tolist() == [1, 2, 3, 4, 1, 5]


def test_contexts_of_two_words_each_side(sentence):
    contexts, target = util.create_contexts_target(sentence[0], window_size=2)
    assert contexts.tolist() == [[0, 1, 3, 4], [1, 2, 4, 1], [2, 3, 1, 5], [3, 4, 5, 6]]
    assert target.tolist() == [2, 3, 4, 1]


# counts

def test_co_matrix(sentence):
    C = util.create_co_matrix(sentence[0], 7)
    assert C.dtype == np.int32
    assert C.tolist() == BESIDE


def test_co_matrix_counts_repeats_and_a_word_beside_itself():
    # 0 0 1 0, window 2: the pairs 0-0 and 0--0 count both ways, and 1 has three 0s about it
    assert util.create_co_matrix(np.array([0, 0, 1, 0]), 3, window_size=2).tolist() == [
        [4, 3, 0], [3, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize('window_size', [1, 3, 50])
def test_co_matrix_against_a_loop(window_size):
    corpus = np.random.randint(0, 11, 40).astype(np.int32)
    expected = np.zeros((11, 11), int)
    for i in range(40):
        for j in range(max(0, i - window_size), min(40, i + window_size + 1)):
            if i != j:
                expected[corpus[i], corpus[j]] += 1
    np.testing.assert_array_equal(util.create_co_matrix(corpus, 11, window_size), expected)


def test_co_matrix_with_a_window_larger_than_the_corpus():
    """Every word stands beside every other: 10**12 distances would never be counted through."""
    corpus = np.array([0, 1, 1, 2])
    expected = [[0, 2, 1], [2, 2, 2], [1, 2, 0]]
    assert util.create_co_matrix(corpus, 3, 10**12).tolist() == util.create_co_matrix(corpus, 3, 3).tolist() == expected
    assert util.create_co_matrix(np.array([1]), 2, 10**12).tolist() == [[0, 0], [0, 0]]


@pytest.mark.slow
def test_co_matrix_of_a_wide_window_takes_little_memory():
    """6000 words, all within reach of each other, make 18 million pairs."""
    corpus = np.tile([0, 1, 2], 2000)
    tracemalloc.start()
    try:
        C = util.create_co_matrix(corpus, 3, 6000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (C == [[2000 * 1999, 2000**2, 2000**2], [2000**2, 2000 * 1999, 2000**2],
                  [2000**2, 2000**2, 2000 * 1999]]).all()
    assert peak < 700_000_000


def test_ppmi(sentence):
    W = util.ppmi(np.array(BESIDE, np.int32))
    assert W.dtype == np.float32
    # N = 14; S = 1 (you), 4 (say), 2, 2, 2, 2, 1 (.)
    a, b, c = np.log2(14 / 4), np.log2(14 / 8), np.log2(14 / 2)
    assert round(a, 3) == 1.807
    np.testing.assert_allclose(W, [[0, a, 0, 0, 0, 0, 0],
                                   [a, 0, b, 0, b, b, 0],
                                   [0, b, 0, a, 0, 0, 0],
                                   [0, 0, a, 0, a, 0, 0],
                                   [0, b, 0, a, 0, 0, 0],
                                   [0, b, 0, 0, 0, 0, c],
                                   [0, 0, 0, 0, 0, c, 0]], rtol=1e-6)


def test_ppmi_of_rare_meetings_is_zero_and_eps_stands_inside_the_logarithm():
    # N = 100, S = (20, 80): C_00·N / S_0² = 1000/400 > 1; C_01·N / (S_0·S_1) = 1000/1600 < 1
    C = np.array([[10, 10], [10, 70]])
    expected = [[np.log2(2.5), 0], [0, np.log2(7000 / 6400)]]
    np.testing.assert_allclose(util.ppmi(C), expected, rtol=1e-6)
    expected = np.log2([[3, 1.125], [1.125, 7000 / 6400 + 0.5]])
    np.testing.assert_allclose(util.ppmi(C, eps=0.5), expected, rtol=1e-6)


def test_ppmi_of_counts_whose_products_outgrow_int32():
    C = np.array([[0, 10**9], [10**9, 0]], np.int32)
    np.testing.assert_allclose(util.ppmi(C), [[0, 1], [1, 0]], rtol=1e-6)


def test_ppmi_takes_a_word_that_never_occurs_and_many_blocks_of_rows():
    C = np.random.randint(0, 3, (1500, 1500), np.int32)
    C[:, 7] = C[7] = 0
    S, N = C.sum(axis=0, dtype=float), C.sum(dtype=float)
    with np.errstate(divide='ignore', invalid='ignore'):
        expected = np.nan_to_num(np.maximum(0, np.log2(C * N / np.outer(S, S))))
    np.testing.assert_allclose(util.ppmi(C), expected, atol=1e-5)


def test_ppmi_needs_little_memory_beside_its_result():
    V = 4000
    C = np.zeros((V, V), np.int32)
    C.flat[::7] = 1
    tracemalloc.start()
    W = util.ppmi(C)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert W.any() and peak < 1.5 * W.nbytes


def test_ppmi_verbose_ends_at_a_hundred(capsys):
    util.ppmi(np.ones((1500, 1500), np.int32), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1 and lines[-1] == '100.0% done'


# singular vectors

def low_rank(m, n, rank=6, noise=0.01):
    return np.random.randn(m, rank) @ np.random.randn(rank, n) + noise * np.random.randn(m, n)


@pytest.mark.parametrize('dtype, rtol', [(np.float64, 1e-7), (np.float32, 1e-4)])
@pytest.mark.parametrize('shape', [(150, 150), (90, 260), (260, 90)])
def test_svd_of_low_rank_and_noise(shape, dtype, rtol):
    M = low_rank(*shape).astype(dtype)
    U, S, Vt = util.truncated_svd(M, 6)
    exact_U, exact_S, exact_Vt = np.linalg.svd(M, full_matrices=False)
    assert (U.shape, S.shape, Vt.shape) == ((shape[0], 6), (6,), (6, shape[1]))
    assert U.dtype == S.dtype == Vt.dtype == dtype
    np.testing.assert_allclose(S, exact_S[:6], rtol=rtol)
    np.testing.assert_allclose(U * S @ Vt, exact_U[:, :6] * exact_S[:6] @ exact_Vt[:6], atol=100 * rtol)
    np.testing.assert_allclose(U.T @ U, np.eye(6), atol=rtol)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(6), atol=rtol)


def test_svd_sharpens_values_that_fall_slowly():
    left, _ = np.linalg.qr(np.random.randn(300, 200))
    right, _ = np.linalg.qr(np.random.randn(200, 200))
    values = np.arange(1, 201) ** -0.5
    M = left * values @ right.T
    np.testing.assert_allclose(util.truncated_svd(M, 20)[1], values[:20], rtol=1e-2)
    assert np.abs(util.truncated_svd(M, 20, n_iter=0)[1] / values[:20] - 1).max() > 0.1


def test_svd_keeps_small_values_beside_large_ones_in_float32():
    left, _ = np.linalg.qr(np.random.randn(80, 3))
    right, _ = np.linalg.qr(np.random.randn(60, 3))
    values = np.array([1, 1e-2, 1e-4])
    M = (left * values @ right.T).astype('f')
    np.testing.assert_allclose(util.truncated_svd(M, 3, n_oversamples=0)[1], values, rtol=1e-2)


def test_svd_makes_no_copy_of_the_matrix():
    M = np.random.randn(1000, 1000).astype('f')
    tracemalloc.start()
    util.truncated_svd(M, 2, n_iter=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < M.nbytes / 2


def test_svd_has_one_sign_and_hangs_on_the_seed_alone():
    M = low_rank(50, 40, noise=1)
    first, again = [], []
    for results in (first, again):
        np.random.seed(3)
        results.extend(util.truncated_svd(M, 5))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for sign in (1, -1):
        U = util.truncated_svd(sign * M, 5)[0]
        assert (U.max(axis=0) == np.abs(U).max(axis=0)).all()


def test_svd_takes_all_components_and_other_dtypes():
    M = np.array([[3, 0], [0, -2], [0, 0]])
    U, S, Vt = util.truncated_svd(M, 2)
    np.testing.assert_allclose(S, [3, 2])
    np.testing.assert_allclose(U, [[1, 0], [0, 1], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(Vt, [[1, 0], [0, -1]], atol=1e-12)
    assert {x.dtype for x in util.truncated_svd(M.astype(np.float16), 1)} == {np.dtype(np.float16)}


# neighbours

def test_cos_similarity():
    assert util.cos_similarity(np.array([3., 4.]), np.array([4., 3.])) == pytest.approx(0.96)
    assert util.cos_similarity(np.zeros(2), np.ones(2)) == 0
    assert util.cos_similarity(np.array([3., 4.]), np.array([1., 0.]), eps=1) == pytest.approx(3 / 6 / 2)
    large = np.array([10**6, 0], np.int32)
    assert util.cos_similarity(large, large) == pytest.approx(1)


def test_normalize():
    x = np.array([[3, 4], [0, 0], [0, 2]], 'f')
    np.testing.assert_allclose(util.normalize(x), [[0.6, 0.8], [0, 0], [0, 1]])
    assert util.normalize(x).dtype == np.float32
    np.testing.assert_allclose(util.normalize(np.array([3., 4.])), [0.6, 0.8])
    np.testing.assert_array_equal(x, [[3, 4], [0, 0], [0, 2]])


def test_most_similar(sentence, capsys):
    corpus, word_to_id, id_to_word = sentence
    found = util.most_similar('you', word_to_id, id_to_word, util.create_co_matrix(corpus, 7), top=4)
    head, query, *lines = capsys.readouterr().out.split('\n')
    assert (head, query, lines.pop()) == ('', '[query] you', '')
    words, scores = zip(*(line.split(': ') for line in lines), strict=True)
    assert words == (' goodbye', ' i', ' hello', ' say')
    assert [round(float(score), 4) for score in scores] == [0.7071, 0.7071, 0.7071, 0]
    assert [(f' {word}', round(score, 4)) for word, score in found] == list(zip(words, [0.7071] * 3 + [0], strict=True))
    assert {type(score) for _, score in found} == {float}


def test_what_a_terminal_would_obey_is_shown(capsys):
    """Words of a file could clear the screen, or turn the line round. What joins letters of Persian may stay."""
    words = dict(enumerate(['\x1b[2J', 'a\x9b\r', '\u202eb', 'می\u200cخواهم', '\ud800', '말']))
    ids = {word: i for i, word in words.items()}
    util.most_similar('\x1b[2J', ids, words, np.eye(6), top=6)
    util.most_similar('\x1b]0;title\x07', ids, words, np.eye(6))
    util.analogy('\x1b[2J', '말', '\u202eb', ids, words, np.eye(6), answer='a\x9b\r')
    out = capsys.readouterr().out
    assert not set(out) & set('\x1b\x9b\r\x07\u202e\ud800') and 'می\u200cخواهم: ' in out
    assert [line.split(': ')[0] for line in out.split('\n')[1:4]] == ['[query] \\x1b[2J', r' a\x9b\r', r' \u202eb']
    assert r'\x1b]0;title\x07 is not found' in out and r'[analogy] \x1b[2J:말 = \u202eb:?' in out


def test_most_similar_does_not_mind_the_length_of_vectors(capsys):
    words = dict(enumerate('abc'))
    ids = {word: i for i, word in words.items()}
    W = np.array([[1, 0], [2000, 2000], [0.1, 0.01]], np.float16)
    util.most_similar('a', ids, words, W)
    assert [line.split(':')[0] for line in capsys.readouterr().out.split()][2::2] == ['c', 'b']


def test_most_similar_without_the_word(sentence, capsys):
    _, word_to_id, id_to_word = sentence
    assert util.most_similar('toyota', word_to_id, id_to_word, np.eye(7)) == []
    assert capsys.readouterr().out == 'toyota is not found\n'


def test_nearest_words_leave_out_nan_and_keep_ids_in_order():
    W = np.array([[1, 1], [np.nan, 1], [2, 2], [1, 1], [0, 0], [2, 2]])
    words = dict(enumerate('abcdef'))
    found = util.nearest_words(np.array([1., 0.]), W, words, exclude={'f'}, top=3)
    assert found == [('c', 2), ('a', 1), ('d', 1)]
    assert len(util.nearest_words(np.array([1., 0.]), W, words, top=99)) == 5


def test_equal_rows_score_equal():
    W = np.tile(np.random.randn(101).astype('f'), (500, 1))[:, 1:]
    found = util.nearest_words(np.random.randn(100).astype('f'), W, {i: str(i) for i in range(500)}, top=500)
    assert [word for word, _ in found] == [str(i) for i in range(500)]


ROYAL = {'man': (1, 0, 0), 'king': (1, 1, 0), 'woman': (1, 0, 1), 'queen': (1, 1, 1), 'palace': (0, 3, 3)}


@pytest.fixture
def royal():
    id_to_word = dict(enumerate(ROYAL))
    return {word: i for i, word in id_to_word.items()}, id_to_word, np.array(list(ROYAL.values()), 'f')


def test_analogy(royal, capsys):
    # king − man + woman = (1, 1, 1), at length 1; the rows keep their lengths, so that palace comes first
    found = util.analogy('man', 'king', 'woman', *royal, answer='queen')
    head, title, answer, *lines = capsys.readouterr().out.split('\n')
    assert (head, title, lines.pop()) == ('', '[analogy] man:king = woman:?', '')
    assert answer.startswith('==>queen:') and float(answer[9:]) == pytest.approx(3 ** 0.5)
    words, scores = zip(*(line.split(': ') for line in lines), strict=True)
    assert words == (' palace', ' queen')
    assert found == [('palace', pytest.approx(6 / 3 ** 0.5)), ('queen', pytest.approx(3 ** 0.5))]
    np.testing.assert_allclose([float(score) for score in scores], [6 / 3 ** 0.5, 3 ** 0.5], rtol=1e-6)


def test_analogy_without_a_word(royal, capsys):
    assert util.analogy('man', 'king', 'girl', *royal) == []
    assert capsys.readouterr().out == 'girl is not found\n'


# gradients

def test_clip_grads_scales_all_by_one_rate_in_place():
    grads = [np.array([[3, 0], [0, 0]], 'f'), np.array([0, 4], 'f')]
    same = list(grads)
    util.clip_grads(grads, max_norm=1)
    assert grads[0] is same[0] and grads[1] is same[1] and grads[0].dtype == np.float32
    np.testing.assert_allclose(grads[0], [[3 / (5 + 1e-6), 0], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(grads[1], [0, 4 / (5 + 1e-6)], rtol=1e-6)


def test_clip_grads_leaves_small_gradients_alone():
    grads = [np.array([3., 4.])]
    util.clip_grads(grads, max_norm=np.float32(5.1))
    assert grads[0].tolist() == [3, 4]


def test_clip_grads_whose_squares_overflow():
    grads = [np.array([3e30, 0], 'f'), np.array([0, -4e30], 'f')]
    util.clip_grads(grads, max_norm=1)
    np.testing.assert_allclose(np.concatenate(grads), [0.6, 0, 0, -0.8], rtol=1e-5)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_clip_grads_that_are_not_finite_are_left_alone(value):
    grads = [np.array([3.0, 4.0]), np.array([value])]
    with pytest.raises(FloatingPointError, match="the gradients' norm is nan"):
        util.clip_grads(grads, max_norm=1)
    assert grads[0].tolist() == [3, 4]


def test_clip_grads_of_any_memory_order_without_copies():
    base = np.ones((500, 500))
    transposed, part = np.ones((500, 500)).T, base[::2, ::2]
    tracemalloc.start()
    util.clip_grads([transposed], 50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(transposed, 0.1)
    assert peak < transposed.nbytes / 10
    util.clip_grads([part], 25)
    np.testing.assert_allclose(part, 0.1)
    assert base[1, 1] == 1


# GPU

def test_arrays_stay_numpy_without_a_gpu():
    x = np.ones(3)
    assert util.to_cpu(x) is x and util.to_gpu(x) is x


# measures

class Recorder:
    """A language model that keeps what it was shown and has the losses 1, 2, 3 …"""

    def __init__(self):
        self.seen = []

    def forward(self, xs, ts):
        self.seen.append((xs.tolist(), ts.tolist()))
        return np.float32(len(self.seen))


class DropoutRecorder(Recorder):
    def forward(self, xs, ts, train_flg=True):
        self.told = train_flg
        return super().forward(xs, ts)


def test_eval_perplexity_reads_the_corpus_in_pieces(capsys):
    # 23 words: jump = 22 // 3 = 7, max_iters = 22 // (3 · 2) = 3
    model = Recorder()
    perplexity = util.eval_perplexity(model, np.arange(100, 123), batch_size=3, time_size=2)
    assert perplexity == pytest.approx(np.exp(2))
    assert model.seen == [([[100, 101], [107, 108], [114, 115]], [[101, 102], [108, 109], [115, 116]]),
                          ([[102, 103], [109, 110], [116, 117]], [[103, 104], [110, 111], [117, 118]]),
                          ([[104, 105], [111, 112], [118, 119]], [[105, 106], [112, 113], [119, 120]])]
    assert capsys.readouterr().out == 'evaluating perplexity ...\n'


def test_eval_perplexity_reaches_the_last_word():
    model = Recorder()
    util.eval_perplexity(model, np.arange(13), batch_size=2, time_size=3)
    assert model.seen[-1] == ([[3, 4, 5], [9, 10, 11]], [[4, 5, 6], [10, 11, 12]])


def test_eval_perplexity_turns_dropout_off():
    model = DropoutRecorder()
    util.eval_perplexity(model, np.arange(13), batch_size=2, time_size=3)
    assert model.told is False


def test_eval_perplexity_turns_dropout_off_where_it_is_an_attribute_and_on_again():
    class Model:
        def __init__(self):
            self.blocks = {'first': [TimeDropout()]}

        def forward(self, xs, ts):
            seen.append(self.blocks['first'][0].train_flg)
            return 0.0

    model, seen = Model(), []
    util.eval_perplexity(model, np.arange(13), batch_size=2, time_size=3)
    assert seen == [False, False] and model.blocks['first'][0].train_flg is True


def test_eval_perplexity_hands_on_a_type_error():
    class Broken:
        def forward(self, xs, ts, train_flg=True):
            raise TypeError('inside')

    with pytest.raises(TypeError, match='inside'):
        util.eval_perplexity(Broken(), np.arange(13), batch_size=2, time_size=3)


def test_eval_perplexity_shows_progress_on_a_terminal_unless_told_not_to(monkeypatch):
    out = console('utf-8', terminal=True)
    monkeypatch.setattr(sys, 'stdout', out)
    util.eval_perplexity(Recorder(), np.arange(13), batch_size=2, time_size=3, verbose=False)
    assert written(out) == ''
    util.eval_perplexity(Recorder(), np.arange(13), batch_size=2, time_size=3)
    assert written(out) == 'evaluating perplexity ...\n\r1 / 2\r2 / 2\n'


CHARS = dict(enumerate('0123456789+_ '))
IDS = {char: i for i, char in CHARS.items()}


def ids(text):
    return np.array([[IDS[char] for char in text]])


class Says:
    """A translator with one answer."""

    def __init__(self, answer):
        self.answer = ids(answer)[0].tolist()

    def generate(self, xs, start_id, sample_size):
        assert start_id == IDS['_'] and sample_size == 4
        return self.answer


def console(encoding, terminal=False):
    out = io.TextIOWrapper(io.BytesIO(), encoding, newline='')
    out.isatty = lambda: terminal
    return out


def written(out):
    out.flush()
    return out.buffer.getvalue().decode(out.encoding)


def test_eval_seq2seq_prints_as_the_book_does(capsys):
    assert util.eval_seq2seq(Says('162 '), ids('77+85  '), ids('_162 '), CHARS, verbose=True) == 1
    assert util.eval_seq2seq(Says('163 '), ids('  58+77'), ids('_162 '), CHARS, True, is_reverse=True) == 0
    assert capsys.readouterr().out == 'Q 77+85  \nT 162 \n☑ 162 \n---\nQ 77+85  \nT 162 \n☒ 163 \n---\n'


def test_eval_seq2seq_is_silent_by_default(capsys):
    assert util.eval_seq2seq(Says('16  '), ids('77+85  '), ids('_162 '), CHARS) == 0
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('encoding, terminal, right, wrong', [
    ('cp1252', False, 'O 162 ', 'X 16  '),
    ('cp1252', True, 'O 162 ', 'X 16  '),
    pytest.param('utf-8', True, '\033[92m☑\033[0m 162 ', '\033[91m☒\033[0m 16  ',
                 marks=pytest.mark.skipif(sys.platform == 'win32', reason='no colours there')),
    ('utf-8', False, '☑ 162 ', '☒ 16  '),
])
def test_the_mark_is_one_that_the_console_has(monkeypatch, encoding, terminal, right, wrong):
    out = console(encoding, terminal)
    monkeypatch.setattr(sys, 'stdout', out)
    for answer in ('162 ', '16  '):
        util.eval_seq2seq(Says(answer), ids('77+85  '), ids('_162 '), CHARS, verbose=True)
    lines = written(out).splitlines()
    assert (lines[2], lines[6]) == (right, wrong)


def test_evaluate_seq2seq_goes_in_batches():
    x = np.arange(10).reshape(5, 2)
    t = np.array([[9, 0, 1], [9, 2, 3], [9, 4, 5], [9, 6, 7], [9, 8, 9]])
    batches = []

    class Echo:
        """Answers with the question, but for the second and the last; one question gets a list."""

        def generate(self, xs, start_id, sample_size):
            assert (start_id, sample_size) == (9, 2)
            batches.append(len(xs))
            answers = np.where(np.isin(xs, [2, 9]), 0, xs)
            return answers if len(xs) > 1 else answers[0].tolist()

    assert util.evaluate_seq2seq(Echo(), x, t, batch_size=2) == 3 / 5
    assert batches == [2, 2, 1]


# the door

@pytest.mark.parametrize('call, says', [
    (lambda: util.convert_one_hot(np.array([0, 3]), 3), 'corpus: expected ids from 0 to 2, got 0 to 3'),
    (lambda: util.create_co_matrix(np.array([-1, 2]), 3), 'corpus: expected ids from 0 to 2, got -1 to 2'),
    (lambda: util.create_co_matrix(np.array([0, 1]), 3, 0), 'window_size: expected 1 or more, got 0'),
    (lambda: util.create_contexts_target(np.arange(4), 2),
     'corpus: expected 5 words or more, for window_size is 2, got 4'),
    (lambda: util.create_contexts_target(np.arange(4), 0), 'window_size: expected 1 or more, got 0'),
    (lambda: util.ppmi(np.ones((2, 3))), r'C: expected a square matrix, got \(2, 3\)'),
    (lambda: util.truncated_svd(np.ones((2, 3)), 3), r'n_components: expected 1 to .*, got 3 for M .* \(2, 3\)'),
    (lambda: util.truncated_svd(np.array([[1, np.nan]]), 1), 'M: expected finite numbers, got NaN'),
    (lambda: util.nearest_words(np.ones(2), np.ones((3, 2)), {0: 'a'}),
     'word_matrix: expected 1 rows, one for each word of id_to_word, got 3'),
    (lambda: util.eval_perplexity(None, np.arange(6), 2, 3),
     'corpus: expected more than batch_size · time_size = 6 words, got 6'),
    (lambda: util.evaluate_seq2seq(None, np.ones((0, 2), int), np.ones((0, 2), int)),
     r'x_test: expected one or more questions, as many as answers in t_test, got \(0, 2\) and \(0, 2\)'),
    (lambda: util.evaluate_seq2seq(None, np.ones((2, 2), int), np.array([[1, 1], [2, 1]])),
     't_test: expected one start id for all rows, got several'),
])
def test_bad_input_is_told_apart(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize('max_norm', [0, -1, float('nan')])
def test_clip_grads_to_no_norm(max_norm):
    with pytest.raises(ValueError, match=f'max_norm: expected a number above 0, got {max_norm}'):
        util.clip_grads([np.ones(2)], max_norm)


def test_eval_perplexity_hands_the_flag_to_a_model_that_takes_any_keyword():
    class Model:
        def forward(self, xs, *args, **options):
            assert options == {'train_flg': False}
            return 2.0

    assert util.eval_perplexity(Model(), np.arange(30), 2, 3) == pytest.approx(np.exp(2))
