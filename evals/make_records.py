"""Write the structured-extraction suite: texts made of records by templates, and the records.

Needs no source: names, cities and goods are in here and invented. Each record and each text is
unique; the fields a text should give are shown as a JSON shape.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAME = "records_100"
SEED = 20261121
EACH = 20

FIRST = (
    "Ada",
    "Bruno",
    "Chiara",
    "Dmitri",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kaito",
    "Leila",
    "Mateo",
    "Nadia",
    "Oskar",
    "Priya",
    "Quentin",
    "Rosa",
    "Samir",
    "Tove",
)
LAST = (
    "Almeida",
    "Bergström",
    "Castellan",
    "Dvorak",
    "Eriksen",
    "Fontaine",
    "Grabowski",
    "Haddad",
    "Ibarra",
    "Jansen",
    "Kowalczyk",
    "Lindqvist",
    "Moreau",
    "Nakagawa",
    "Okafor",
    "Petrov",
    "Quiroga",
    "Rahman",
    "Sørensen",
    "Tanaka",
)
CITIES = (
    "Aarhus",
    "Bilbao",
    "Cork",
    "Dresden",
    "Espoo",
    "Florence",
    "Ghent",
    "Haifa",
    "Izmir",
    "Jaipur",
    "Kyoto",
    "Lyon",
    "Malmö",
    "Nantes",
    "Oporto",
    "Perth",
    "Quito",
    "Riga",
    "Seville",
    "Turin",
)
GOODS = (
    "desk lamp",
    "garden hose",
    "wool blanket",
    "bread knife",
    "bicycle pump",
    "tea kettle",
    "paint roller",
    "camping stove",
    "wall clock",
    "rubber boots",
    "picture frame",
    "cutting board",
    "step ladder",
    "sleeping bag",
    "watering can",
    "coffee grinder",
)
ROLES = (
    "nurse",
    "welder",
    "data analyst",
    "pastry chef",
    "bus driver",
    "electrician",
    "librarian",
    "accountant",
    "translator",
    "gardener",
    "surveyor",
    "pharmacist",
)
SKIES = ("sunny", "cloudy", "rainy", "foggy", "snowy", "windy")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

Record = dict[str, Any]
Made = tuple[Record, str]


def main() -> None:
    header = {
        "suite": NAME,
        "title": "Records from texts",
        "task": "write what a text says as a JSON record of a given shape",
        "scorer": "fields",
        "answer_field": "answers",
        "difficulty": "medium",
        "licence": "Apache-2.0",
        "origin": "made by evals/make_records.py",
        "max_tokens": 256,
        "system": "Answer with one JSON object and nothing else.",
    }
    rows: list[Record] = [header]
    for kind, make, difficulty in KINDS:
        order = random.Random(f"{SEED} {kind}")
        known: set[str] = set()
        while len(known) < EACH:
            record, text = make(order, len(known))
            if text not in known:
                known.add(text)
                rows.append(item(f"{kind}-{len(known):02d}", record, text, difficulty))
    written = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (HERE / f"{NAME}.jsonl").write_text(written, encoding="utf-8")


def item(name: str, record: Record, text: str, difficulty: str) -> Record:
    shape = json.dumps(_shape(record), ensure_ascii=False)
    prompt = f"{text}\n\nWrite this as JSON of the shape {shape}"
    return {"id": name, "prompt": prompt, "answers": record, "difficulty": difficulty}


def _shape(value: Any) -> Any:
    match value:
        case dict():
            return {key: _shape(inner) for key, inner in value.items()}
        case list():
            return [_shape(value[0])]
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case _:
            return "text"


def _person(order: random.Random) -> str:
    return f"{order.choice(FIRST)} {order.choice(LAST)}"


def contact(order: random.Random, number: int) -> Made:
    name, city = _person(order), order.choice(CITIES)
    phone = f"+{order.randrange(30, 99)} {order.randrange(100, 999)} {order.randrange(1000, 9999)}"
    mail = f"{name.split()[0].lower()}{order.randrange(10, 99)}@example.org"
    texts = (
        f"You can reach {name}, who lives in {city}, at {mail} or by phone at {phone}.",
        f"New in the address book: {name} from {city}. Phone {phone}, mail {mail}.",
        f"{name} moved to {city} and now has the number {phone}; the address {mail} stays valid.",
        f"Please call {phone} and ask for {name} ({city}), or write to {mail}.",
    )
    record = {"name": name, "city": city, "phone": phone, "email": mail}
    return record, texts[number % len(texts)]


def weather(order: random.Random, number: int) -> Made:
    city, sky = order.choice(CITIES), order.choice(SKIES)
    low = order.randrange(-9, 18)
    high, rain = low + order.randrange(3, 14), order.randrange(0, 20) * 5
    texts = (
        f"{city} will be {sky} tomorrow, between {low} and {high} degrees; "
        f"the chance of rain is {rain} %.",
        f"Expect a {sky} day in {city}: a high of {high}, a low of {low}, rain at {rain} %.",
        f"With a {rain} % chance of rain, {city} stays {sky}. "
        f"The night is at {low} degrees, the afternoon at {high}.",
        f"The forecast for {city} says {sky}. It warms from {low} to {high} degrees "
        f"and rains with a probability of {rain} %.",
    )
    return {
        "city": city,
        "sky": sky,
        "low": low,
        "high": high,
        "rain_percent": rain,
    }, texts[number % len(texts)]


def booking(order: random.Random, number: int) -> Made:
    guest, (start, end) = _person(order), order.sample(CITIES, 2)
    day, month = order.randrange(1, 29), order.choice(MONTHS)
    seats, window = order.randrange(1, 7), bool(order.getrandbits(1))
    train = f"{order.choice('ABCDEFGH')}{order.randrange(100, 999)}"
    side = "at the window" if window else "not at the window"
    texts = (
        f"{guest} booked {seats} seat(s) on train {train} from {start} to {end} "
        f"for {day} {month}, {side}.",
        f"Train {train} takes {guest} to {end} on {month} {day}. It leaves from {start}; "
        f"{seats} seat(s) are reserved, {side}.",
        f"Confirmed: {start} to {end}, {day} {month}, train {train}. "
        f"Booked by {guest}, {seats} seat(s), {side}.",
        f"On {day} {month} {guest} travels from {start} to {end} with {train}; "
        f"the {seats} reserved seat(s) are {side}.",
    )
    return {
        "passenger": guest,
        "train": train,
        "route": {"from": start, "to": end},
        "date": {"day": day, "month": month},
        "seats": {"count": seats, "window": window},
    }, texts[number % len(texts)]


def opening(order: random.Random, number: int) -> Made:
    role, city, boss = order.choice(ROLES), order.choice(CITIES), _person(order)
    least = order.randrange(24, 60) * 100
    most, hours = least + order.randrange(2, 15) * 100, order.randrange(4, 9) * 5
    night = bool(order.getrandbits(1))
    shifts = "with night shifts" if night else "without night shifts"
    texts = (
        f"Wanted in {city}: a {role} for {hours} hours a week, {shifts}. "
        f"The pay is {least} to {most} euros a month. Ask {boss}.",
        f"{boss} is looking for a {role} in {city}. You work {hours} hours a week {shifts} "
        f"and earn between {least} and {most} euros a month.",
        f"Our team in {city} needs a {role} ({hours} hours a week, {shifts}). "
        f"We pay from {least} up to {most} euros monthly; contact {boss}.",
        f"A {role} can start in {city} at once: {least} to {most} euros a month "
        f"for {hours} weekly hours {shifts}. Applications go to {boss}.",
    )
    return {
        "role": role,
        "city": city,
        "contact": boss,
        "pay": {"least": least, "most": most, "currency": "euros"},
        "work": {"hours": hours, "night_shifts": night},
    }, texts[number % len(texts)]


def purchase(order: random.Random, number: int) -> Made:
    buyer, city = _person(order), order.choice(CITIES)
    code = f"{order.choice('KLMNPR')}-{order.randrange(1000, 9999)}"
    goods = [
        {"product": product, "quantity": order.randrange(2, 9), "price": order.randrange(3, 90)}
        for product in order.sample(GOODS, order.randrange(2, 5))
    ]
    lines = [f"{g['quantity']} of the {g['product']} at {g['price']} euros each" for g in goods]
    listed = f"{', '.join(lines[:-1])} and {lines[-1]}"
    texts = (
        f"Order {code} by {buyer} goes to {city}: {listed}.",
        f"{buyer} ordered {listed}. The parcel {code} is sent to {city}.",
        f"Please send {listed} to {buyer} in {city} under the number {code}.",
        f"Under {code} we packed {listed}; it is meant for {buyer}, {city}.",
    )
    return {
        "order": code,
        "customer": {"name": buyer, "city": city},
        "items": goods,
    }, texts[number % len(texts)]


KINDS: tuple[tuple[str, Callable[[random.Random, int], Made], str], ...] = (
    ("contact", contact, "easy"),
    ("weather", weather, "easy"),
    ("booking", booking, "medium"),
    ("opening", opening, "medium"),
    ("purchase", purchase, "hard"),
)


if __name__ == "__main__":
    main()
