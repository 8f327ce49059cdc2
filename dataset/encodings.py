"""In which encoding a text file is: told by --encoding, or guessed for the error where it is not that one."""
import codecs

from common.checks import InputError
from dataset.tokens import script_of

# The most frequent characters of Chinese, and of Japanese without kana, as dates are: of a text that is read in the
# wrong encoding they are few.
KANJI = frozenset('年月日時分人一二三四五六七八九十百千万円大小中上下本東京国学生会社車行出入見火水木金土曜昭和'
                  '平成令明治正')
FREQUENT = frozenset('的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就'
                     '出会會可也你对對生能而子那得于着下自之年')


def check_encoding(encoding: str) -> None:
    """InputError unless Python has an encoding of text of this name."""
    try:
        'a'.encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError, TypeError):
        raise InputError('encoding: expected the name of one, as utf-8, cp932, cp949, gb18030 or utf-16, got '
                         f'{encoding!r:.60}') from None


def likely_encoding(data: bytes) -> str | None:
    """In which encoding the first bytes of a text file are, None where none of these gives a text that looks like one.

    UTF-16 by its mark or its NULs, ISO-2022-JP by its escapes; else by what is read: kana, hangul, frequent Chinese
    characters, letters of Europe.
    """
    if b'\x1b$' in data:
        return 'iso2022_jp'
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return 'utf-16'
    if data.count(0) > 1:
        odd, even = data[1::2].count(0), data[::2].count(0)
        encoding = 'utf-16-le' if odd > even else 'utf-16-be'
        text = decoded(data, encoding)
        return encoding if text is not None and '\0' not in text and plausible(text) else None
    if decoded(data, 'utf-8') is not None:
        return 'utf-8'
    text = data.decode('utf-8', 'replace')
    if text.count('\ufffd') < 0.1 * sum(not char.isascii() for char in text):
        return None     # it is, but for some damage
    found = {}
    for encoding, script in (('cp932', 'ja'), ('cp949', 'ko'), ('euc_jp', 'ja'), ('gb18030', 'zh'), ('big5', 'zh')):
        text = decoded(data, encoding)
        if text is not None and script_of(text) in (script, 'zh' if script == 'ja' else script):
            found[encoding] = share(text, script)
    best = max(found, key=lambda encoding: found[encoding], default=None)
    if best and found[best] > 0.05:
        return best
    text = decoded(data, 'cp1252')
    if text is not None and plausible(text) and sum(not char.isascii() for char in text) < 0.3 * len(text):
        return 'cp1252'
    return None


def decoded(data: bytes, encoding: str) -> str | None:
    """The text, None where it is not in that encoding; a character cut off at the end does no harm."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None


def plausible(text: str) -> bool:
    """Whether nine characters of ten are letters, digits, blanks or the signs of a keyboard."""
    fine = sum(char.isalnum() or char.isspace() or char.isascii() or script_of(char) is not None for char in text)
    return fine > 0.9 * len(text)


def share(text: str, script: str) -> float:
    """How much of what is not ASCII in a text is what its script has most of; less where it has what none has."""
    chars = [char for char in text if not char.isascii()]
    if script == 'ja':
        usual = sum('ぁ' <= char <= 'ヿ' for char in chars) or 3 * sum(char in KANJI for char in chars)
    elif script == 'ko':        # of 11,172 syllables the 2,350 of KS X 1001, of which both bytes are above A0
        usual = sum('가' <= char <= '힣' and min(char.encode('cp949')) > 0xa0 for char in chars)
    else:
        usual = 3 * sum(char in FREQUENT for char in chars)
    odd = sum('\uff61' <= char <= '\uff9f' or '\ue000' <= char <= '\uf8ff' or '\x80' <= char < '\xa0'
              or '\u3130' <= char <= '\u318f' for char in chars)       # the last: hangul's letters, one by one
    return (usual - 2 * odd) / max(1, len(chars))
