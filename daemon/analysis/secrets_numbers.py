"""Finds phone, card and bank account numbers in a text by their checksums and formats."""

import re
from collections.abc import Iterator

import phonenumbers

from daemon.analysis.secrets_keys import START, Span

FEWEST = 7
"""Digits; a text with fewer has no such number."""

_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_CARD = re.compile(
    rf"{START}(?:\d{{4}}([ -]?)\d{{4}}\1\d{{4}}\1\d{{1,7}}|3[47]\d\d([ -]?)\d{{6}}\2\d{{5}}"
    r"|3[068]\d\d([ -]?)\d{6}\3\d{4})(?![\w-]|[.,]\d)"
)
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|(?:6011|65\d\d|64[4-9]\d|62\d\d|35\d\d)\d{12,15}"
)
_FOR_TESTS = frozenset(
    [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4000056655665556",
        "4000000000000002",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "5200828282828210",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "378734493671000",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "38520000023237",
        "3530111333300000",
        "3566002020360505",
        "6200000000000005",
    ]
)
"""Test numbers published by card companies."""
_IBAN = re.compile(rf"{START}[A-Z]{{2}}\d\d(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?(?!\w)")
_IN_TEXTBOOKS = frozenset(
    [
        "CH9300762011623852957",
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
        "GB29NWBK60161331926819",
        "GB82WEST12345698765432",
        "NL91ABNA0417164300",
    ]
)
_RUN = re.compile(r"\d(?:[ ().\-/]{0,2}\d){6,}")
"""What every such number has: seven digits with little between them."""
_IBAN_BEGINS = re.compile(r"[A-Z]{2}\d\d")
_BEFORE, _AFTER = 14, 30
"""Characters around a run that an IBAN with letters in it may take."""
_WORLDWIDE = re.compile(r"(?:\+|00)[1-9][\d ()./-]{6,22}\d(?!\w)")
_AMERICAN = re.compile(rf"{START}\(?[2-9]\d\d\)?[ .-][2-9]\d\d[.-]\d{{4}}(?![\w-])")
_PHONE_WORD = re.compile(
    r"\b(?:phone|tel|telephone|telefon|mobile|cell|fax|handy|call me|whatsapp|tél|móvil)\b"
    r"[ \w]{0,12}[.:]{0,2} {0,3}\(?\Z",
    re.I,
)
_NATIONAL = re.compile(r"0[\d ()./-]{5,22}\d(?!\w)")
_NEAR = ("GB", "DE", "FR", "IT", "ES", "NL", "AT", "CH", "AU", "JP", "IN", "BR")
"""Countries tried for a number with a leading 0; only after a word such as "phone"."""
_FICTION = re.compile(r"55501\d\d\Z")


def numbers_in(text: str) -> Iterator[Span]:
    """Yield the card numbers, IBANs and phone numbers of a text."""
    digits = text.encode("utf-8", "surrogatepass").translate(None, _NOT_DIGITS)
    if len(digits) < FEWEST:
        return
    for run in _RUN.finditer(text):
        begin, end = run.span()
        yield from _ibans(text, begin, end)
        if end - begin >= 13:
            for found in _CARD.finditer(text, begin, end + 2):
                if is_card(_digits(found[0])) and not _continues(text, found):
                    yield "card", found.start(), found.end()
        yield from _phones(text, begin, end)


def _ibans(text: str, begin: int, end: int) -> Iterator[Span]:
    first = max(0, begin - _BEFORE)
    if _IBAN_BEGINS.search(text, first, begin + 2) is None:
        return
    for found in _IBAN.finditer(text, first, end + _AFTER):
        if length := _iban_end(found[0]):
            yield "iban", found.start(), found.start() + length


def _phones(text: str, begin: int, end: int) -> Iterator[Span]:
    found: re.Match[str] | None = None
    regions: tuple[str, ...] = ("US",)
    if text[begin - 1 : begin] == "+" or text.startswith("00", begin):
        found = _WORLDWIDE.match(text, begin - (text[begin] != "0"))
    elif text[begin] == "0":
        if _PHONE_WORD.search(text, max(0, begin - 32), begin) is not None:
            found, regions = _NATIONAL.match(text, begin), _NEAR
    else:
        found = _AMERICAN.search(text, max(0, begin - 1), end + 2)
    if found is not None and _is_phone(found[0], regions):
        yield "phone", found.start(), found.end()


def is_card(digits: str) -> bool:
    """Whether digits are a card number of a known issuer (ISO/IEC 7812), not a test number."""
    if _ISSUED.fullmatch(digits) is None or digits in _FOR_TESTS or len(set(digits)) < 4:
        return False
    doubled = (int(d) * 2 for d in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(d - 9 if d > 9 else d for d in doubled)
    return total % 10 == 0


def _continues(text: str, found: re.Match[str]) -> bool:
    """Whether a grouped number is part of one with more groups."""
    if found[0].isdigit():
        return False
    before, after = (
        text[max(0, found.start() - 2) : found.start()],
        text[found.end() : found.end() + 2],
    )
    return (len(before) == 2 and before[0].isdigit() and before[1] in " -") or (
        len(after) == 2 and after[0] in " -" and after[1].isdigit()
    )


def is_iban(compact: str) -> bool:
    """Whether letters and digits without blanks pass the check of ISO 13616."""
    if not 15 <= len(compact) <= 34 or compact in _IN_TEXTBOOKS:
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def _iban_end(found: str) -> int:
    """Return where the longest IBAN ends, or 0; words in capitals may follow it."""
    end = len(found)
    while end > 0:
        if is_iban(found[:end].replace(" ", "")):
            return end
        end = found.rfind(" ", 0, end)
    return 0


def _is_phone(text: str, regions: tuple[str, ...]) -> bool:
    text = "+" + text[2:] if text.startswith("00") else text
    if _FICTION.search(_digits(text)) is not None:
        return False
    return any(_is_valid(text, region) for region in regions)


def _is_valid(text: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
