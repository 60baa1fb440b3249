"""The log posts its checkpoints: who cosigns is kept, who is away holds nothing up, and two processes do not fight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree, rmtree

import httpx
import pytest
from prometheus_client import REGISTRY

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import open_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessSigner
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.tiles import WIDTH
from pandapack.contracts.tlog.tree import append, is_consistent
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.errors import Misconfigured
from pandapack.transparency.witness_app import Witness as RunningWitness
from pandapack.transparency.witness_state import WitnessState
from services.reporting.domain.witnesses import COSIGNED_S_MAX, Witness, witnesses_of
from services.reporting.settings import Settings
from services.reporting.work import witnesses
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.consistency import kept_consistency_proof
from services.reporting.work.log_keys import LogKeys
from services.reporting.work.witnesses import STAND_BY_S, Witnessing
from tests.unit.contracts.tlog.logs import AT, LOG_KEY, ORIGIN, WITNESSES, entry_of, seed
from tests.unit.reporting.world import stores_in_memory

URLS = [f"http://127.0.0.1:9/{number}" for number in range(3)]


class World:
    """A log, its witnesses in folders, and who of them is away. `post` is how the log reaches them."""

    def __init__(self, folder: Path) -> None:
        self.clock = FixedClock(AT)
        stores = stores_in_memory()
        self.log, self.cosigned = stores.public_log, stores.cosigned
        self.folder, self.states = folder, dict[int, WitnessState]()
        self.away = set[int]()
        self.posts = list[int]()
        self.answers: dict[int, tuple[int, bytes]] = {}
        for number in range(3):
            self.open(number)
        lines = "\n".join(f"{url} {self.states[n].signer.verifier.text}" for n, url in enumerate(URLS))
        seed_text = seed("log").hex()
        self.settings = Settings(
            log_origin=ORIGIN, log_key=seed_text, log_secret="5e" * 32, log_witnesses=f"# ours\n\n{lines}\n"
        )

    def open(self, number: int) -> None:
        name = WITNESSES[number].name
        self.states[number] = WitnessState(self.folder / str(number), name, seed(f"w{number}"))

    async def process(self, name: str) -> tuple[Witnessing, Checkpoints]:
        keys = LogKeys(self.settings)
        await keys.start()
        checkpoints = Checkpoints(self.log, self.cosigned, keys, self.clock)
        posting = Witnessing(self.log, self.cosigned, checkpoints, keys, self.clock, self.post, name=name)
        return posting, checkpoints

    async def post(self, url: str, body: bytes, /) -> tuple[int, bytes]:
        number = int(url.split("/")[-2])
        self.posts.append(number)
        if number in self.away:
            raise httpx.ConnectError("away")
        if number in self.answers:
            return self.answers[number]
        witness = RunningWitness(self.states[number], {ORIGIN: [LOG_KEY.verifier]}, lambda: self.clock.at)
        answer = witness.add_checkpoint(body)
        return answer.status, answer.body.encode()

    async def grow(self, count: int) -> None:
        head = await self.log.head()
        entries = [entry_of(head.size + n) for n in range(count)]
        appended = append(head.edge, [leaf_hash(entry) for entry in entries])
        full = {tile: hashes for tile, hashes in appended.tiles.items() if tile.width == WIDTH}
        await self.log.keep(head.size, entries, full)
        moved = type(head)(version=head.version, edge=appended.edge, at=head.at)
        assert await self.log.move(moved)

    def passes(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def close(self) -> None:
        for state in self.states.values():
            state.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def told(world: World, number: int, outcome: str) -> float:
    labels = {"witness": WITNESSES[number].name, "outcome": outcome}
    return REGISTRY.get_sample_value("panda_witness_posts_total", labels) or 0.0


async def shown(checkpoints: Checkpoints) -> tuple[int, list[str]]:
    """Size and cosigners of what is served, once it is proven to be the log's."""
    raw = await checkpoints.latest()
    signed = open_checkpoint(raw, ORIGIN, [LOG_KEY.verifier])
    return signed.checkpoint.size, [name for name, _ in (await checkpoints.cosigned()).by]


NAMES = [one.name for one in WITNESSES]


async def test_what_witnesses_cosign_is_served_by_every_process(world: World) -> None:
    first, own = await world.process("one")
    _, others = await world.process("two")
    await world.grow(300)
    await first.post()
    assert await shown(own) == await shown(others) == (300, NAMES)
    await world.grow(700)
    world.passes(5)
    assert await shown(own) == (300, NAMES), "what is cosigned is served until the next is"
    await first.post()
    world.passes(5)
    assert await shown(others) == (1_000, NAMES)
    assert (await others.cosigned()).known == 3


