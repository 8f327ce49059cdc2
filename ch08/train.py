"""Learn to write dates as ISO dates (book, 8.2 and 8.3): `september 27, 1994` is to become `1994-09-27`.

The questions are read backwards. With attention nearly every answer is right after two or three passes over the
data; --model peeky comes there later, --model seq2seq hardly at all. It leaves behind the weights, a chart of the
accuracy and, with attention, a picture of where the model looked.
"""
from typing import Literal

from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from ch07.train_seq2seq import learn, plot_accuracies
from ch08.attention_seq2seq import AttentionSeq2seq
from ch08.visualize_attention import draw_attention
from common.cli import run
from common.figures import show
from common.np import np
from dataset import sequence

MODELS = {'attention': AttentionSeq2seq, 'seq2seq': Seq2seq, 'peeky': PeekySeq2seq}


def main(model: Literal['attention', 'seq2seq', 'peeky'] = 'attention', wordvec_size=16, hidden_size=256,
         batch_size=128, max_epoch=10, max_grad: float | None = 5.0, forget_bias=0.0, beam_size=1,
         seed: int | None = None):
    """
    seed: of the weights and batches; none: as the seed with which the data comes, 1984, leaves np.random
    """
    train_data, test_data = sequence.load_data('date.txt')
    char_to_id, _ = sequence.get_vocab()
    if seed is not None:
        np.random.seed(seed)

    network = MODELS[model](len(char_to_id), wordvec_size, hidden_size, forget_bias=forget_bias)
    accuracies = learn(network, train_data, test_data, True, max_epoch, batch_size, max_grad, beam_size)
    plot_accuracies({type(network).__name__: accuracies}, 'learning dates, read backwards')
    show('accuracy', keep=True)
    if model == 'attention':
        x_test, t_test = test_data
        draw_attention(network, x_test[:5], t_test[:5])
        show('attention', keep=True)
    return network, accuracies


if __name__ == '__main__':
    run(main)
