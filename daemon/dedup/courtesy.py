"""Strips greetings, courtesy and filler from both ends of a question: "Can you tell me …, please?".

What is stripped says nothing about what is asked. A question that is nothing else stays as it is.
"""

import re
from dataclasses import dataclass

from daemon.dedup.unspaced import is_unspaced, without_courtesy
from daemon.dedup.word_lists import words

_ASKS = (
    r"what|what's|whats|which|who|who's|whom|whose|when|when's|where|where's|why|how|how's"
    r"|if|whether"
)
_DOES = (
    r"is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|shall|should|will|would"
    r"|am|isn't|aren't|don't|doesn't|didn't|can't|won't"
)
_DEEDS = (
    r"tell|explain|describe|give|list|name|show|write|summari[sz]e|translate|help|answer|remind"
    r"|clarify|inform|advise|say|compare|define|outline|calculate|compute|convert|find|check"
    r"|turn|set|open|close|switch|play|stop|start|add|remove|call|send|read|make|create|suggest"
)
_WANT = r"(?:(?:i|we)(?: would|'d| do)? (?:really |just )?(?:like|love|want|need|wish) to know)"
_ASKING = (
    r"(?:(?:can|could|would|will|might) (?:you|u|anyone|someone)(?: please| kindly| possibly"
    r"| perhaps| maybe| quickly| just| briefly)* (?:tell|inform|remind|let|explain to|advise) "
    r"(?:me|us)(?: please)?(?: know)?(?: please)?)"
    r"|(?:(?:please |kindly |just )*(?:tell|inform|remind|let) (?:me|us)(?: please)?(?: know)?"
    r"(?: please)?)"
    rf"|{_WANT}"
    r"|(?:(?:i|we)(?: am|'m| was| were|'re)? (?:just |only )?(?:wondering|curious"
    r"|interested to know|asking myself))|(?:(?:i|we) (?:just )?wonder(?:ed)?)"
    r"|(?:(?:do|would|might) you (?:happen to |perhaps |maybe |by any chance )?know)"
    r"|(?:do you have (?:any|an) idea)|(?:any idea)|(?:any chance you know)"
    r"|(?:would you mind telling (?:me|us))|(?:help (?:me|us) understand)"
    r"|(?:(?:can|could) you (?:please )?help (?:me|us)(?: to)? (?:understand|find out))"
    r"|(?:i (?:have|need) to (?:know|find out))|(?:i(?: am|'m) trying to find out)"
    r"|(?:it would be (?:nice|great|good|helpful) to know)"
)
_LEADING = (
    r"(?:hi|hello|hey) (?:there|all|everyone|everybody|team|again|folks)"
    r"|hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|dear \w+"
    r"|excuse me|pardon me|sorry(?: to (?:bother|disturb) you(?:,? but)?)?|thanks in advance"
    r"|please|kindly|pls|plz|if you (?:please|don't mind)"
    r"|(?:(?:may|might|could|can) (?:i|we) (?:please |just |quickly )*ask(?: you)?"
    r"(?: something| a question)?)"
    r"|(?:(?:here is |here's |i have |i've got |i've |just |one more )?"
    r"(?:a |an |one |my |another )?(?:quick |short |simple |small |brief |next |other )*"
    r"question(?: for you)?)"
    r"|(?:just )?(?:out of curiosity|a quick one|one more thing|by the way|btw)"
)
_LOOSE = (
    r"so|well|now|okay|ok|alright|right|listen|say|look|um|uh|er|hm+|oh|ah|and|also|just curious"
)
_TRAILING = (
    r"please|kindly|pls|plz|thanks|thank you|thx|cheers|many thanks|(?:thanks|thank you) "
    r"(?:very much|so much|a lot|in advance)|exactly|precisely|actually|by the way|btw"
    r"|if you (?:please|know|happen to know|don't mind)|if i may ask|may i ask|if you don't mind "
    r"me asking|(?:do|would) you (?:happen to )?know|(?:can|could) you (?:please )?tell (?:me|us)"
    rf"|{_WANT}|i wonder|any idea|just curious|if you would|if you can tell me"
    r"|(?:could|can|would) you (?:please )?(?:help|explain|answer)(?: me)?"
)
_GAP = r"(?:[\s,.:;!?\u2026\u2013\u2014]|-(?![\d\w]))"
_LEAD = re.compile(rf"(?:{_LEADING})(?![\w'])(?:{_GAP}+)", re.I)
_LOOSE_LEAD = re.compile(rf"(?:{_LOOSE})(?![\w'])\s*(?:,|\.\.\.|\u2026|!)+\s*", re.I)
_ASK = re.compile(rf"(?:{_ASKING})\s*[,:;\u2013\u2014-]?\s*(?=(?:{_ASKS}|{_DOES})\b|about\b)", re.I)
_REQUEST = re.compile(
    r"(?:(?:can|could|would|will) (?:you|u)"
    r"(?: be so (?:kind|good) (?:as|and)(?: to)?| be kind enough to| please| kindly| possibly"
    rf"| perhaps| maybe| just| quickly| briefly| help (?:me|us)(?: to)?)*\s+(?=(?:{_DEEDS})\b))"
    r"|(?:i(?:'d| would) like you to\s+)|(?:i want you to\s+)|(?:i need you to\s+)",
    re.I,
)
_TAIL = re.compile(
    rf"(?:\s*[,.;:!?\u2026\u2013\u2014]+\s*|\s+-\s+|\s+)(?:{_TRAILING})[\s,.:;!?\u2026]*\Z", re.I
)
_NAME = re.compile(
    r"([A-Z\u00c0-\u00de][\w\u00c0-\u024f'-]+(?: [A-Z\u00c0-\u00de][\w\u00c0-\u024f'-]+)?)"
    rf"\s*[,:!]\s+(?=(?i:{_ASKS}|{_DOES}|{_DEEDS}|please|i(?:'d| would| want| need| was|'m)?)\b)"
)
_NO_NAMES = words(
    "today tomorrow yesterday tonight now then first second third finally next here there "
    "this these those that however also still again yes no not if when while since once "
    "before after monday tuesday wednesday thursday friday saturday sunday january february "
    "march april may june july august september october november december spring summer "
    "autumn winter also imagine suppose assume given note context question answer input text "
    "example hint task sentiment translate classify summary user system assistant python java "
    "ruby rust"
)
_STARTS = words(
    "hi hello hey hiya good greetings dear excuse pardon sorry thanks please kindly pls plz if may "
    "might could can would will here i i've i'd i'm we we'd a an one my another quick short simple "
    "small brief next other question just out by btw so well now okay ok alright right listen say "
    "look um uh er hm hmm oh ah and also tell inform remind let do any help it"
)
_ENDS = words(
    "please kindly pls plz thanks you thx cheers much lot advance exactly precisely actually "
    "way btw know mind ask asking me us wonder idea curious would help explain answer"
)
LONGEST_TAIL = 120
"""Characters at the end of a question in which courtesy is looked for."""
_EDGE = " \t\n.,:;!?\u2026\u2013\u2014-"