async def test_a_witness_that_is_away_holds_nothing_up_and_rests(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(witnesses, "monotonic_s", lambda: now_s)
    posting, checkpoints = await world.process("one")
    world.away = {1}
    before = told(world, 1, "away")
    for _ in range(5):
        await world.grow(3)
        await posting.post()
        now_s += 5
        world.passes(5)
    assert await shown(checkpoints) == (15, [NAMES[0], NAMES[2]])
    assert 1 < told(world, 1, "away") - before < 5, "it is asked less often"
    world.away, now_s = set(), now_s + 100
    await posting.post()
    world.passes(5)
    assert await shown(checkpoints) == (15, NAMES)


async def test_where_all_are_away_the_newest_is_served_without_them(world: World) -> None:
    posting, checkpoints = await world.process("one")
    await world.grow(3)
    await posting.post()
    world.away = {0, 1, 2}
    await world.grow(3)
    await posting.post()
    world.passes(COSIGNED_S_MAX - 1)
    assert await shown(checkpoints) == (3, NAMES)
    world.passes(2)
    assert await shown(checkpoints) == (6, [])


async def test_another_process_stands_by_and_takes_over(world: World) -> None:
    first, _ = await world.process("one")
    second, checkpoints = await world.process("two")
    await world.grow(3)
    await first.post()
    world.posts.clear()
    await second.post()
    assert world.posts == []
    world.passes(STAND_BY_S + 1)
    await world.grow(3)
    await second.post()
    assert await shown(checkpoints) == (6, NAMES)
    assert world.posts.count(0) == 2, "it learns from a 409 what the witness has seen"


async def test_two_that_post_at_once_keep_the_one_or_the_other(world: World) -> None:
    first, own = await world.process("one")
    second, _ = await world.process("two")
    for _ in range(3):
        await world.grow(3)
        await asyncio.gather(first.post(), second.post())
        world.passes(STAND_BY_S + 1)
    assert await shown(own) == (9, NAMES)
    kept = await world.cosigned.latest()
    assert kept is not None and not await world.cosigned.keep(0, kept.note, "two", AT)


async def test_a_witness_that_has_seen_more_or_refuses_or_lies_adds_no_line(world: World) -> None:
    posting, checkpoints = await world.process("one")
    await world.grow(3)
    world.answers = {0: (409, b"77\n"), 1: (403, b"no\n"), 2: (200, b"nonsense")}
    counts = [told(world, n, outcome) for n, outcome in enumerate(("ahead", "refused", "unsigned"))]
    await posting.post()
    assert [told(world, n, o) for n, o in enumerate(("ahead", "refused", "unsigned"))] == [one + 1 for one in counts]
    assert await shown(checkpoints) == (3, [])


async def test_a_witness_that_was_rolled_back_is_named_and_shown_its_own_line(world: World) -> None:
    posting, checkpoints = await world.process("one")
    await world.grow(3)
    await posting.post()
    world.states[0].close()
    copytree(world.folder / "0", world.folder / "backup")
    world.open(0)
    await world.grow(3)
    await posting.post()
    world.states[0].close()
    rmtree(world.folder / "0")
    (world.folder / "backup").rename(world.folder / "0")
    world.open(0)
    await world.grow(3)
    before = told(world, 0, "rolled_back")
    await posting.post()
    assert told(world, 0, "rolled_back") == before + 1
    assert world.states[0].forgotten(ORIGIN) == 6, "it knows by now, and stops"
    world.passes(5)
    assert await shown(checkpoints) == (9, NAMES[1:])


async def test_any_two_sizes_are_proven_to_be_one_log(world: World) -> None:
    await world.grow(3)
    sizes = [3]
    for count in (1, 252, 1, 300, 700, 66_000):
        await world.grow(count)
        sizes.append(sizes[-1] + count)
    head = await world.log.head()
    roots = {size: root for size in sizes for root in [await root_of(world, size)]}
    for old in sizes:
        for size in (one for one in sizes if one >= old):
            proof = await kept_consistency_proof(world.log, head, old, size)
            assert is_consistent(old, roots[old], size, roots[size], proof), (old, size)


async def root_of(world: World, size: int) -> bytes:
    entries = [entry_of(number) for number in range(size)]
    return append(type((await world.log.head()).edge)(), [leaf_hash(entry) for entry in entries]).edge.root


KEY = WITNESSES[0].verifier.text


@pytest.mark.parametrize(
    "text",
    [f"{URLS[0]}", f"ftp://x {KEY}", f"{URLS[0]} {LOG_KEY.verifier.text}", f"{URLS[0]} {KEY}\n{URLS[1]} {KEY}"],
    ids=["no key", "no address", "no witness's key", "one key twice"],
)
def test_what_is_no_list_of_witnesses_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        witnesses_of(text)


async def test_witnesses_are_listed_in_a_file_or_in_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "witnesses"
    file.write_text(f"{URLS[0]} {KEY}\n")
    for setting, count in ((str(file), 1), (file.read_text(), 1), ("", 0)):
        keys = LogKeys(Settings(log_key="aa" * 32, log_secret="5e" * 32, log_witnesses=setting))
        await keys.start()
        assert len(keys.witnesses) == count
    for setting in (str(tmp_path / "none"), "http://x y"):
        with pytest.raises(Misconfigured, match="PANDA_LOG_WITNESSES"):
            await LogKeys(Settings(log_key="aa" * 32, log_secret="5e" * 32, log_witnesses=setting)).start()


def test_an_address_may_end_in_a_slash() -> None:
    signer = WitnessSigner("w", seed("w"))
    for url in ("http://w.example/a", "http://w.example/a/"):
        assert Witness(url, signer.verifier).add_checkpoint_url == "http://w.example/a/add-checkpoint"
