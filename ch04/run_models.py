"""CBOW and skip-gram on runs of the corpus: word2vec at the pace of compiled code.

A run is some thousand words as they stand in the corpus. Each word's vectors are gathered once, and the sums over all
windows are a few additions of shifted arrays. One set of negatives serves the whole run, so that their scores and
gradients are matrix products. Ji et al., "Parallelizing Word2Vec in Shared and Distributed Memory", 2019.
"""
from ch04.word_runs import Run, neighbours, sum_by_word, window_sums
from common.base_model import BaseModel
from common.checks import InputError, InputTypeError, brief, check_sizes
from common.np import np
from common.rows import RowSparse


def softplus(x):
    """log(1 + eˣ), the loss of a score −x whose answer is yes, and of a score x whose answer is no."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x):
    """σ(x) = ½ + ½ tanh(x/2), in the memory of x: tanh is the fastest function of its kind in NumPy."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5
    return x


def check_run(run, window_size, V):
    """InputError unless this is a Run of two words or more, all ids below V."""
    check_sizes(window_size=window_size)
    if not isinstance(run, Run):
        raise InputTypeError(f'run: expected one of those that make_runs makes, got {brief(run)}')
    if run.size < 2:
        raise InputError('run: expected two words or more, got one, beside which nothing stands')
    if run.rows[0] < 0 or run.rows[-1] >= V:
        raise InputError(f'run: expected ids from 0 to {V - 1}, got {run.rows[0]} to {run.rows[-1]}')


class RunModel(BaseModel):
    """What both models share: first weights, and gradients by word. `.word_vecs` (V, H).

    forward(run, window_size) -> loss, a sum over `terms` words or pairs of words. After backward, `grads` are
    RowSparse; `curvatures`, one number for each of their rows, says how much the gradient grows, about, by a step of 1
    along it; `step_sizes` is what the learning rate of each parameter is multiplied by. DampedSGD takes all three.
    """

    def __init__(self, vocab_size, hidden_size, sample_size=5, dtype='f'):
        check_sizes(vocab_size=vocab_size, hidden_size=hidden_size, sample_size=sample_size)
        V, H = vocab_size, hidden_size
        W_in = ((np.random.random_sample((V, H)) - 0.5) / H).astype(dtype)
        W_out = np.zeros((V, H), dtype)
        self.sample_size = sample_size
        self.params = [W_in, W_out]
        self.grads = [RowSparse((V, H), dtype), RowSparse((V, H), dtype)]
        self.curvatures = [np.zeros(0, dtype), np.zeros(0, dtype)]
        self.step_sizes = [1, 1]
        self.terms = 0
        self.sizes = {'vocab_size': V, 'hidden_size': H, 'sample_size': sample_size}
        self.word_vecs = W_in

    def set_grads(self, run, *pairs):
        """Each pair: the gradient (B + K, H) and the curvature (B + K,) at the places of run.words, summed by word."""
        for i, (rows, curvature) in enumerate(pairs):
            self.grads[i].indices, self.grads[i].values = run.rows, sum_by_word(run, rows)
            self.curvatures[i] = np.bincount(run.row, curvature, len(run.rows)).astype(rows.dtype)