@dataclass(frozen=True, slots=True)
class Bare:
    """A question without the courtesy around it."""

    text: str
    name: str = ""
    """Whoever it was put to by name, case folded: "Anna, when …"; empty for nobody."""
    indirect: bool = False
    """It followed "can you tell me" or the like, so its words may stand in the order of a clause:
    "when the library opens"."""


def bare(text: str) -> Bare:
    """Return a question without greeting, courtesy and filler at its ends."""
    if is_unspaced(text):
        return Bare(without_courtesy(text))
    head, _, rest = text.lstrip(_EDGE).partition(" ")
    starts = head.strip(_EDGE).casefold() in _STARTS
    named = (rest and head[-1:] in (",", ":", "!")) or rest.partition(" ")[0][-1:] in (
        ",",
        ":",
        "!",
    )
    last = text.rstrip(_EDGE).rpartition(" ")[2].casefold()
    ends = last in _ENDS
    if not (starts or named or ends):
        return Bare(text)
    found = _without_head(text) if starts or named else Bare(text)
    return Bare(_without_tail(found.text), found.name, found.indirect) if ends else found


def _without_head(text: str) -> Bare:
    rest, name, indirect = text.lstrip(), "", False
    while True:
        at, called = _head(rest, not name)
        left = rest[at:]
        if not at or not left.strip(_EDGE):
            return Bare(rest, name, indirect)
        rest, name, indirect = left, name or called, indirect or not called


def _head(text: str, may_be_named: bool) -> tuple[int, str]:
    """Return where the next piece of courtesy ends and the name it calls."""
    for pattern in (_ASK, _REQUEST, _LEAD, _LOOSE_LEAD):
        found = pattern.match(text)
        if found is not None:
            return found.end(), ""
    named = _NAME.match(text) if may_be_named else None
    if named is None or _is_no_name(named[1]):
        return 0, ""
    return named.end(), named[1].casefold()


def _is_no_name(word: str) -> bool:
    folded = word.casefold()
    return folded in _NO_NAMES or folded.endswith("ly") or word.isupper()


def _without_tail(text: str) -> str:
    rest = text
    while (found := _TAIL.search(rest, max(0, len(rest) - LONGEST_TAIL))) is not None:
        if not rest[: found.start()].strip(_EDGE):
            break
        rest = rest[: found.start()]
    return rest
