"""What tests/test_parallel.py has several ranks do: `mpiexec -n 2 python -m tests.on_ranks FILE` writes its results."""
import json
import sys

import numpy as np

from ch04.run_models import RunCBOW
from ch04.run_trainer import RunLoader, RunTrainer
from ch06.rnnlm import Rnnlm
from ch07.seq2seq import Seq2seq
from ch08.transformer.bert import BERT
from common.base_model import BaseModel
from common.evaluation import accuracy, eval_perplexity, evaluate_seq2seq
from common.layers import Affine, Dropout, Embedding, SoftmaxWithLoss, gather
from common.norm_layers import BatchNormalization
from common.optimizer import SGD, Adam
from common.parallel import world
from common.trainer import RnnlmTrainer, Trainer


class Words(BaseModel):
    """Guesses a class from an id: an embedding, whose gradient is row-sparse or not, and other layers."""

    def __init__(self, *others, sparse=False):
        D = 4
        self.layers = [Embedding(np.random.randn(11, D), sparse), *others, Affine(np.random.randn(D, 3), np.zeros(3))]
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = gather(*self.layers)

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def forward(self, x, t):
        return self.loss_layer.forward(self.predict(x), t)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)


def masked(ids):
    """ids (N, T) as BERT is asked for them: fewer words in later rows, none in the last, where a rank may be alone."""
    ts = np.where(np.arange(ids.shape[1]) < np.arange(len(ids) - 1, -1, -1)[:, None], ids, -1)
    return ids, ts


def train(model, x, t, optimizer=None, batch_size=10, max_epoch=2, max_grad=None):
    """The loss of each step and the parameters' sums, which tell of any difference between them."""
    trainer = Trainer(model, optimizer or Adam(0.01))
    trainer.fit(x, t, max_epoch, batch_size, max_grad, eval_interval=1)
    return told(trainer.loss_list, model)


def told(curve, model):
    """The curve, and of each parameter a sum weighed by place, which tells of any difference."""
    return {'curve': [float(loss) for loss in curve],
            'params': [float((param.ravel() * np.sin(np.arange(param.size))).sum()) for param in model.params]}


def models():
    """What is the same on any number of ranks, to rounding: name -> curve and parameters."""
    np.random.seed(1)
    ids, labels = np.random.randint(0, 11, 60), np.random.randint(0, 3, 60)
    rows = np.random.randint(0, 11, (40, 5))
    found = {'dense': train(Words(), ids, labels), 'row-sparse': train(Words(sparse=True), ids, labels),
             'clipped': train(Words(sparse=True), ids, labels, SGD(1.0), max_grad=0.1),
             'seq2seq': train(Seq2seq(11, 4, 5, dtype='d'), rows, rows, batch_size=7)}      # 7: no equal shares

    one = rows[:4]
    found['masked'] = train(BERT(11, 8, 2, 1, 8, 5, 0.0, dtype='d'), *masked(one), batch_size=4, max_epoch=6)

    model = Rnnlm(11, 4, 5, dtype='d')
    trainer = RnnlmTrainer(model, SGD(0.5))
    trainer.fit(rows.reshape(-1)[:-1], rows.reshape(-1)[1:], 2, 7, 3, eval_interval=1)
    found['rnnlm'] = told(trainer.ppl_list, model)
    return found


def evaluations():
    """What evaluation gives, its work shared out: by rows, by pieces, of which there may be fewer than ranks."""
    np.random.seed(2)
    words, rnnlm, seq2seq = Words(), Rnnlm(11, 4, 5, dtype='d'), Seq2seq(3, 4, 5, dtype='d')
    ids, rows = np.random.randint(0, 11, 61), np.random.randint(0, 3, (50, 4))
    rows[:, 0] = 1
    seq2seq.params[-1][...] = 0, 0, 5         # it says 2 all the time
    rows[7:, 1:] = 2
    found = {'accuracy': accuracy(words, ids, ids % 3, 7), 'seq2seq': evaluate_seq2seq(seq2seq, rows, rows, 3)}
    for pieces in 1, 3, 10:
        rnnlm.reset_state()
        found[f'perplexity of {pieces}'] = eval_perplexity(rnnlm, ids, pieces, 2)
    return found


def words_of_parts(ranks):
    """The vectors of two ranks that learn from half of a corpus each, and the mean of two that know of no other."""
    ids = np.random.randint(0, 7, 400)
    joint, alone = RunCBOW(7, 3), RunCBOW(7, 3)
    alone.params[0][...] = joint.params[0]
    one = RunTrainer(alone)
    one.ranks = None
    with ranks.own_chance(0):
        one.fit(RunLoader(ids, run_size=20).part(ranks.rank, ranks.size), 1, eval_interval=None)
    RunTrainer(joint).fit(RunLoader(ids, run_size=20), 1, eval_interval=None)
    return [joint.word_vecs.tolist(), (ranks.comm.allreduce(alone.word_vecs) / ranks.size).tolist()]


def main(path):
    ranks = world()
    found = {'models': models(), 'evaluations': evaluations(), 'ranks': None if ranks is None else ranks.size}
    np.random.seed(3)
    x, t = np.random.randint(0, 11, 60), np.random.randint(0, 3, 60)
    model = Words(BatchNormalization(np.ones(4), np.zeros(4)), Dropout(0.5))
    found['with chance'] = train(model, x, t)
    if ranks is not None:
        norm = model.layers[1]
        found['buffers'] = ranks.comm.gather([buffer.tolist() for buffer in norm.buffers])
        found['afterwards'] = ranks.comm.gather(np.random.rand())     # all draw the same again
        with ranks.own_chance(5):
            found['own'] = ranks.comm.gather(np.random.rand())
        arrays = [np.full((2, 3), float(ranks.rank)).T, np.arange(3, dtype='f') * ranks.rank]
        ranks.average(arrays)
        found['average'] = ranks.comm.gather([array.tolist() for array in arrays])
        found['words of parts'] = words_of_parts(ranks)
        found['all params'] = ranks.comm.gather([param.tolist() for param in model.params])
    if ranks is None or not ranks.rank:
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(found, file)


if __name__ == '__main__':
    main(sys.argv[1])
