"""What test_gpu runs twice, on NumPy and, in another process, on the stand-in for CuPy, to compare what comes out.

    DLFS2_GPU=yes python -m tests.gpu_driver layers FILE.npz

writes what each layer gives, or each model after a few steps, or each training script in small (layers, steps,
faults, scripts), and under 'copies' the lines that made the host wait, how often.
"""
import json
import sys
from pathlib import Path

import numpy

from common import config

if config.GPU:
    from tests import cupy_double

    cupy_double.install()

from common.np import np, to_cpu, to_gpu
from common.trainer import train_step


def up(x):
    """Floats go to the GPU; ids, labels and masks stay on the host."""
    return to_gpu(x) if isinstance(x, numpy.ndarray) and x.dtype.kind == 'f' else x


def add_copies(found, key):
    """What made the host wait since the last call: {'common/trainer.py': n}, by files."""
    files: dict = {}
    for (name, _), n in cupy_double.copies.items() if config.GPU else ():
        name = '/'.join(Path(name).parts[-2:])
        files[name] = files.get(name, 0) + n
    found.setdefault('copies', {})[key] = files
    if config.GPU:
        cupy_double.copies.clear()


def layers():
    """Outputs, gradients of inputs and of parameters of each case of test_battery, in float32 and float64."""
    from common.layers import Embedding
    from tests import test_battery as battery

    found: dict = {}
    cases = battery.CASES | {'sparse': [lambda r: ((r(5, 4), True), (battery.IDS,))]}
    for name, rows in cases.items():
        for i, row in enumerate(rows):
            for dtype in 'fd':
                arguments, inputs = row(battery.draw(dtype))
                layer = {**battery.LAYERS, 'sparse': Embedding}[name](*map(up, arguments))
                inputs = [up(x) for x in inputs]
                numpy.random.seed(1)
                add_copies(found, 'before')
                outs = battery.as_tuple(layer.forward(*inputs))
                draw = numpy.random.RandomState(2)
                douts = [to_gpu(draw.randn(*out.shape).astype(dtype)) for out in outs if out.shape]
                dins = [din for din in battery.as_tuple(layer.backward(*douts)) if din is not None]
                add_copies(found, f'{name} {i} {dtype}')
                assert all(isinstance(a, np.ndarray) or not a.shape for a in [*outs, *dins]), name
                grads = [numpy.asarray(grad) if name == 'sparse' else to_cpu(grad) for grad in layer.grads]
                arrays = [*map(to_cpu, [*outs, *dins]), *grads]
                found |= {f'{name} {i} {dtype} {k}': array for k, array in enumerate(arrays)}
    return found


