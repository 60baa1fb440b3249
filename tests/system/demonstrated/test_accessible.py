"""Every page by axe-core, in both languages, on a phone and a desk, light and dark, printed, and by keyboard alone."""

from __future__ import annotations

import json
import re
from html import unescape
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.browsing import Browser, needs_chromium
from tests.system.demonstrated.demonstrations import DOCUMENT_WAIT_S, Demonstration
from tests.waiting import eventually

pytestmark = needs_chromium
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"phone": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 900}}
FOR_ALL = ("/", "/?as_of=0", "/summary", "/data", "/verify", "/login")
RUNBOOKS = ("/ops/runbooks", "/ops/runbooks/metrics")
"""English in every frame, so that no sentence of theirs is looked at as a Chinese one."""
FOR_OPERATORS = ("/ops",)
ONCE = ("/docs", "/problems")
"""They look alike in both languages and in the dark."""
CONTRAST = ("color-contrast",)
LOOKS = (
    ("en", "wide", "light", {"type": "tag", "values": RULES}),
    ("zh", "phone", "dark", {"type": "tag", "values": RULES}),
    ("en", "phone", "light", {"type": "rule", "values": CONTRAST}),
    ("zh", "wide", "dark", {"type": "rule", "values": CONTRAST}),
)
"""Language, size, scheme, and what is looked for: all in the first two, each the other's opposite; in the others, which
mix them, what depends on size and scheme together. The first look is at whole pages, the others leave out repeats."""
ALIKE_MAX = 2
"""So many of what is made alike and stands side by side (rows, cells, marks) are left there, the others removed."""
ADDRESS = r"https?:\S+|/[\w./-]+|\w+\.(?:csv|json|ndjson|parquet|sql|xml)\b|CC-BY-4\.0"
"""What keeps its letters: where something lies, files, the name of a licence."""
EXAMPLE = r'href="(/\?platform=[^"#]+)#follow'
BY_OTHERS = {"/docs": {"nested-interactive", "heading-order", "region"}}
"""What the shipped Swagger UI does by itself: a path that is a link, in the button that unfolds its operation; and a
landmark of its own for the operations alone."""
REACHABLE = ("a[href]", "button", "input", "select", "summary")
TABS_MAX = 400
"""So often is Tab pressed at most on a page, until the focus has been everywhere."""
ROUNDS = 2
"""A page may begin with the focus in its midst: what stands before it is reached the second time, if not the first."""
LOOK = """async ([within, runOnly]) => {
    const options = {runOnly, resultTypes: ["violations"], elementRef: false, iframes: false};
    const {violations} = await axe.run(within, options);
    return violations.flatMap(({id, help, nodes}) => nodes.slice(0, 3).map(({html}) => [id, help, html])); }"""
"""What axe finds within an element, by rule: what it looks at and finds well is not sent out of the browser."""
THINNED = """(max) => {
    const shape = (one) => `${one.tagName} ${[...one.attributes].filter(({name}) => ["class", "role"].includes(name) ||
      name.startsWith("aria-")).map(({name, value}) => name + (name === "class" ? value : ""))}(${[...one.children].map(
      shape)})`;
    for (const one of document.querySelectorAll("body *")) {
      if (one.closest("form")) continue;
      const seen = new Map();
      for (const child of [...one.children]) {
        const made = shape(child);
        seen.set(made, (seen.get(made) ?? 0) + 1);
        if (seen.get(made) > max) child.remove();
      }
    } }"""
"""What is alike: element, classes, roles, and the same of all within. A form keeps all: fields belong to labels."""
OUTLINED = """() => { const one = document.activeElement, style = getComputedStyle(one);
    const index = [...document.querySelectorAll("*")].indexOf(one);
    return [`${index}: ${one.outerHTML.slice(0, 120)}`, one === document.body,
      style.outlineStyle !== "none" || style.boxShadow !== "none"]; }"""
"""What has the focus, whether nothing has, and whether it can be seen."""
WORDS = """() => { const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walk.nextNode()); ) {
      const one = node.parentElement;
      if (one.closest("code, pre, script, noscript, style, kbd, samp, abbr")) continue;
      if (one.closest("[lang]:not([lang='zh-CN'], [lang='zh'])")) continue;
      if (node.data.trim()) found.push(node.data);
    }
    return found; }"""
"""All words that stand in a page's own language: what is said to be in another, and code, is not."""


@pytest.fixture(scope="module")
def address(demonstration: Demonstration) -> str:
    return demonstration.here("http://127.0.0.1:8100")


@pytest.fixture(scope="module")
def of_a_donation(address: str) -> tuple[str, str]:
    """The pages of the gift that the public page offers to follow: where it went, and its receipt."""

    def offered() -> Any:
        return re.search(EXAMPLE, httpx.get(f"{address}/?lang=en", trust_env=False, timeout=120).text)

    followed = unescape(eventually(offered, "a gift is offered to follow", wait_s=DOCUMENT_WAIT_S)[1])
    asked = dict(parse_qsl(urlsplit(followed).query))
    followed = followed.replace("&lang=en", "")
    return followed, f"/receipt/{asked['platform']}/{asked['merchant']}/{asked['id']}?day={asked['day']}"


