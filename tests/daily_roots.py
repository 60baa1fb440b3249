"""Daily roots as they were made before the public log: what older installations hold, and what auditors still check."""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.merkle import leaf_hash, root_of
from pandapack.contracts.proof import FIRST_ROOT, ROOT_SCHEME, DailyRoot, ShardRoot, Signer, root_text


def make_daily_root(day: str, shards: Sequence[ShardRoot], before: DailyRoot | None, signer: Signer) -> DailyRoot:
    """The signed root of a day behind the root of the day before (None: the first)."""
    assert [shard.shard for shard in shards] == list(range(len(shards))), "a root has every shard, in order"
    root = root_of([shard.leaf() for shard in shards]).hex()
    previous = before.hash if before else FIRST_ROOT.hex()
    text = root_text(day, previous, len(shards), root)
    return DailyRoot(
        ROOT_SCHEME, day, previous, list(shards), root, leaf_hash(text).hex(), signer.public, signer.sign(text)
    )
