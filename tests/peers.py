"""What a reader would pick instead: one training step of each book model in PyTorch (CPU), for tests/benchmarks.py.

Each function without arguments returns a step to call: forward, backward, clipping where the book clips, and the
optimizer's update, on the book's shapes. Nothing but the benchmark imports it.
"""
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


def ids(high, *shape):
    return torch.randint(0, high, shape)


def sgd(model, lr):
    return torch.optim.SGD(model.parameters(), lr)


def train_step(model, optimizer, *batch, clip=None):
    def step():
        optimizer.zero_grad()
        model(*batch).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return step


class LanguageModel(nn.Module):
    def __init__(self, V, D, H, cell=nn.LSTM, layers=1, dropout=0.0, tied=False):
        super().__init__()
        self.embed = nn.Embedding(V, D)
        self.drop = nn.Dropout(dropout)
        self.rnn = cell(D, H, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.affine = nn.Linear(H, V)
        if tied:
            self.affine.weight = self.embed.weight
        self.state = None

    def forward(self, xs, ts):
        if self.state is not None:
            self.state = tuple(s.detach() for s in self.state) if isinstance(self.state, tuple) else self.state.detach()
        hs, self.state = self.rnn(self.drop(self.embed(xs)), self.state)
        scores = self.affine(self.drop(hs))
        return F.cross_entropy(scores.flatten(0, 1), ts.flatten())


class Seq2seq(nn.Module):
    def __init__(self, V, D, H, attention=False):
        super().__init__()
        self.enc_embed, self.enc = nn.Embedding(V, D), nn.LSTM(D, H, batch_first=True)
        self.dec_embed, self.dec = nn.Embedding(V, D), nn.LSTM(D, H, batch_first=True)
        self.attention = attention
        self.affine = nn.Linear(2 * H if attention else H, V)

    def forward(self, xs, ts):
        enc_hs, (h, _) = self.enc(self.enc_embed(xs))
        out, _ = self.dec(self.dec_embed(ts[:, :-1]), (h, torch.zeros_like(h)))
        if self.attention:
            weights = F.softmax(out @ enc_hs.transpose(1, 2), -1)
            out = torch.cat((weights @ enc_hs, out), -1)
        return F.cross_entropy(self.affine(out).flatten(0, 1), ts[:, 1:].flatten())


class CBOW(nn.Module):
    def __init__(self, V, H, sparse):
        super().__init__()
        self.W_in, self.W_out = nn.Embedding(V, H, sparse=sparse), nn.Embedding(V, H, sparse=sparse)
        self.p = (1 / torch.arange(1, V + 1.0)) ** 0.75

    def forward(self, contexts, target):
        h = self.W_in(contexts).mean(1)
        negative = torch.multinomial(self.p, len(target) * 5, replacement=True).view(-1, 5)
        ids = torch.cat((target[:, None], negative), 1)
        scores = (self.W_out(ids) * h[:, None]).sum(-1)
        labels = torch.zeros_like(scores)
        labels[:, 0] = 1
        return F.binary_cross_entropy_with_logits(scores, labels, reduction='sum') / len(target)


class MLP(nn.Sequential):
    def __init__(self):
        sizes = (784, 100, 100, 100, 100, 10)
        layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        super().__init__(*layers[:-1])


class SimpleConvNet(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 30, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4320, 100),
                         nn.ReLU(), nn.Linear(100, 10))


class DeepConvNet(nn.Sequential):
    def __init__(self):
        layers, channels = [], ((1, 16, 1), (16, 16, 1), (16, 32, 1), (32, 32, 2), (32, 64, 1), (64, 64, 1))
        for i, (a, b, padding) in enumerate(channels):
            layers += [nn.Conv2d(a, b, 3, padding=padding), nn.ReLU()] + [nn.MaxPool2d(2)] * (i % 2)
        super().__init__(*layers, nn.Flatten(), nn.Linear(1024, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 10),
                         nn.Dropout(0.5))


class Block(nn.Module):
    """Pre-norm: self-attention, attention to `memory` where there is one, feed-forward."""

    def __init__(self, D, heads, causal=False, cross=False, activation=F.relu):
        super().__init__()
        self.heads, self.causal, self.activation = heads, causal, activation
        self.norms = nn.ModuleList(nn.LayerNorm(D) for _ in range(3 if cross else 2))
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        if cross:
            self.q, self.kv, self.cross_out = nn.Linear(D, D), nn.Linear(D, 2 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def attend(self, q, k, v, causal=False):
        q, k, v = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).flatten(2)

    def forward(self, x, memory=None):
        x = x + self.out(self.attend(*self.qkv(self.norms[0](x)).chunk(3, 2), self.causal))
        if memory is not None:
            x = x + self.cross_out(self.attend(self.q(self.norms[1](x)), *self.kv(memory).chunk(2, 2)))
        return x + self.down(self.activation(self.up(self.norms[-1](x))))


