"""Where several platforms are registered, whoever follows a gift is asked which one; the platform itself never is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.system.cast import ANSWER_WAIT_S, MERCHANT, PLATFORMS, Cast
from tests.system.playing import PANDA

DAY = "2021-11-11"
DONATION = {"merchant": MERCHANT, "id": "1", "day": DAY}


def page(cast: Cast, **query: str) -> str:
    url = f"{cast.urls['reporting']}/"
    return httpx.get(url, params=query, timeout=ANSWER_WAIT_S, trust_env=False).text


def panda_trace(cast: Cast, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (*PANDA, "trace", MERCHANT, "1", "--day", DAY, *arguments)
    env = os.environ | {f"PANDA_{name.upper()}_URL": url for name, url in cast.urls.items()}
    return subprocess.run(command, cwd=folder, env=env, text=True, capture_output=True, timeout=120, check=False)


def test_the_command_names_the_platforms_and_waits_to_be_told_which(cast: Cast, tmp_path: Path) -> None:
    asked = panda_trace(cast, tmp_path)
    assert asked.returncode == 2
    assert all(platform in asked.stderr for platform in (*PLATFORMS, "--platform"))
    told = panda_trace(cast, tmp_path, "--platform", PLATFORMS[0])
    assert told.returncode == 1
    assert "donation_unknown" in told.stderr


def test_the_page_offers_the_platforms_and_keeps_the_one_that_was_chosen(cast: Cast) -> None:
    offered = page(cast)
    assert '<select name="platform" required>' in offered
    assert all(f'<option value="{platform}">' in offered for platform in PLATFORMS)
    assert f'<option value="{PLATFORMS[1]}" selected>' in page(cast, platform=PLATFORMS[1], **DONATION)


@pytest.mark.parametrize(("lang", "sentence"), [("en", "Choose the platform on which"), ("zh", "请选择下单的平台")])
def test_a_gift_without_a_platform_is_followed_once_it_is_said_which(cast: Cast, lang: str, sentence: str) -> None:
    assert sentence in page(cast, lang=lang, **DONATION)
    assert sentence not in page(cast, lang=lang, platform=PLATFORMS[0], **DONATION)
    body = httpx.get(
        f"{cast.urls['reporting']}/v1/trace/{PLATFORMS[0]}/{MERCHANT}/1",
        params={"day": DAY},
        timeout=ANSWER_WAIT_S,
        trust_env=False,
    )
    assert (body.status_code, body.json()["code"]) == (404, "donation_unknown")
