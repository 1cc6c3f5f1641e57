"""Languages that are written without blanks between words are compared by their letters.

Fault: their answers all counted as short, so that no repetition in them was found.
"""

import pytest

from daemon.dedup.unspaced import settle, units, without_courtesy, word_count
from tests.dedup.rows import asked, compared

ZH = "图书馆周一到周五早上九点开门，晚上六点关门，周末全天休息，节假日另行通知。"
ZH_LONGER = (
    "图书馆周一到周五早上九点开门，晚上六点关门，周末全天休息，节假日另行通知，欢迎大家光临。"
)
JA = "図書館は月曜日から金曜日まで午前九時に開館し、午後六時に閉館します。土日は休館日です。"
TH = "ห้องสมุดเปิดทำการวันจันทร์ถึงวันศุกร์ตั้งแต่เวลาเก้าโมงเช้าถึงหกโมงเย็นและปิดในวันเสาร์และวันอาทิตย์"


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("图书馆几点开门？", "请问图书馆几点开门呢？", ZH),
        ("图书馆几点开门？", "你好，能告诉我图书馆几点开门吗，谢谢！".replace("吗", ""), ZH),
        ("圖書館幾點開門？", "請問一下，圖書館幾點開門？謝謝您。", ZH),
        ("iPhone 15多少钱？", "请问 iPhone15 多少钱", ZH),
        ("図書館は何時に開きますか？", "すみませんが、図書館は何時に開きますか", JA),
        ("図書館は何時に開きますか？", "こんにちは。図書館は何時に開きますか。お願いします。", JA),
        ("ห้องสมุดเปิดกี่โมง", "สวัสดีครับ ขอถามหน่อยครับ ห้องสมุดเปิดกี่โมงครับ", TH),
        ("ห้องสมุดเปิดกี่โมง", "ช่วยบอกหน่อย ห้องสมุดเปิดกี่โมงคะ ขอบคุณค่ะ", TH),
    ],
)
def test_a_question_in_other_courtesy_is_found_with_its_repeated_answer(
    one: str, other: str, answer: str
) -> None:
    found = compared([asked(one, answer), asked(other, answer[:-1])])
    assert len(found.dropped) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("三号线几点停运？", "四号线几点停运？"),
        ("3号线几点停运？", "4号线几点停运？"),
        ("周末图书馆开门吗？", "周末图书馆不开门吗？"),
        ("北京的天气怎么样？", "南京的天气怎么样？"),
        ("维生素A有什么作用？", "维生素D有什么作用？"),
        ("`a[0]`是什么意思？", "`a(0)`是什么意思？"),
        ("grep -a 是什么意思？", "grep -d 是什么意思？"),
        ("東京は暑いですか？", "京都は暑いですか？"),
        ("予約はできますか？", "予約はできませんか？"),
        ("ห้องสมุดเปิดไหม", "ห้องสมุดไม่เปิดไหม"),
    ],
)
def test_another_number_name_sign_or_negation_makes_another_question(one: str, other: str) -> None:
    answer = JA if "す" in one else TH if "ห้อง" in one else ZH
    assert not compared([asked(one, answer), asked(other, answer)]).dropped


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (ZH, ZH_LONGER, "repeat"),
        (ZH, ZH.replace("九点", "十点"), "contradict"),
        (ZH, ZH.replace("休息", "开放"), "contradict"),
        (JA, JA.replace("休館日です", "休館日ではありません"), "contradict"),
        (JA, JA.replace("図書館", "美術館"), "contradict"),
        (TH, TH.replace("ปิดในวัน", "ไม่ปิดในวัน"), "contradict"),
        (
            "可以的，我们周末也营业，欢迎您随时过来看看我们的新产品。",
            "不可以，我们周末不营业，请您在工作日来看看我们的新产品吧。",
            "contradict",
        ),
        (ZH, "我们的工作时间是工作日的白天，具体安排请查看门口的告示牌或者官方网站。", "different"),
    ],
)
def test_two_answers_repeat_each_other_only_where_nothing_is_exchanged(
    one: str, other: str, verdict: str
) -> None:
    """A name has no capitals there, so what is exchanged may be one: in doubt both rows stay."""
    assert settle(one, other, 85.0) == verdict == settle(other, one, 85.0)


def test_the_more_complete_answer_stays() -> None:
    found = compared([asked("图书馆几点开门？", ZH), asked("请问图书馆几点开门？", ZH_LONGER)])
    assert list(found.dropped) == [0]


def test_short_answers_to_equal_questions_contradict_and_both_stay() -> None:
    found = compared([asked("首都是哪里？", "北京"), asked("首都是哪里？", "南京")])
    assert not found.dropped and len(found.conflicts) == 1


def test_what_is_nothing_but_courtesy_stays_a_question() -> None:
    for text in ("你好", "谢谢", "すみません", "สวัสดีครับ", "请问"):
        assert units(without_courtesy(text))


def test_words_are_counted_by_letters() -> None:
    assert 12 <= word_count(ZH) <= 30 and 12 <= word_count(JA) <= 40 and 12 <= word_count(TH) <= 40
    assert word_count("北京") < 12 and word_count("two words") == 2
