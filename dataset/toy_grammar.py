"""Exact probabilities of words under a grammar without recursion: of the next word, and of one among all the others.

The words are read from left to right. What may still come is a stack of symbols, the next one first: it is all that
matters of a derivation so far. Few stacks are left after a word, so that the sums over all derivations are short.
"""
from collections import defaultdict
from functools import cache


class Derivations:
    """What a grammar's derivations say of words. rules: symbol -> its alternatives, each a weight and its symbols.

    Whatever is no key of rules is a word. No symbol may come back among what it becomes, and none becomes nothing.
    """

    def __init__(self, rules):
        self.rules = rules
        self.first_words = cache(self._first_words)

    def _first_words(self, symbol):
        """word -> stack -> probability: how the symbol may begin, and what it leaves to come behind that word."""
        if symbol not in self.rules:
            return {symbol: {(): 1.0}}
        total = sum(weight for weight, _ in self.rules[symbol])
        found: dict = defaultdict(lambda: defaultdict(float))
        for weight, (first, *others) in self.rules[symbol]:
            for word, stacks in self.first_words(first).items():
                for stack, p in stacks.items():
                    found[word][(*stack, *others)] += weight / total * p
        return {word: dict(stacks) for word, stacks in found.items()}

    def branches(self, stack, word=None):
        """Each word (this one alone, where given) that the stack may begin with, the stack behind it, and its
        probability."""
        if not stack:
            return
        first, *others = stack
        words = self.first_words(first)
        for found in words if word is None else [word] if word in words else []:
            for rest, p in words[found].items():
                yield found, (*rest, *others), p

    def read(self, start, words):
        """stack -> probability of these words and then that stack. A None among the words stands for any."""
        stacks = {(start,): 1.0}
        for word in words:
            behind: dict = defaultdict(float)
            for stack, p in stacks.items():
                for _, rest, q in self.branches(stack, word):
                    behind[rest] += p * q
            stacks = behind
        return stacks

    def next_words(self, start, prefix):
        """word -> its probability behind the words of prefix; {} where start derives nothing that begins so."""
        found: dict = defaultdict(float)
        for stack, p in self.read(start, prefix).items():
            for word, _, q in self.branches(stack):
                found[word] += p * q
        return normalized(found)

    def word_at(self, start, words, place):
        """word -> its probability at this place of words, given all others (None: any); {} where none fits."""
        @cache
        def rest_from(stack, i):
            """The probability that the stack becomes words[i:]."""
            if i == len(words):
                return float(not stack)
            return sum(p * rest_from(rest, i + 1) for _, rest, p in self.branches(stack, words[i]))

        found: dict = defaultdict(float)
        for stack, p in self.read(start, words[:place]).items():
            for word, rest, q in self.branches(stack):
                found[word] += p * q * rest_from(rest, place + 1)
        return normalized(found)


def normalized(weights):
    """The same keys, without those of weight 0, with numbers that add up to 1."""
    total = sum(weights.values())
    return {key: weight / total for key, weight in weights.items() if weight}
