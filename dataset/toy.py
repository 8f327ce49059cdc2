"""A toy language: English-like sentences from a small probabilistic grammar, whose entropy is known exactly.

It is there without a network, in any size. Every sentence has one derivation only, so that no language model can
have a lower perplexity on it than perplexity_floor().
"""
import math
from functools import cache
from numbers import Integral

import numpy as np

from common.checks import InputError, InputTypeError, brief, check_id, check_seed, shown
from dataset import part_of_corpus
from dataset.toy_grammar import Derivations

# A line is a symbol and its alternatives, each drawn in proportion to the number before it (1 where there is none).
# Capitals are symbols, all else is words. A word stands in one list of words only, or spelt out within rules; and no
# two derivations give the same row of lists: therefore a sentence has one derivation.
GRAMMAR = """
TEXT = SENTENCE <eos>
SENTENCE = 8: PAST | 7: NOW | 5: FUTURE | 5: OPINION | 2: OWN | 2: COURT | 3: MARKET | WEATHER | LIFE

PAST = ANYBODY DID THEN
NOW = MANY DO OFTEN | ONE DOES OFTEN
FUTURE = ANYBODY will DO SOON
THEN = yesterday | 2: last YEAR | NUMBER YEARS ago | on DAY | 2: in DATE
OFTEN = every YEAR | always | sometimes | on DAY | in MONTH
SOON = tomorrow | 2: next YEAR | in NUMBER YEARS | on DAY
YEAR = year | month | week | quarter
YEARS = years | months | weeks | days
DAY = monday | tuesday | wednesday | thursday | friday | saturday | sunday
MONTH = january | february | march | april | june | july | august | september | october | november | december
DATE = 2: MONTH | DECADE
DECADE = 1990 | 1991 | 1992 | 1993 | 1994 | 1995 | 1996 | 1997 | 1998 | 1999
NUMBER = two | three | four | five | six | seven | eight | nine | ten

ANYBODY = MANY | ONE
MANY = 3: PRONOUN | the PEOPLE | these PEOPLE | NUMBER PEOPLE | the OLD PEOPLE
ONE = the PERSON | this PERSON | a PERSON | the OLD PERSON | POSSESSOR KIN | HE_SHE
OLD = old | young | tall | poor | rich
PRONOUN = you | i | we | they
HE_SHE = he | she
POSSESSOR = my | your | our
KIN = FATHER | MOTHER
FATHER = father | brother | uncle | son | husband | grandfather
MOTHER = mother | sister | aunt | daughter | wife | grandmother
PERSON = man | woman | boy | girl | 2: child | 4: JOB
PEOPLE = men | women | boys | girls | 2: children | 4: JOBS
JOB = teacher | doctor | farmer | lawyer | soldier | student | singer | painter
JOBS = teachers | doctors | farmers | lawyers | soldiers | students | singers | painters

DID = TOOK VEHICLE | WENT to GOAL | CAME from GOAL | ATE MEAL | DRANK CUP | WROTE MAIL | SAW PET
DO = TAKE VEHICLE | GO to GOAL | COME from GOAL | EAT MEAL | DRINK CUP | WRITE MAIL | SEE PET
DOES = TAKES VEHICLE | GOES to GOAL | COMES from GOAL | EATS MEAL | DRINKS CUP | WRITES MAIL | SEES PET
TAKE = take | drive | choose
TOOK = took | drove | chose
TAKES = takes | drives | chooses
GO = go
WENT = went
GOES = goes
COME = come | return | walk
CAME = came | returned | walked
COMES = comes | returns | walks
EAT = eat | cook | buy
ATE = ate | cooked | bought
EATS = eats | cooks | buys
DRINK = drink | order
DRANK = drank | ordered
DRINKS = drinks | orders
WRITE = write | send
WROTE = wrote | sent
WRITES = writes | sends
SEE = see | feed | find
SAW = saw | fed | found
SEES = sees | feeds | finds
VEHICLE = 2: the CAR | this CAR | a CAR | the NEW CAR | a NEW CAR | the CARS | NUMBER CARS
CAR = car | truck | bus | van | taxi
CARS = cars | trucks | buses | vans | taxis
NEW = new | modern | cheap | red
GOAL = 2: the PLACE | CITY
PLACE = market | school | station | park | hospital | office | museum | library | beach | airport | bank | hotel
CITY = tokyo | osaka | london | paris | seoul | boston | chicago
MEAL = the FOOD | some FOOD | the FRESH FOOD
FOOD = bread | rice | soup | fish | cake | cheese | meat | salad
FRESH = fresh | sweet | warm
CUP = the TEA | some TEA
TEA = tea | coffee | milk | water | juice | wine
MAIL = the LETTER | a LETTER | a LONG LETTER
LETTER = letter | story | poem | song
LONG = long | short | strange
PET = the ANIMAL | this ANIMAL | a TINY ANIMAL | the ANIMALS | NUMBER ANIMALS
ANIMAL = dog | cat | horse | cow | bird
ANIMALS = dogs | cats | horses | cows | birds
TINY = tiny | huge | white | black

OPINION = 2: VIEW | PRONOUN THINK that VIEW
THINK = think | know | say
VIEW = the THING is QUALITY | this THING is QUALITY | the THINGS are QUALITY | these THINGS are QUALITY | TASTE
THING = CAR | ANIMAL | child
THINGS = CARS | ANIMALS | children
QUALITY = very FAST | FASTER than VEHICLE | FASTER than PET
FAST = fast | slow | big | small
FASTER = faster | slower | bigger | smaller
TASTE = the FOOD is very GOOD | the FOOD is BETTER than MEAL | the TEA is very GOOD | the TEA is BETTER than CUP
GOOD = good | bad
BETTER = better | worse

OWN = the man LOST his HAT | the woman LOST her HAT | the boy LOST his TOY | the girl LOST her TOY | PARENT
PARENT = POSSESSOR FATHER LOST his HAT | POSSESSOR MOTHER LOST her HAT
LOST = lost | forgot | sold | wanted
HAT = hat | coat | watch | key | bag
TOY = ball | doll | kite | game

COURT = the KING WORE his CROWN | the QUEEN WORE her CROWN | the KINGS RULED the LAND | the QUEENS RULED the LAND
KING = king | prince
KINGS = kings | princes
QUEEN = queen | princess
QUEENS = queens | princesses
WORE = wore | hid | loved
CROWN = crown | castle | palace | throne | sword
RULED = ruled | left | defended
LAND = kingdom | country | island | empire

MARKET = MAKER PRODUCED NUMBER MANY_CARS THEN | MAKER will BUILD a NEW CAR SOON | CHANGE
CHANGE = SALES of MAKER ROSE NUMBER percent THEN
MAKER = toyota | nissan | honda | mazda | ford
PRODUCED = produced | exported | repaired
MANY_CARS = HUNDRED CARS | CARS
HUNDRED = hundred | thousand | million
SALES = sales | shares | profits | prices
ROSE = rose | fell | grew | dropped
BUILD = build | design | show

WEATHER = it was COLD THEN | it was COLDER in DATE than in DATE
COLD = cold | hot | dry | wet | windy
COLDER = colder | hotter | drier | wetter

LIFE = the meaning of life is LOVE
LOVE = love | happiness | friendship | music | freedom
"""