def models():
    """name -> (model, optimizer, x, t), data on the host."""
    from ch01.two_layer_net import TwoLayerNet
    from ch01.volume1.autoencoder import Autoencoder
    from ch01.volume1.deep_convnet import DeepConvNet
    from ch01.volume1.multi_layer_net import MultiLayerNet
    from ch01.volume1.simple_convnet import SimpleConvNet
    from ch01.volume1.vae import VariationalAutoencoder
    from ch03.simple_cbow import SimpleCBOW
    from ch03.simple_skip_gram import SimpleSkipGram
    from ch04.cbow import CBOW
    from ch04.skip_gram import SkipGram
    from ch05.simple_rnnlm import SimpleRnnlm
    from ch06.better_rnnlm import BetterRnnlm
    from ch06.rnnlm import Rnnlm
    from ch07.peeky_seq2seq import PeekySeq2seq
    from ch07.seq2seq import Seq2seq
    from ch08.transformer.bert import BERT, BERTClassifier, BERTEncoder
    from ch08.transformer.gpt import GPT
    from ch08.transformer.transformer import Transformer
    from ch08.visualize_attention import MODELS
    from common import optimizer as o

    draw = numpy.random.RandomState(0)
    pictures, digits = draw.rand(6, 1, 8, 8).astype('f'), draw.randint(10, size=6)
    flat, one_hot = pictures.reshape(6, -1), numpy.eye(10, dtype='i')[digits]
    words, hot = draw.randint(9, size=(6, 7)), numpy.eye(9, dtype='i')
    hidden = numpy.where(words % 3, -1, words)
    numpy.random.seed(1)
    return {
        'TwoLayerNet': (TwoLayerNet(64, 5, 10), o.SGD(), flat, one_hot),
        'MultiLayerNet': (MultiLayerNet(64, [5, 5], 10, use_batchnorm=True, use_dropout=True, dtype='d'), o.Momentum(),
                          flat, digits),
        'SimpleConvNet': (SimpleConvNet((1, 8, 8), {'filter_num': 2, 'filter_size': 3}, 4, dtype='d'), o.Adam(),
                          pictures, digits),
        'DeepConvNet': (DeepConvNet((1, 8, 8), 4, dtype='d'), o.AdamW(), pictures, digits),
        'Autoencoder': (Autoencoder(64, (5, 4), 2, 0.3, dtype='d'), o.Adam(), flat, flat),
        'VAE': (VariationalAutoencoder(64, (5, 4), dtype='d'), o.RMSprop(), flat, flat),
        'SimpleCBOW': (SimpleCBOW(9, 4, dtype='d'), o.Adam(), hot[words[:, :2]], hot[words[:, 2]]),
        'SimpleSkipGram': (SimpleSkipGram(9, 4, dtype='d'), o.AdaGrad(), hot[words[:, :2]], hot[words[:, 2]]),
        'CBOW': (CBOW(9, 4, 1, words, dtype='d'), o.Nesterov(), words[:, :2], words[:, 2]),
        'CBOW, sparse': (CBOW(9, 4, 1, words, dtype='d', sparse=True), o.Adam(), words[:, :2], words[:, 2]),
        'SkipGram': (SkipGram(9, 4, 1, words, dtype='d', sparse=True), o.AdaGrad(), words[:, :2], words[:, 2]),
        'SimpleRnnlm': (SimpleRnnlm(9, 4, 5, dtype='d'), o.SGD(), words, words[::-1]),
        'Rnnlm': (Rnnlm(9, 4, 5, dtype='d'), o.SGD(), words, words[::-1]),
        'BetterRnnlm': (BetterRnnlm(9, 4, 4, dtype='d'), o.SGD(), words, words[::-1]),
        'masked': (Rnnlm(9, 4, 5, dtype='d'), o.SGD(), words, hidden),
        **{name: (kind(9, 4, 5, dtype='d'), o.Adam(), words, words) for name, kind in
           {'Seq2seq': Seq2seq, 'PeekySeq2seq': PeekySeq2seq, **MODELS}.items()},
        'Transformer': (Transformer(9, 4, 2, 1, 5, dtype='d'), o.AdamW(), words, words),
        'GPT': (GPT(9, 4, 2, 1, 7, rotary=True, dtype='d'), o.AdamW(), words, words[::-1]),
        'BERT': (BERT(9, 4, 2, 1, 5, 7, pad_id=0, dtype='d'), o.AdamW(), words, hidden),
        'BERTClassifier': (BERTClassifier(BERTEncoder(9, 4, 2, 1, 5, 7, pad_id=0, dtype='d')), o.Adam(), words,
                           digits % 2),
    }


def steps():
    """Loss and parameters of each model after three steps with clipping, for data on the host."""
    found: dict = {}
    for name, (model, optimizer, x, t) in models().items():
        add_copies(found, 'before')
        losses = [train_step(model, optimizer, x, t, max_grad=1.0) for _ in range(3)]
        add_copies(found, name)
        found |= {f'{name} {i}': to_cpu(param) for i, param in enumerate(model.params)}
        found[f'{name} losses'] = numpy.array(losses)
    return found


