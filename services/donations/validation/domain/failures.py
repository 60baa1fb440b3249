"""Why a line is refused: a stable code, a JSON pointer into the line, and how to mend it, in English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pandapack.contracts.donations import NAME_CHARACTERS_MAX, PLATFORM_CHARACTERS_MAX
from pandapack.contracts.nesting import NESTING_MAX
from pandapack.contracts.strict_json import did_you_mean, escaped, nearest, shown

FUTURE_S_MAX = 600
"""How far a platform's clock may run ahead of ours."""
REASON_CHARACTERS_MAX = 300
AT_US_MAX = 253_000_000_000_000_000
"""Times before 1970 or after 9987 are a mistake, whoever wrote them."""
NESTED_TOO_DEEPLY = "nested too deeply"
"""A reader's error."""
MERCHANT_TOO_LONG = "merchant too long behind its platform"
"""A reader's error."""
OF_ANOTHER_SHARD = "another shard"
"""What errors of the ledger's reader about a row of another shard begin with."""
UNMARKED = "the record has no mark of the door"
"""A reader's error."""
UNREADABLE = "the record has the door's mark and no columns"
"""A reader's error."""
TRUNCATED = "Input data was truncated"
_MALFORMED = re.compile(r"\(byte (\d+)\)")
_NO_UTF_8 = re.compile(r"codec can't decode|UTF-8")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one line was refused: its index in the push, a JSON pointer into it, a stable code, what is wrong."""

    index: int
    pointer: str
    code: str
    en: str
    zh: str


_FORMS = {
    "amount_fen": ("is a whole number of fen, 1 to 100,000,000", "为 1 至 100,000,000 的整数（分）"),
    "at": (
        "is an RFC 3339 time with a zone, such as 2021-11-11T00:00:01+08:00",
        "为带时区的 RFC 3339 时间，例如 2021-11-11T00:00:01+08:00",
    ),
    "day": ("is a day such as 2021-11-11", "为日期，例如 2021-11-11"),
    "reason": (f"has at most {REASON_CHARACTERS_MAX} characters", f"最多 {REASON_CHARACTERS_MAX} 个字符"),
} | dict.fromkeys(
    ("id", "merchant", "programme", "reversal", "donation"),
    ("is 1 to 64 letters, digits and . _ : -", "为 1 至 64 个字母、数字或 . _ : -"),
)


def failure_of(index: int, error: str) -> Failure:
    """A reader's error as a failure that names the field and how to mend it."""
    if error.startswith("Object missing required field"):
        name = error.split("`")[1]
        return Failure(index, f"/{name}", "missing", f"{name} is missing", f"缺少 {name}")
    if error in _BY_ERROR:
        return _BY_ERROR[error](index)
    if error.startswith(OF_ANOTHER_SHARD):
        return Failure(index, "", "not_of_this_shard", error, "商户不属于该账本分片，或名称、时间不合规")
    field = error.partition(" - at `$.")[2].rstrip("`")
    if field in _FORMS:
        en, zh = _FORMS[field]
        return Failure(index, f"/{field}", f"{field}_invalid", f"{field} {en}", f"{field} {zh}")
    if error.startswith("Expected `object`"):
        return Failure(index, "", "not_an_object", "a line is one JSON object", "每一行必须是一个 JSON 对象")
    en, zh = why_no_json(error)
    return Failure(index, "", "not_json", f"the line is not JSON: {en}", f"该行不是合法的 JSON：{zh}")


def why_no_json(error: str) -> tuple[str, str]:
    """Why a text is not the JSON that it should be, by a reader's error: the same in English and Chinese."""
    if error == TRUNCATED:
        return "it ends before its last bracket or quote is closed", "内容不完整，有括号或引号未闭合"
    if found := _MALFORMED.search(error):
        return f"something is wrong near byte {found[1]}", f"第 {found[1]} 字节附近有误"
    if _NO_UTF_8.search(error):
        return "a text in it is not UTF-8", "其中的文本不是 UTF-8 编码"
    kind, kind_zh = ("array", "数组") if error.startswith("Expected `array`") else ("object", "对象")
    return f"it is no JSON {kind}", f"不是 JSON {kind_zh}"