SENTENCES = {'train': 12_000, 'valid': 1_200, 'test': 1_200}
STREAMS = {'train': 0, 'valid': 1, 'test': 2}


def load_data(data_type: str = 'train', size: int | None = None, seed: int = 1984):
    """corpus (a 1-D int64 array of word ids), word_to_id, id_to_word.

    data_type: 'train', 'valid' or 'val', 'test': drawn apart from one another. size: the number of sentences, each
    ending in `<eos>`; None is 12,000 for 'train' and 1,200 for the others (some 8 words a sentence). The vocabulary
    and its ids are the same for every data_type, size and seed. The global np.random is left as it stands.
    """
    part = part_of_corpus('data_type', data_type)
    size = SENTENCES[part] if size is None else size
    if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
        raise InputError(f'size: expected at least one sentence, a whole number, got {size!r}')
    check_seed(seed)
    rng = np.random.RandomState([seed, STREAMS[part]])
    return _generate(size, rng), *load_vocab()


def load_vocab() -> tuple[dict[str, int], dict[int, str]]:
    """word_to_id, id_to_word: all words of the grammar, in the order in which it names them first."""
    rules = parse_grammar()
    words = dict.fromkeys(word for rule in rules.values() for _, symbols in rule for word in symbols
                          if word not in rules)
    return {word: i for i, word in enumerate(words)}, dict(enumerate(words))


