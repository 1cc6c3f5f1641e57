"""Makes files of questions with repetitions planted in them, to measure how many are found.

The file of 367 questions has a twentieth of them once more, in other words of courtesy, with
answers that another hand wrote; the control files have rows that all must stay.
"""

import random
from collections.abc import Sequence

from daemon.core.rows.examples import Chat, Turn

QUESTIONS = 367
REPEATED = 0.05

_ASKED = (
    "When does {the} open?",
    "How much does a ticket for {the} cost?",
    "Where is {the}?",
    "Who looks after {the}?",
    "Can I bring my dog to {the}?",
    "What do I need for {the}?",
    "How do I get to {the} by bus?",
    "What is the history of {the}?",
)
_PLACES = (
    "the town library",
    "the swimming hall",
    "the old harbour",
    "the museum of clocks",
    "the botanical garden",
    "the music school",
    "the covered market",
    "the open air theatre",
    "the repair shop for bicycles",
    "the lost property office",
    "the citizens' office",
    "the ice rink",
    "the climbing wall",
    "the reading room",
    "the planetarium",
    "the city archive",
    "the youth centre",
    "the recycling yard",
    "the puppet theatre",
    "the weather station",
    "the boat house",
    "the bee garden",
    "the print workshop",
    "the film club",
    "the chess club",
    "the choir",
    "the cooking course",
    "the night bus",
    "the summer camp",
    "the flea market",
    "the toy library",
    "the tea house",
    "the rose garden",
    "the tennis court",
    "the sculpture park",
    "the mill museum",
    "the fire brigade",
    "the town band",
    "the dance school",
    "the zoo",
    "the skate park",
    "the sailing school",
    "the language cafe",
    "the pottery",
    "the forge",
    "the spa",
)
_FIRST_HAND = (
    "The doors of {the} are opened at {hour} in the morning, and they stay open until the evening "
    "on all days but Monday.",
    "A ticket for {the} is {price} euros at the moment; those who are still at school pay nothing.",
    "You find {the} behind the town hall, in the street that leads down to the river.",
    "That is done by a small team of the town; whoever wants to speak to them writes to {the}.",
    "Yes, dogs are welcome in {the} as long as they are kept on a lead and bother nobody.",
    "Nothing but a form, which lies ready at the desk of {the}, and a few minutes of your time.",
    "Take the bus to the town hall and walk for a minute; the stop nearest to {the} is there.",
    "Some citizens founded {the} long ago with their own money, and later the town took it over.",
)
_OTHER_HAND = (
    "From {hour} o'clock on people can come in to {the}. Only on Monday nobody is there.",
    "It costs {price} euros to get into {the}, unless one goes to school: then it is free.",
    "Go past the town hall towards the water, and before you reach it you stand before {the}.",
    "A few people who are employed by the town see to {the}; a letter to them is answered soon.",
    "Certainly: {the} has no objection to an animal that is on a lead and behaves itself there.",
    "At the desk of {the} they hand out a sheet to fill in. More than that is asked of nobody.",
    "The stop at the town hall is the right one for {the}, from where it is only a short walk.",
    "In the beginning {the} was paid for by private people. Only afterwards did it go to the town.",
)
_COURTESY = (
    "Can you tell me: {direct}",
    "Hello, {direct}",
    "Excuse me, {direct}",
    "Please: {direct}",
    "Anna, {direct}",
    "{open}, please?",
    "{open}, exactly?",
    "Hi there! {whole} Thanks!",
    "Good morning, {direct}",
    "Quick question: {direct}",
    "Sorry to bother you, but {direct}",
    "Could you please tell me, {direct}",
    "I was wondering: {direct}",
    "{open}, do you know?",
    "So, {direct}",
    "May I ask: {direct}",
    "I would like to know: {direct}",
    "Dear team, {direct}",
)


def planted(seed: int) -> tuple[list[Chat], dict[int, int]]:
    """Return a file with repetitions, and by the place of each the place of what it repeats."""
    rng = random.Random(seed)
    kinds = [(kind, place) for kind in range(len(_ASKED)) for place in range(len(_PLACES))]
    chosen = rng.sample(kinds, QUESTIONS)
    rows = [_row(_asked(*at), _FIRST_HAND, *at) for at in chosen]
    again: dict[int, int] = {}
    for number in rng.sample(range(QUESTIONS), round(REPEATED * QUESTIONS)):
        again[len(rows)] = number
        asked = courteous(_asked(*chosen[number]), rng)
        rows.append(_row(asked, _OTHER_HAND, *chosen[number]))
    return rows, again


def _asked(kind: int, place: int) -> str:
    return _ASKED[kind].format(the=_PLACES[place])


def courteous(asked: str, rng: random.Random) -> str:
    """Return a question in other words of courtesy."""
    direct = asked[0].lower() + asked[1:] if not asked.startswith("Can I") else asked
    return rng.choice(_COURTESY).format(direct=direct, open=asked.rstrip("?"), whole=asked)


def _row(asked: str, hand: Sequence[str], kind: int, place: int) -> Chat:
    facts = {"the": _PLACES[place], "hour": 7 + place % 4, "price": 2 + place}
    return Chat((Turn("user", asked), Turn("assistant", hand[kind].format(**facts))))


def sampled(answers: int = 4) -> list[Chat]:
    """Return rows with several answers to each question, all of which must stay."""
    hands = (_FIRST_HAND, _OTHER_HAND)
    found = []
    for kind in range(len(_ASKED)):
        for place in range(10):
            for number in range(answers):
                row = _row(_asked(kind, place), hands[number % 2], kind, place)
                said = Turn("assistant", f"{row.turns[1].content} Answer {number}.")
                found.append(Chat((row.turns[0], said)))
    return found


def constant() -> list[Chat]:
    """Return rows with one instruction, all of which must stay."""
    return [
        Chat((Turn("user", "Tell me something about the town."), row.turns[1]))
        for row in planted(1)[0][:QUESTIONS]
    ]


def contradicting() -> list[Chat]:
    """Return rows of which each tenth contradicts the row before; all of them must stay."""
    found = []
    for number, row in enumerate(planted(2)[0][:QUESTIONS]):
        found.append(row)
        if number % 10 == 0:
            no = f"No. That is not so any more, and it has not been for {number + 3} years by now."
            found.append(Chat((row.turns[0], Turn("assistant", no))))
    return found