class RunCBOW(RunModel):
    """−Σ over t of [log σ(s_t) + S/K · Σ over k of log σ(−s_tk)]: the words t of a run given h_t, their windows' means.

    s_t = h_t · W_out[word t], s_tk = h_t · W_out[negative k]. The K negatives serve the whole run. Each counts as S/K
    of one, S = sample_size, so that they weigh what S of its own for each word would. The loss is a sum, not a mean:
    a word that stands in the run ten times takes ten steps. Windows end where the run does. Mikolov et al., 2013.
    """

    def forward(self, run, window_size, want_loss=True):
        """The loss; None where it is not wanted, for it takes a tenth of a step's time."""
        check_run(run, window_size, len(self.word_vecs))
        W_in, W_out = self.params
        B, K = run.size, len(run.words) - run.size
        x = W_in.take(run.words[:B], axis=0)                            # (B, H)
        share = 1 / neighbours(B, window_size)[:, None].astype(x.dtype)         # (B, 1)
        h = window_sums(x, window_size)
        h *= share
        y = W_out.take(run.words, axis=0)                               # (B + K, H)
        s = np.einsum('th,th->t', h, y[:B])                             # (B,)
        S = h @ y[B:].T                                                 # (B, K)
        weight = self.sample_size / K
        loss = float(softplus(-s).sum() + weight * softplus(S).sum()) if want_loss else None
        self.terms = B
        ds = sigmoid(s)
        ds -= 1                                                         # dL/ds = σ(s) − 1
        self.cache = run, window_size, share, h, y, ds, sigmoid(S), weight
        return loss

    def backward(self):
        run, window_size, share, h, y, ds, dS, weight = self.cache
        B = run.size
        # The second derivative of log σ is at most ¼, and at most |ds|.
        steep_in, steep_out = np.zeros(len(y), y.dtype), np.empty(len(y), y.dtype)      # (B + K,)
        steep_in[:B] = np.vdot(y[:B], y[:B]) / (4 * B)
        steep_out[:B], steep_out[B:] = -ds, weight * dS.sum(axis=0)
        steep_out *= np.vdot(h, h) / (4 * B)

        dW_out = np.empty_like(y)                                       # (B + K, H)
        np.multiply(h, ds[:, None], out=dW_out[:B])
        np.matmul(dS.T, h, out=dW_out[B:])
        dW_out[B:] *= weight
        dh = dS @ (weight * y[B:])                                      # (B, H)
        y[:B] *= ds[:, None]
        dh += y[:B]
        dh *= share
        dW_in = np.zeros_like(y)                                        # (B + K, H): nothing reaches the negatives
        dW_in[:B] = window_sums(dh, window_size)
        self.set_grads(run, (dW_in, steep_in), (dW_out, steep_out))
        self.step_sizes = [2 * window_size, 1]      # as in word2vec: each word of the window takes the whole of dh


def pairs(B, window_size):
    """Slices of the words of a run and, beside them, of those that stand 1, −1, 2, −2 … places on."""
    for d in range(1, min(window_size, B - 1) + 1):
        yield slice(0, B - d), slice(d, B)
        yield slice(d, B), slice(0, B - d)


class RunSkipGram(RunModel):
    """−Σ over pairs of [log σ(s_tu) + S/K · Σ over k of log σ(−s_tk)]: the words u of the windows given the words t.

    s_tu = W_in[word t] · W_out[word u], s_tk = W_in[word t] · W_out[negative k]; otherwise as RunCBOW.
    """

    def forward(self, run, window_size, want_loss=True):
        """The loss; None where it is not wanted."""
        check_run(run, window_size, len(self.word_vecs))
        W_in, W_out = self.params
        B, K = run.size, len(run.words) - run.size
        x = W_in.take(run.words[:B], axis=0)                            # (B, H)
        y = W_out.take(run.words, axis=0)                               # (B + K, H)
        s = [np.einsum('th,th->t', x[t], y[u]) for t, u in pairs(B, window_size)]
        S = x @ y[B:].T                                                 # (B, K)
        n = neighbours(B, window_size)                                  # (B,)
        self.terms = int(n.sum())
        weight = (self.sample_size / K * n[:, None]).astype(x.dtype)    # (B, 1)
        loss = None
        if want_loss:
            loss = float(sum(softplus(-scores).sum() for scores in s) + (weight * softplus(S)).sum())
        ds = [sigmoid(scores) - 1 for scores in s]
        dS = sigmoid(S)
        dS *= weight
        self.cache = run, window_size, x, y, ds, dS
        return loss

    def backward(self):
        run, window_size, x, y, ds, dS = self.cache
        B = run.size
        dW_in, dW_out = np.zeros_like(y), np.zeros_like(y)              # (B + K, H)
        steep_in, steep_out = np.zeros(len(y), y.dtype), np.zeros(len(y), y.dtype)      # (B + K,)
        np.matmul(dS, y[B:], out=dW_in[:B])
        np.matmul(dS.T, x, out=dW_out[B:])
        steep_in[:B], steep_out[B:] = dS.sum(axis=1), dS.sum(axis=0)
        for (t, u), d in zip(pairs(B, window_size), ds, strict=True):
            dW_in[t] += d[:, None] * y[u]
            dW_out[u] += d[:, None] * x[t]
            steep_in[t] -= d
            steep_out[u] -= d
        steep_in *= np.vdot(y[:B], y[:B]) / (4 * B)
        steep_out *= np.vdot(x, x) / (4 * B)
        self.set_grads(run, (dW_in, steep_in), (dW_out, steep_out))