def perplexity_floor() -> float:
    """exp(entropy of a sentence / its expected number of words, `<eos>` counted): the lowest perplexity there is.

    Entropy and length of a symbol are those of the choice between its alternatives plus, each weighted by its
    probability, those of what stands in them (the chain rule of entropy; it holds as derivations are unique).
    """
    rules = parse_grammar()

    @cache
    def entropy_and_length(symbol: str) -> tuple[float, float]:
        if symbol not in rules:
            return 0.0, 1.0
        total = sum(weight for weight, _ in rules[symbol])
        entropy = length = 0.0
        for weight, symbols in rules[symbol]:
            p = weight / total
            parts = [entropy_and_length(s) for s in symbols]
            entropy += p * (sum(h for h, _ in parts) - math.log(p))
            length += p * sum(n for _, n in parts)
        return entropy, length

    entropy, length = entropy_and_length('TEXT')
    return math.exp(entropy / length)


def next_word_probabilities(prefix: list[str]) -> dict[str, float]:
    """word -> the probability that it comes next behind the words of prefix, those from a sentence's start; exact.

    Where the sentence may end, that is the probability of `<eos>`. InputError where no sentence begins so.
    """
    check_words('prefix', prefix)
    found = _derivations().next_words('TEXT', prefix)
    if not found:
        raise InputError(f'prefix: expected the beginning of a sentence of the toy language, got {_quoted(prefix)}')
    return found


def masked_word_probabilities(words: list[str | None], place: int) -> dict[str, float]:
    """word -> the probability that it stands at this place of a sentence, given all other words; exact.

    words: the sentence without `<eos>`. What stands at the place itself does not count, and of other places that hold
    None nothing is known. InputError where no sentence is like that.
    """
    check_words('words', words, str | None)
    check_id('place', place, len(words))
    found = _derivations().word_at('SENTENCE', tuple(words), place)
    if not found:
        raise InputError('words: expected a sentence of the toy language, whatever the word at that place, got '
                         f'{_quoted([*words[:place], None, *words[place + 1:]])}')
    return found


def derives(words: list[str]) -> bool:
    """Whether this is a sentence of the toy language, without its `<eos>`."""
    check_words('words', words)
    return () in _derivations().read('SENTENCE', words)


def check_words(name: str, words, kind=str) -> None:
    """InputTypeError unless words is a list of text."""
    if not isinstance(words, list | tuple) or not all(isinstance(word, kind) for word in words):
        raise InputTypeError(f'{name}: expected a list of words, got {brief(words)}')


def _quoted(words) -> str:
    return repr(' '.join('…' if word is None else shown(word) for word in words))


@cache
def _derivations() -> Derivations:
    return Derivations(parse_grammar())


@cache
def parse_grammar(text: str = GRAMMAR) -> dict[str, list[tuple[int, list[str]]]]:
    """The grammar as a dict: symbol -> its alternatives, each a weight and a list of symbols and words."""
    rules: dict[str, list[tuple[int, list[str]]]] = {}
    for line in text.strip().splitlines():
        if line:
            symbol, alternatives = line.split(' = ')
            rules[symbol] = []
            for alternative in alternatives.split(' | '):
                weight, found, symbols = alternative.partition(': ')
                rules[symbol].append((int(weight), symbols.split()) if found else (1, alternative.split()))
    return rules


def _generate(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Word ids of `size` sentences: all symbols are replaced at once, level by level, until words alone are left."""
    word_to_id, _ = load_vocab()
    rules = parse_grammar()
    ids = word_to_id | {symbol: len(word_to_id) + i for i, symbol in enumerate(rules)}
    # each alternative as often as its weight says, so that a uniform draw picks it; a word's only one is itself
    tickets = [[[i]] for i in range(len(word_to_id))]
    tickets += [[[ids[s] for s in symbols] for weight, symbols in rule for _ in range(weight)]
                for rule in rules.values()]
    count = np.array([len(t) for t in tickets])                     # (symbols,) tickets of each symbol
    first = count.cumsum() - count                                  # (symbols,) the first of them
    length = np.array([len(t) for ts in tickets for t in ts])       # (tickets,)
    start = length.cumsum() - length                                # (tickets,) where its symbols begin in `flat`
    flat = np.array([s for ts in tickets for t in ts for s in t], dtype=np.int64)

    text = np.full(size, ids['TEXT'])
    while (text >= len(word_to_id)).any():
        ticket = first[text] + (rng.random_sample(len(text)) * count[text]).astype(np.int64)
        n = length[ticket]                                          # what each symbol becomes is n long
        shift = start[ticket] - (n.cumsum() - n)                    # from its place in the new text to that in flat
        text = flat[np.arange(n.sum()) + np.repeat(shift, n)]
    return text
