"""Compares texts in scripts without blanks between words: Chinese, Japanese, Thai and their kin.

There a letter, or two in a row, is what a word is elsewhere. What names and numbers are is told by
no capitals, so of differently worded answers only one that holds nearly all of the other repeats
it: in doubt two rows are two.
"""

import re
from itertools import pairwise
from typing import Literal

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

_WIDE = (
    "\u2e80-\u2fdf\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Chinese characters and Japanese syllables."""
_NARROW = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0eae\u0eb0-\u0ecd\u1000-\u1049\u1780-\u17d3"
"""Thai, Lao, Burmese and Khmer: four letters are about a word, or a syllable of one."""
UNSPACED = re.compile(f"[{_WIDE}{_NARROW}]")
MARKS = "\u3001\u3002\u3008-\u3011\u3014-\u301f\u30fb\u301c\uff01-\uff0f\uff1a-\uff20\uff5e"
"""Their punctuation, which carries no more meaning than that of others."""
_WIDE_LETTER = re.compile(f"[{_WIDE}]")
_NARROW_LETTER = re.compile(f"[{_NARROW}]")
_UNIT = re.compile(
    rf"[{_WIDE}{_NARROW}]|-?\d+(?:[.,:]\d+)*%?|[^\W\d_{_WIDE}{_NARROW}]+"
    rf"|[^\w\s{MARKS}.,;:!?'\"\u2026()\[\]\u00ab\u00bb\u201c\u201d\u2018\u2019\u00bf\u00a1\u2014]"
)
_GAP = rf"[\s{MARKS}.,;:!?\u2026]*"
_BEFORE = re.compile(
    r"(?:请问(?:一下|你|您)?|想(?:请)?问(?:一下)?|我想(?:知道|了解|问一下|请问)|麻烦(?:问一下|你|您)?"
    r"|(?:你|您)?(?:能|可以|能否|可否)(?:请)?告诉(?:我|我们)(?:一下)?|(?:请|麻烦)?告诉(?:我|我们)(?:一下)?"
    r"|(?:你|您|大家)好(?:啊|呀)?|嗨|哈喽|不好意思|打扰(?:一下|了)|请(?!假|客|求|教|愿)"
    r"|請問(?:一下|你|您)?|想請問(?:一下)?|我想(?:瞭解|問一下|請問)|麻煩(?:問一下|你|您)?"
    r"|(?:你|您)?(?:能|可以)(?:請)?告訴(?:我|我們)(?:一下)?|(?:請)?告訴(?:我|我們)(?:一下)?"
    r"|すみません(?:が)?|すいません(?:が)?|こんにちは|お尋ねします(?:が)?|ちょっと(?:お)?聞きたいのですが"
    r"|あの(?=[、,])|えっと|失礼します(?:が)?|恐れ入りますが|教えてください(?=[、。,:])"
    r"|สวัสดี(?:ครับ|ค่ะ|คะ)?|ขอ(?:ถาม|สอบถาม)(?:หน่อย)?(?:ครับ|ค่ะ|คะ)?(?:ว่า)?"
    r"|(?:ช่วย|กรุณา)(?:บอก|แจ้ง)(?:หน่อย|ฉัน|ผม)?(?:ว่า|หน่อย)?|อยากทราบ(?:ว่า)?|อยากรู้(?:ว่า)?"
    r"|รบกวน(?:ถาม|สอบถาม)(?:หน่อย)?(?:ว่า)?)" + _GAP
)
_BEHIND = re.compile(
    _GAP
    + r"(?:谢谢(?:你|您|啦|了)?|多谢|感谢|謝謝(?:你|您|啦|了)?|多謝|感謝|麻烦(?:你|您)?了|拜托了"
    r"|(?<=[\u4e00-\u9fff])(?:呢|呀|啊|哦|喔)"
    r"|ありがとう(?:ございます)?|(?:よろしく)?お願い(?:いた)?します|教えて(?:ください|下さい)(?=[。.!]*\Z)"
    r"|ขอบคุณ(?:ครับ|ค่ะ|คะ|มาก)*|ครับผม|ครับ|ค่ะ|คะ|จ้ะ|จ้า|หน่อย)" + _GAP + r"\Z"
)
_NEGATION = re.compile(
    "不(?!但|仅|僅|过|過|管|论|論|同)|没|沒|無|无|未|非(?!常)|别(?=[再去要])|勿|莫"
    "|ない|ません|なく(?=[、。て])|なかっ|ぬ(?=[。、])|ไม่|มิได้|ห้าม"
)
_NUMERAL = re.compile(r"\d+(?:[.,:]\d+)*|[〇零一二两兩三四五六七八九十百千万萬亿億]+")
_MORE_THAN_A_NUMBER = ("一", "十分", "千万", "万一", "一般", "一样", "一起", "一些", "一下")
_YES = re.compile(
    r"(?:是的|是啊|对|對|可以|能(?!否)|会的|會的|有的|当然|當然|はい|ええ|そうです|ใช่|ได้)"
)
_NO = re.compile(r"(?:不|没|沒|否|无法|無法|抱歉|对不起|對不起|いいえ|いや|残念|ไม่|ขออภัย)")
LETTERS_A_WORD = 4
"""Of scripts whose vowels and tones are letters."""
HELD = 0.8
"""Share of the pairs of letters of an answer that one which repeats it has too."""


def is_unspaced(text: str) -> bool:
    """Return whether a text has such a script in it."""
    return not text.isascii() and UNSPACED.search(text) is not None


def word_count(text: str) -> int:
    """Return about how many words a text has."""
    count = len(text.split())
    if text.isascii():
        return count
    wide, narrow = len(_WIDE_LETTER.findall(text)), len(_NARROW_LETTER.findall(text))
    return count + wide * 3 // 5 + narrow // LETTERS_A_WORD


def units(text: str) -> list[str]:
    """Return what of a text is compared: letters, numbers and words of other scripts, symbols."""
    return _UNIT.findall(text.casefold())


def without_courtesy(text: str) -> str:
    """Return a question without greeting, courtesy and filler; one that is nothing else stays."""
    rest = text
    while (found := _BEFORE.match(rest)) is not None and units(rest[found.end() :]):
        rest = rest[found.end() :]
    while (found := _BEHIND.search(rest)) is not None and units(rest[: found.start()]):
        rest = rest[: found.start()]
    return rest


def pairs(text: str) -> frozenset[str]:
    """Return each two neighbours of a text."""
    found = units(text)
    return frozenset(map("".join, pairwise(found))) or frozenset(found)


def settle(one: str, other: str, near: float) -> Literal["repeat", "contradict", "different"]:
    """Return what two answers in prose to one question are."""
    first, second = units(one), units(other)
    alike = fuzz.ratio("".join(first), "".join(second)) >= near
    if _polarity(one) * _polarity(other) < 0:
        return "contradict"
    if len(_NEGATION.findall(one)) % 2 != len(_NEGATION.findall(other)) % 2:
        return "contradict" if alike else "different"
    mine, its = _numbers(one), _numbers(other)
    if mine - its and its - mine:
        return "contradict"
    if alike:
        swapped = any(op.tag == "replace" for op in Levenshtein.opcodes(first, second))
        return "contradict" if swapped else "repeat"
    short, long = sorted((pairs(one), pairs(other)), key=len)
    return "repeat" if len(short & long) >= HELD * len(short) else "different"


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMERAL.findall(text)) - frozenset(_MORE_THAN_A_NUMBER)


def _polarity(text: str) -> int:
    start = text.lstrip()
    return -1 if _NO.match(start) else 1 if _YES.match(start) else 0