def nested_too_deeply(index: int) -> Failure:
    """A line, or what it came in, has more brackets within brackets than is read."""
    en = f"brackets stand within brackets more than {NESTING_MAX} deep: send the described fields, and no others"
    return Failure(index, "", "nested_too_deeply", en, f"括号嵌套超过 {NESTING_MAX} 层：请只发送接口说明中的字段")


def merchant_too_long(index: int) -> Failure:
    """A line's merchant has no room behind the platform's id."""
    en = (
        f"merchant is too long: on the ledger it stands behind the platform's id and a colon, and all of that has "
        f"{NAME_CHARACTERS_MAX} characters at most: {NAME_CHARACTERS_MAX - PLATFORM_CHARACTERS_MAX - 1} always fit"
    )
    zh = (
        f"merchant 过长：在账本中它前面加上平台编号和冒号，总长最多 {NAME_CHARACTERS_MAX} 个字符；"
        f"{NAME_CHARACTERS_MAX - PLATFORM_CHARACTERS_MAX - 1} 个字符以内总是可行"
    )
    return Failure(index, "/merchant", "merchant_too_long", en, zh)


def unmarked(index: int) -> Failure:
    """A record came that the door did not let in: nothing in it is believed, and it is not read."""
    en = (
        "the record has no mark of the door: it did not come by the push API, or was changed since. Look at who may "
        "write to the topic; if its lines are a platform's after all, replay it under that platform"
    )
    zh = "该记录没有入口标记：不是经推送接口写入，或已被改动。请检查主题的写权限；若确属某平台，请以该平台的名义重放"
    return Failure(index, "", "unmarked", en, zh)


def unreadable(index: int) -> Failure:
    """A record has the door's mark and is in no form that the ledger reads."""
    en = (
        "the record has the door's mark, and its bytes are no columns of a form that this ledger reads: find out which "
        "program wrote it with the door's key, and change the key if it was none of ours; push its donations again"
    )
    zh = (
        "该记录有入口标记，但内容不是本账本可读的列格式：请查明是哪个程序用入口密钥写入的，若非本系统则更换密钥；"
        "并重新推送其中的捐赠"
    )
    return Failure(index, "", "unreadable", en, zh)


def platform_missing(index: int) -> Failure:
    """Rows shall be sent again of which nobody vouches whose they are."""
    en = "nobody vouches for whose it is: name the platform under which it is to be sent again"
    return Failure(index, "", "platform_missing", en, "归属无从证实：请指明以哪个平台的名义重放")


def unknown_field(index: int, name: str, known: tuple[str, ...]) -> Failure:
    """A line has a member that is not `known` in it."""
    en, zh = did_you_mean(nearest(name, known))
    fields = ", ".join(known)
    detail = f"there is no field {shown(name)}{en or ':'} a line has {fields}"
    return Failure(
        index, f"/{escaped(name)}", "unknown_field", detail, f"没有字段 {shown(name)}{zh or '。'}可用的字段：{fields}"
    )


def duplicate_key(index: int, pointer: str) -> Failure:
    """A name stands twice in an object of a line, at `pointer`."""
    en = f"{pointer[1:]} stands twice in the line: send it once, or nobody knows which one counts"
    return Failure(index, pointer, "duplicate_key", en, f"{pointer[1:]} 在同一行中重复：请只写一次")


def in_the_future(index: int, newest: datetime) -> Failure:
    """A line's `at` is later than may be now. `newest`: our clock and `FUTURE_S_MAX`."""
    now, minutes = newest - timedelta(seconds=FUTURE_S_MAX), FUTURE_S_MAX // 60
    latest, clock = newest.isoformat(timespec="seconds"), now.isoformat(timespec="seconds")
    return Failure(
        index,
        "/at",
        "in_the_future",
        f"at is after {latest}: this service's clock shows {clock}, and a line may be {minutes} minutes ahead of it. "
        "GET /v1/whoami tells that clock as `at`, ready to be sent; else look at the sending machine's clock and zone",
        f"at 晚于 {latest}：本服务的时钟为 {clock}，至多可超前 {minutes} 分钟。"
        "GET /v1/whoami 的 `at` 给出该时钟，可直接使用；否则请检查发送方的时钟和时区",
    )


_BY_ERROR = {
    NESTED_TOO_DEEPLY: nested_too_deeply,
    MERCHANT_TOO_LONG: merchant_too_long,
    UNMARKED: unmarked,
    UNREADABLE: unreadable,
}