class Transformer(nn.Module):
    def __init__(self, V=59, D=128, heads=4, blocks=2):
        super().__init__()
        self.embed, self.embed_out = nn.Embedding(V, D), nn.Embedding(V, D)
        self.enc = nn.ModuleList(Block(D, heads) for _ in range(blocks))
        self.dec = nn.ModuleList(Block(D, heads, causal=True, cross=True) for _ in range(blocks))
        self.norm_enc, self.norm_dec, self.affine = nn.LayerNorm(D), nn.LayerNorm(D), nn.Linear(D, V)
        self.register_buffer('pos', torch.randn(64, D))

    def forward(self, xs, ts):
        memory = self.embed(xs) + self.pos[:xs.shape[1]]
        for block in self.enc:
            memory = block(memory)
        memory, y = self.norm_enc(memory), self.embed_out(ts[:, :-1]) + self.pos[:ts.shape[1] - 1]
        for block in self.dec:
            y = block(y, memory)
        return F.cross_entropy(self.affine(self.norm_dec(y)).flatten(0, 1), ts[:, 1:].flatten())


class GPT(nn.Module):
    def __init__(self, V=10000, D=256, heads=4, blocks=4, T=35):
        super().__init__()
        self.embed, self.pos = nn.Embedding(V, D), nn.Embedding(T, D)
        gelu = partial(F.gelu, approximate='tanh')
        self.blocks = nn.ModuleList(Block(D, heads, causal=True, activation=gelu) for _ in range(blocks))
        self.norm, self.affine = nn.LayerNorm(D), nn.Linear(D, V, bias=False)
        self.affine.weight = self.embed.weight

    def forward(self, xs, ts):
        x = self.embed(xs) + self.pos.weight[:xs.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.affine(self.norm(x)).flatten(0, 1), ts.flatten())


def transformer():
    model = Transformer()
    return train_step(model, torch.optim.Adam(model.parameters()), ids(59, 128, 29), ids(59, 128, 11), clip=5.0)


def gpt():
    model = GPT()
    return train_step(model, torch.optim.Adam(model.parameters()), ids(10000, 20, 35), ids(10000, 20, 35), clip=1.0)


def spiral():
    model = nn.Sequential(nn.Linear(2, 10), nn.Sigmoid(), nn.Linear(10, 3))
    x, t, optimizer = torch.randn(30, 2), ids(3, 30), sgd(model, 1.0)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    return step


def pictures(model, *shape):
    x, t, optimizer = torch.rand(100, *shape), ids(10, 100), torch.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
    return step


def mlp():
    return pictures(MLP(), 784)


def simple_convnet():
    return pictures(SimpleConvNet(), 1, 28, 28)


def deep_convnet():
    return pictures(DeepConvNet(), 1, 28, 28)


def cbow(sparse=False):
    model = CBOW(10000, 100, sparse)
    adam = (torch.optim.SparseAdam if sparse else torch.optim.Adam)(model.parameters())
    return train_step(model, adam, ids(10000, 100, 10), ids(10000, 100))


def cbow_sparse():
    return cbow(sparse=True)


def simple_rnnlm():
    model = LanguageModel(418, 100, 100, nn.RNN)
    return train_step(model, sgd(model, 0.1), ids(418, 10, 5), ids(418, 10, 5))


def rnnlm():
    model = LanguageModel(10000, 100, 100)
    return train_step(model, sgd(model, 20.0), ids(10000, 20, 35), ids(10000, 20, 35), clip=0.25)


def generate(words=100):
    """Words one after another by rnnlm's network, as one does it in PyTorch."""
    model = LanguageModel(10000, 100, 100)

    @torch.no_grad()
    def step():
        word = ids(10000, 1, 1)
        for _ in range(words):
            hs, model.state = model.rnn(model.embed(word), model.state)
            word = torch.multinomial(F.softmax(model.affine(hs[:, -1]), -1), 1)
    return step


def better_rnnlm():
    model = LanguageModel(10000, 650, 650, layers=2, dropout=0.5, tied=True)
    return train_step(model, sgd(model, 20.0), ids(10000, 20, 35), ids(10000, 20, 35), clip=0.25)


def seq2seq():
    model = Seq2seq(13, 16, 128)
    return train_step(model, torch.optim.Adam(model.parameters()), ids(13, 128, 7), ids(13, 128, 5), clip=5.0)


def attention():
    model = Seq2seq(59, 16, 256, attention=True)
    return train_step(model, torch.optim.Adam(model.parameters()), ids(59, 128, 29), ids(59, 128, 11), clip=5.0)