def faults():
    """What readers of the book met on a GPU: ids on the host, or on the GPU; masks of either; numbers there as keys."""
    import contextlib
    import copy
    import io

    from ch01.two_layer_net import TwoLayerNet
    from ch06.better_rnnlm import BetterRnnlm
    from ch07.rnnlm_gen import RnnlmGen
    from ch07.seq2seq import Seq2seq
    from common.evaluation import accuracy, eval_perplexity, eval_seq2seq, evaluate_seq2seq
    from common.multi_head_attention import MultiHeadAttention
    from common.optimizer import SGD
    from common.trainer import RnnlmTrainer, Trainer
    from common.util import most_similar

    numpy.random.seed(1)
    draw, found = numpy.random.RandomState(0), {}
    x, t, ids = draw.rand(20, 2).astype('f'), draw.randint(3, size=20), draw.randint(9, size=60)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        # batches are drawn on the host, from data that the reader has taken to the GPU
        net, model = TwoLayerNet(2, 4, 3), RnnlmGen(9, 4, 5)
        Trainer(net, SGD(0.1)).fit(to_gpu(x), to_gpu(t), 2, 5)
        RnnlmTrainer(model, SGD(0.1)).fit(to_gpu(ids[:-1]), to_gpu(ids[1:]), 2, 2, 5, max_grad=0.25)
        found |= {f'trained {i}': to_cpu(param) for i, param in enumerate(net.params + model.params)}
        found['accuracy'] = numpy.array(accuracy(net, to_gpu(x), to_gpu(t)))
        found['perplexity'] = numpy.array(eval_perplexity(model, to_gpu(ids), 2, 5))

        r = draw.uniform
        layer = MultiHeadAttention(*map(to_gpu, [r(size=(4, 4)) for _ in range(4)] + [r(size=4) for _ in range(4)]), 2)
        mask = numpy.array([[True, False, True], [True, True, False]])[:, None, None]
        for name, made in ('host', mask), ('GPU', to_gpu(mask)):
            found[f'mask on the {name}'] = to_cpu(layer.forward(to_gpu(draw.rand(2, 3, 4)), None, made))

        chars = dict(enumerate('abcdefghi'))
        seq2seq = Seq2seq(9, 4, 5)
        question, answer = to_gpu(ids[:8].reshape(2, 4)), to_gpu(numpy.array([[1, 2, 3], [1, 4, 5]]))
        eval_seq2seq(seq2seq, question[:1], answer[:1], chars, verbose=True)
        found['right'] = numpy.array([evaluate_seq2seq(seq2seq, question, answer, beam_size=k) for k in (1, 2)])
        print(seq2seq.generate(question[0], 1, 5), ''.join(chars[i] for i in seq2seq.generate(question[0], 1, 5)))
        model.reset_state()
        print(' '.join(chars[i] for i in model.generate(1, [3], 20, top_k=4)))
        most_similar('c', {word: i for i, word in chars.items()}, chars, to_gpu(r(size=(9, 3))), top=3)

        better = BetterRnnlm(9, 4, 4)
        twin = copy.deepcopy(better)
        twin.params[0][...] = 1                         # tied in the copy too, and in it alone
        found |= {f'tied {j} {i}': to_cpu(made.params[i]).copy()
                  for j, made in enumerate((better, twin)) for i in (0, -2)}
        better.save_params('better.npz')
        twin.load_params('better.npz')
        found |= {f'loaded {i}': to_cpu(param) for i, param in enumerate(twin.params)}
    found['printed'] = numpy.array(printed.getvalue())
    return found