@pytest.fixture(scope="module")
def session(demonstration: Demonstration, browser: Browser, address: str) -> Any:
    """An operator's, as the browser keeps it."""
    keys = json.loads((demonstration.folder / ".panda" / "demo" / "keys.json").read_text())
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{address}/ops")
        tab.fill("input[name=key]", keys["operator"])
        tab.press("input[name=key]", "Enter")
        tab.wait_for_url("**/ops*")
        return context.storage_state()


@pytest.mark.parametrize(
    ("language", "size", "scheme", "rules"),
    LOOKS,
    ids=["en-wide-light", "zh-phone-dark", "en-phone-light", "zh-wide-dark"],
)
def test_axe_finds_nothing_on_any_page_and_the_policy_is_kept(
    address: str,
    browser: Browser,
    session: Any,
    of_a_donation: tuple[str, str],
    language: str,
    size: str,
    scheme: str,
    rules: dict[str, Any],
) -> None:
    found: list[str] = []

    def with_listener(tab: Any) -> Any:
        tab.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        return tab

    kept = {"viewport": SIZES[size], "color_scheme": scheme, "reduced_motion": "reduce"}
    is_first = (language, size, scheme, rules) == LOOKS[0]
    for_all = (*FOR_ALL, *RUNBOOKS, *of_a_donation, *(ONCE if is_first else ()))
    for pages, state in ((for_all, None), (FOR_OPERATORS, session)):
        with browser.new_context(**kept, storage_state=state) as context:
            tab = with_listener(context.new_page())
            for path in pages:
                tab.goto(at(address, path, language))
                tab.wait_for_load_state("networkidle") if path == "/docs" else None
                tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                None if is_first else tab.evaluate(THINNED, ALIKE_MAX)
                within = "#follow" if path == of_a_donation[0] else "html"
                by_others = BY_OTHERS.get(path, set())
                found += [f"{path}: {violation}" for violation in violations(tab, within, rules, by_others)]
    assert found == []


def at(address: str, path: str, language: str) -> str:
    return f"{address}{path}{'&' if '?' in path else '?'}lang={language}"


def violations(tab: Any, within: str, rules: dict[str, Any], by_others: set[str]) -> list[str]:
    """What axe finds within an element of the open page, a line each, but for the rules that others break."""
    tab.evaluate(AXE)
    found = tab.evaluate(LOOK, [within, rules])
    return [f"{rule}: {help}: {html[:160]}" for rule, help, html in found if rule not in by_others]


@pytest.mark.parametrize("path", FOR_ALL)
def test_the_keyboard_reaches_everything_and_the_focus_is_seen(address: str, browser: Browser, path: str) -> None:
    with browser.new_context(viewport=SIZES["wide"], reduced_motion="reduce") as context:
        tab = context.new_page()
        tab.goto(address + path)
        reachable = tab.locator(", ".join(f"{one}:visible" for one in REACHABLE)).count()
        seen: dict[str, bool] = {}
        rounds = 0
        for _ in range(TABS_MAX):
            html, is_nothing, is_outlined = tab.evaluate(OUTLINED)
            rounds += is_nothing and bool(seen)
            if rounds == ROUNDS or (rounds and len(seen) >= reachable):
                break
            # Of a field for a day each part takes the focus, and only the first of them shows it as the page's own.
            seen |= {} if is_nothing else {html: seen.get(html, False) or is_outlined}
            tab.keyboard.press("Tab")
    assert [html for html, is_outlined in seen.items() if not is_outlined] == []
    assert len(seen) >= reachable > 0


@pytest.mark.parametrize("path", [*FOR_ALL, "/problems"])
def test_no_latin_word_stands_in_a_chinese_sentence_but_names(address: str, browser: Browser, path: str) -> None:
    with browser.new_context(viewport=SIZES["wide"]) as context:
        tab = context.new_page()
        tab.goto(at(address, path, "zh"))
        prose = [re.sub(ADDRESS, "", text) for text in tab.evaluate(WORDS)]
        latin = {word for text in prose for word in re.findall(r"[A-Za-z][A-Za-z'-]+", text)}
    assert latin - NAMES == set()


ITS_OWN = {"demo", "love-parcel-v", "localhost", "until"}
"""Names that the demonstration gives, and a word that stands in a file."""
NAMES = {
    "Panda",
    "Pack",
    "English",
    "CSV",
    "Parquet",
    "JSON",
    "SQL",
    "DuckDB",
    "Polars",
    "IATI",
    "SVG",
    "PNG",
    "XML",
    "HB",
    "LED",
    *ITS_OWN,
}
"""Names of things that have no Chinese name."""
