"""What problems say in Chinese is written as Chinese is."""

from __future__ import annotations

import re

from pandapack.runtime.problem_types import problem_types

ZH = "\u4e00-\u9fff"
HALF_WIDTH = re.compile(rf"[{ZH}}}）][,;:!?](?:\s|$|[{ZH}])|[,;:!?(][{ZH}]|[{ZH}] ?\(")
CODE = re.compile("`[^`]*`")


def test_chinese_has_full_width_punctuation() -> None:
    texts = [text.zh for one in problem_types().values() for text in (one.meaning, one.mend)]
    assert [text for text in texts if HALF_WIDTH.search(CODE.sub("字", text))] == []
