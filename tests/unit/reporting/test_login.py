"""The log-in page says where the first keys really are."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.reporting.api.login import login_address, login_router, where_first_keys_are

DIGESTS = "keys-digests.json"


def keys_in(folder: Path) -> Path:
    """The digests that a service reads, the keys beside them."""
    folder.mkdir(parents=True)
    for name in (DIGESTS, "keys.json"):
        (folder / name).write_text("{}")
    return folder / DIGESTS


async def page(first_keys: str, lang: str = "en") -> str:
    app = FastAPI()
    app.include_router(login_router(first_keys))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as browser:
        return (await browser.get("/login", params={"lang": lang})).text


@pytest.mark.parametrize("folder", [".panda", ".panda/demo"])
async def test_the_page_names_the_folder_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = await page(where_first_keys_are(keys_in(tmp_path / folder)))
    assert f"<code>{folder}/keys.json</code> has the first one" in shown


async def test_where_the_keys_are_not_here_the_page_names_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    elsewhere = keys_in(tmp_path / "elsewhere")
    for digests in (None, Path("/run/secrets/keys-digests"), elsewhere):
        shown = await page(where_first_keys_are(digests))
        assert "panda key add operator" in shown and "keys.json" not in shown and str(tmp_path) not in shown


async def test_the_page_is_there_in_both_languages_and_keeps_the_one_of_the_page_that_it_opens() -> None:
    assert login_address(None) == "/login?next=/ops"
    assert login_address("zh") == "/login?lang=zh&next=%2Fops%3Flang%3Dzh"
    english, chinese = await page("", "en"), await page("", "zh")
    assert "Operator key" in english and 'action="/login?lang=en"' in english
    assert "运维人员的密钥" in chinese and 'action="/login?lang=zh"' in chinese and '<html lang="zh-CN">' in chinese


async def test_where_all_is_made_up_the_page_says_so() -> None:
    app = FastAPI()
    app.include_router(login_router("", is_demonstration=True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as browser:
        assert 'class="ribbon"' in (await browser.get("/login")).text
    assert 'class="ribbon"' not in await page("")
