import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.analysis.secrets import KINDS, find, kinds_in, mask
from daemon.analysis.secrets_numbers import is_card, is_iban
from daemon.core.rows.examples import Call, Chat, Text, Turn

ROOT = Path(__file__).parents[2]
# Put together here, so that no scanner of this repository takes them for real ones.
LETTERS = "q7RtZ2mKx9LwB4vNc8HsJ3dFg6PyT5aUe1Gk"
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
PRIVATE = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----"

FINDINGS = [
    ("private_key", PRIVATE),
    ("private_key", PRIVATE.replace("\n", "\\n")),
    ("private_key", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}"),
    ("api_key", "AKIA" + "Q3ZT7RLM2WXK9PBV"),
    ("api_key", "ghp_" + LETTERS),
    ("api_key", "github_pat_" + LETTERS),
    ("api_key", "glpat-" + LETTERS[:20]),
    ("api_key", "xoxb-" + LETTERS[:24]),
    ("api_key", "sk_live_" + LETTERS[:24]),
    ("api_key", "rk_test_" + LETTERS[:24]),
    ("api_key", "sk-proj-" + LETTERS),
    ("api_key", "sk-ant-api03-" + LETTERS),
    ("api_key", "AIza" + LETTERS[:35]),
    ("api_key", "hf_" + LETTERS[:34]),
    ("api_key", f"eyJ{LETTERS[:20]}.eyJ{LETTERS[:30]}.{LETTERS}"),
    ("email", "maria.lopez+news@uni-koeln.de"),
    ("email", "j.smith@mail.gov.uk"),
    ("phone", "+49 30 901820"),
    ("phone", "0049 30 901820"),
    ("phone", "+1 212-736-5000"),
    ("phone", "(212) 736-5000"),
    ("phone", "212-736-5000"),
    ("card", "4539 5787 6362 1486"),
    ("card", "4539578763621486"),
    ("card", "3714-496353-98449"),
    ("iban", "DE75 5121 0800 1245 1261 99"),
    ("iban", "MT31MALT01100000000000000000123"),
]
STAND_INS = [
    "user@example.com",
    "test@test.com",
    "me@yourcompany.com",
    "a@b.example",
    "git@github.com",
    "noreply@python.org",
    "icon@2x.png",
    "@dataclass",
    "you@localhost",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sk-your-api-key-goes-here-1234",
    "AKIAIOSFODNN7EXAMPLE",
    "a risk-averse-person-who-looks-carefully2",
    "api_key = YOUR_API_KEY_12345678",
    "password: ********",
    "password = os.environ",
    "token = tokenizer.encode2",
    "token: str = None",
    "the key: abc12345xyz9",
    '"key": "kitchen_light_42"',
    "password=$DB_PASSWORD_1",
    "4111 1111 1111 1111",
    "4242424242424242",
    "4539 5787 6362 1487",
    "1234 5678 9012 3456",
    "DE89 3704 0044 0532 0130 00",
    "DE75 5121 0800 1245 1261 98",
    "+1 415 555 0123",
    "(415) 555-0100",
    "2024-05-06 12:30:45",
    "1999-2003",
    "3.14159265358979",
    "192.168.100.200",
    "ISBN 978-3-16-148410-0",
    "10 000 000 inhabitants",
    "item 0123456789",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
]


@pytest.mark.parametrize(("kind", "secret"), FINDINGS)
@pytest.mark.parametrize("around", ["{}", "Mine is {}, thanks.", '{{"a":"{}"}}', "x\\n{}\\n"])
def test_each_kind_is_found_whole_and_masked(kind: str, secret: str, around: str) -> None:
    text = around.format(secret)
    assert [(f.kind, text[f.start : f.end].strip("n")) for f in find(text)] == [(kind, secret)]
    assert mask(text).replace(f"n[{kind}]", f"[{kind}]").replace("\\[", "[") in (
        around.format(f"[{kind}]"),
        f"x[{kind}]\\n",
    )


@pytest.mark.parametrize("text", STAND_INS)
def test_stand_ins_and_ordinary_numbers_are_no_findings(text: str) -> None:
    assert find(text) == ()
    assert find(f"Use {text} here.") == ()


@pytest.mark.parametrize(
    "text",
    [
        "password: {}",
        "API_KEY={}",
        '{{"access_token": "{}"}}',
        "export Secret='{}'",
        "postgres://admin:{}@db.internal.net/x",
        '{{\\"password\\": \\"{}\\"}}',
    ],
)
def test_a_random_value_given_to_a_password_is_a_key_without_its_name(text: str) -> None:
    said = text.format("pF7!kQ2zRw9v")
    assert [said[f.start : f.end] for f in find(said) if f.kind == "api_key"] == ["pF7!kQ2zRw9v"]


@pytest.mark.parametrize("word", ["Phone: ", "Tel. ", "call me on ", "Mobile number "])
def test_a_national_number_counts_behind_a_word_for_telephones_only(word: str) -> None:
    assert [f.kind for f in find(word + "020 7946 0018".replace("7946 0018", "7219 3000"))] == [
        "phone"
    ]
    assert find("Part 020 7219 3000") == ()


def test_words_in_capitals_behind_an_iban_are_not_part_of_it() -> None:
    text = "Pay to DE75 5121 0800 1245 1261 99 NOW OR"
    (found,) = find(text)
    assert text[found.start : found.end] == "DE75 5121 0800 1245 1261 99"


def test_card_and_bank_numbers_need_their_check_digits() -> None:
    assert is_card("4539578763621486") and not is_card("4539578763621468")
    assert is_iban("DE75512108001245126199") and not is_iban("DE57512108001245126199")


def test_a_row_gives_each_kind_once_from_any_turn_or_call() -> None:
    mail, phone = "maria.lopez@uni-koeln.de", "+49 30 901820"
    call = Call("dial", json.dumps({"number": phone}))
    turns = (Turn("system", mail), Turn("user", mail), Turn("assistant", "", calls=(call,)))
    assert kinds_in(Chat(turns)) == ("email", "phone")
    assert kinds_in(Text(mail)) == ("email",)
    assert kinds_in(Text("nothing")) == ()


def test_no_shipped_row_holds_a_secret() -> None:
    for name in ("smart_home", "syllables"):
        lines = (ROOT / "examples" / f"{name}.jsonl").read_text("utf-8").splitlines()
        assert [line for line in lines if find(line)] == []


PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from([secret for _, secret in FINDINGS]),
    st.sampled_from(["@", "sk-", "+", "00", "password=", "phone ", " ", "://u:", "1234567"]),
    st.from_regex(r"[0-9 -]{1,20}", fullmatch=True),
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_findings_lie_in_the_text_in_order_and_a_masked_text_has_none(text: str) -> None:
    end = 0
    for found in find(text):
        assert found.kind in KINDS and end <= found.start < found.end <= len(text)
        end = found.end
    assert find(mask(text)) == ()


def test_many_findings_in_one_text_are_all_masked() -> None:
    assert mask("maria@uni-koeln.de " * 3000) == "[email] " * 3000
