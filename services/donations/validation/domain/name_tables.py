"""The names that a reader remembers: merchants with the shards on which they live, and programmes."""

from __future__ import annotations

from functools import partial

from pandapack.contracts.donations import NAME_BYTES, NAME_CHARACTERS_MAX, shard_of
from services.donations.validation.domain.string_table import StringTable

MERCHANTS_REMEMBERED_MAX = 200_000
PROGRAMMES_REMEMBERED_MAX = 4_096
MERCHANT_SLOTS_BITS = 19
PROGRAMME_SLOTS_BITS = 13


def characters_are_plain(text: str) -> bool:
    """Whether a text holds nothing but the characters of `contracts.donations.NAME_PATTERN`."""
    return text.isascii() and not text.encode().translate(None, NAME_BYTES)


def is_name(text: str) -> bool:
    """Whether a text is one of `contracts.donations.NAME_PATTERN`."""
    return 0 < len(text) <= NAME_CHARACTERS_MAX and characters_are_plain(text)


def _shard_of_name(shards: int, merchant: str) -> int:
    if not is_name(merchant):
        raise ValueError(merchant)
    return shard_of(merchant, shards)


def _checked_programme(programme: str) -> int:
    if not is_name(programme):
        raise ValueError(programme)
    return 0


class NameTables:
    """Merchants, each behind its platform, and programmes, for a ledger of so many shards.

    The value of a merchant is its shard.
    """

    def __init__(self, shards: int) -> None:
        self.merchants = StringTable(
            partial(_shard_of_name, shards), slots_bits=MERCHANT_SLOTS_BITS, strings_max=MERCHANTS_REMEMBERED_MAX
        )
        self.programmes = StringTable(
            _checked_programme, slots_bits=PROGRAMME_SLOTS_BITS, strings_max=PROGRAMMES_REMEMBERED_MAX
        )

    def make_room(self) -> None:
        """Forgets all where too many are remembered: called between batches, so that a batch has one list."""
        self.merchants.make_room()
        self.programmes.make_room()