def scripts():
    """Each training script in small: the parameters that it ends with, or the numbers that it returns."""
    from matplotlib.figure import Figure

    import ch01.train
    import ch01.train_custom_loop
    import ch03.train
    import ch04.train
    import ch04.train_runs
    import ch05.train
    import ch05.train_custom_loop
    import ch06.train_better_rnnlm
    import ch06.train_rnnlm
    import ch07.train_seq2seq
    import ch08.train
    from ch01.volume1 import (
        train_autoencoder,
        train_convnet,
        train_deep_convnet,
        train_dqn,
        train_reinforce,
        train_two_layer,
        train_vae,
    )
    from ch08.transformer import finetune_bert, train_bert, train_dates, train_gpt
    from dataset import images, sequence, toy
    from tests.test_volume1_agents import Corridor

    class Cart(Corridor):
        def state(self):
            return super().state()[:4]

    corpus, _, id_to_word = toy.load_data(size=600)
    Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', '\n'), encoding='utf-8')
    Path('date.txt').write_text('\n'.join(sequence.make_dates()[:500]), encoding='utf-8')
    toy.SENTENCES = {'train': 60, 'valid': 20, 'test': 20}
    x, t = numpy.random.RandomState(0).rand(60, 784).astype('f'), numpy.arange(60) % 10
    images.load_data = lambda data, flatten=True: ((x if flatten else x.reshape(-1, 1, 28, 28), t),) * 2
    train_dqn.cart_pole = train_reinforce.cart_pole = lambda: Cart
    Figure.savefig = lambda *_, **__: None          # which takes longer than all trainings

    few = {'max_epoch': 1, 'seed': 1}
    small = {'wordvec_size': 8, 'hidden_size': 8, 'batch_size': 10} | few
    text = {'corpus': 'small.txt', 'time_size': 10} | small
    words = {'corpus': 'small.txt', 'hidden_size': 8} | few
    dates = {'wordvec_size': 8, 'hidden_size': 8, 'batch_size': 150} | few
    blocks = {'wordvec_size': 8, 'heads': 2, 'blocks': 1} | few
    coder = {'hidden_size': 9, 'inner_size': 5, 'batch_size': 20} | few
    runs = {
        'ch01': lambda: ch01.train.main(max_epoch=3, seed=1).model,
        'ch01 loop': lambda: ch01.train_custom_loop.main(max_epoch=3, seed=1),
        'two layers': lambda: train_two_layer.main(batch_size=20, hidden_size=9, **few).model,
        'convnet': lambda: train_convnet.main(filter_num=2, hidden_size=4, batch_size=30, **few).model,
        'deep convnet': lambda: train_deep_convnet.main(hidden_size=4, batch_size=30, augment=True, **few)[0].model,
        'autoencoder': lambda: train_autoencoder.main(bottleneck=2, noise=0.3, **coder),
        'vae': lambda: train_vae.main(**coder),
        'dqn': lambda: train_dqn.main(hidden_size=4, steps=60, first_steps=20, batch_size=10, eval_interval=60, seed=1),
        'reinforce': lambda: train_reinforce.main(hidden_size=4, updates=2, episodes=2, seed=1),
        'ch03': lambda: ch03.train.main(max_epoch=3, seed=1).model,
        'ch03 skip-gram': lambda: ch03.train.main(model='skip_gram', max_epoch=3, seed=1).model,
        'ch04': lambda: ch04.train.main(**words).model,
        'ch04 skip-gram, sparse': lambda: ch04.train.main(**words, model='skip_gram', sparse=True).model,
        'runs': lambda: ch04.train_runs.main(run_size=100, **words).model,
        'runs, skip-gram': lambda: ch04.train_runs.main(run_size=100, model='skip_gram', **words).model,
        'ch05': lambda: ch05.train.main(**text).model,
        'ch05 loop': lambda: ch05.train_custom_loop.main(**text),
        'ch06': lambda: ch06.train_rnnlm.main(**text)[0].model,
        'ch06 better': lambda: ch06.train_better_rnnlm.main(**text)[0].model,
        'ch07': lambda: ch07.train_seq2seq.main(file_name='date.txt', **dates)[0],
        'ch07 peeky': lambda: ch07.train_seq2seq.main(file_name='date.txt', peeky=True, beam_size=2, **dates)[0],
        **{f'ch08 {model}': lambda model=model: ch08.train.main(model=model, **dates)[0]
           for model in ('attention', 'bi', 'bahdanau', 'deep')},
        'transformer': lambda: train_dates.main(**blocks, hidden_size=8, batch_size=150)[0],
        'gpt': lambda: train_gpt.main('small.txt', time_size=10, batch_size=5, **blocks)[0].model,
        'bert': lambda: train_bert.main(time_size=12, hidden_size=8, batch_size=20, **blocks),
        'finetune': lambda: finetune_bert.main(train_size=30, test_size=10, batch_size=10, seeds=1, max_epoch=1),
    }
    found = {}
    for name, run in runs.items():
        made = run()
        if isinstance(made, dict):
            made = [value for value in made.values() if isinstance(value, float)]
        arrays = made.params if hasattr(made, 'params') else [numpy.array(made)]
        found |= {f'{name}: {i}': to_cpu(array) for i, array in enumerate(arrays)}
    return found


if __name__ == '__main__':
    found = {'layers': layers, 'steps': steps, 'faults': faults, 'scripts': scripts}[sys.argv[1]]()
    copies = found.pop('copies', {})
    numpy.savez(sys.argv[2], copies=json.dumps(copies), **found)