# ---------------------------------------------------------------- the same, to read


class SimpleRunModel(RunModel):
    """What the plain forms share. Their gradients (V, H) and curvatures (V,) are those of all words."""

    def __init__(self, vocab_size, hidden_size, sample_size=5, dtype='f'):
        super().__init__(vocab_size, hidden_size, sample_size, dtype)
        self.grads = [np.zeros_like(param) for param in self.params]

    def begin(self, run, window_size):
        check_run(run, window_size, len(self.word_vecs))
        B = run.size
        self.words, self.negatives = run.words[:B].tolist(), run.words[B:].tolist()
        self.windows = [[u for u in range(t - window_size, t + window_size + 1) if u != t and 0 <= u < B]
                        for t in range(B)]      # places, for each place

    def questions(self, word):
        """A word, the right answer to whether it stands there, and how much that counts: the word, then negatives."""
        weight = self.sample_size / len(self.negatives)
        return [(word, 1, 1), *((negative, 0, weight) for negative in self.negatives)]

    def loss_given(self, h, word):
        return sum(weight * softplus(-h @ self.params[1][other] if answer else h @ self.params[1][other])
                   for other, answer, weight in self.questions(word))

    def clear(self):
        for grad in self.grads:
            grad[...] = 0
        self.curvatures = [np.zeros(len(grad), grad.dtype) for grad in self.grads]


class Simple_RunCBOW(SimpleRunModel):
    """RunCBOW, a word and a negative at a time: slow, to read."""

    def forward(self, run, window_size):
        self.begin(run, window_size)
        W_in, _ = self.params
        self.hs = [sum(W_in[self.words[u]] for u in window) / len(window) for window in self.windows]
        return float(sum(self.loss_given(h, word) for h, word in zip(self.hs, self.words, strict=True)))

    def backward(self):
        self.clear()
        (_, W_out), (dW_in, dW_out), (steep_in, steep_out) = self.params, self.grads, self.curvatures
        h_square = sum(h @ h for h in self.hs) / len(self.hs)
        y_square = sum(W_out[word] @ W_out[word] for word in self.words) / len(self.words)
        for h, word, window in zip(self.hs, self.words, self.windows, strict=True):
            dh = 0
            for other, answer, weight in self.questions(word):
                ds = weight * (1 / (1 + np.exp(-h @ W_out[other])) - answer)
                dh += ds * W_out[other]
                dW_out[other] += ds * h
                steep_out[other] += abs(ds) * h_square / 4
            for u in window:
                dW_in[self.words[u]] += dh / len(window)
            steep_in[word] += y_square / 4


class Simple_RunSkipGram(SimpleRunModel):
    """RunSkipGram, a word, a neighbour and a negative at a time: slow, to read."""

    def forward(self, run, window_size):
        self.begin(run, window_size)
        W_in, _ = self.params
        return float(sum(self.loss_given(W_in[word], self.words[u])
                         for word, window in zip(self.words, self.windows, strict=True) for u in window))

    def backward(self):
        self.clear()
        (W_in, W_out), (dW_in, dW_out), (steep_in, steep_out) = self.params, self.grads, self.curvatures
        x_square = sum(W_in[word] @ W_in[word] for word in self.words) / len(self.words)
        y_square = sum(W_out[word] @ W_out[word] for word in self.words) / len(self.words)
        for word, window in zip(self.words, self.windows, strict=True):
            for u in window:
                for other, answer, weight in self.questions(self.words[u]):
                    ds = weight * (1 / (1 + np.exp(-W_in[word] @ W_out[other])) - answer)
                    dW_in[word] += ds * W_out[other]
                    dW_out[other] += ds * W_in[word]
                    steep_in[word] += abs(ds) * y_square / 4
                    steep_out[other] += abs(ds) * x_square / 4
