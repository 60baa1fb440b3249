"""Tamperings with the ledger: pages, seals, published seals, the archive. What an audit calls each, cause first."""

from __future__ import annotations

from tests.system.played import tamperings as t
from tests.system.played.tamperings import CLOSED, Hand, Tampering, add_to, event, forge_last, of_type, page

RECORDED = "donations.DonationsRecorded"
SEALED = "donations.PageSealed"
SECOND_OF_A_SHARD = {"$regex": "/0000000001$"}
"""Seals of shards with several."""


def _open_page(hand: Hand) -> None:
    page(hand, t.shortened, {"closed": False, "count": {"$gte": 2}}, states=True)


def _seal(hand: Hand, **fields: object) -> None:
    """The first seal of a shard with several: others are chained to it."""

    def change(row: t.Json) -> None:
        row.update(fields)

    hand.change(hand.databases.donations.seals, {"_id": f"{_shard_of_several(hand)}/0000000000"}, change)


def _last_seal(hand: Hand) -> None:
    """The last seal of a shard with several, all of them published."""
    hand.delete(hand.databases.donations.seals, {"_id": {"$regex": f"^{_shard_of_several(hand)}/"}}, sort=-1)


def _shard_of_several(hand: Hand) -> str:
    second = hand.databases.donations.seals.find_one({"_id": SECOND_OF_A_SHARD}, sort=[("_id", 1)])
    assert second is not None, "no shard has two seals"
    return str(second["_id"]).partition("/")[0]


def _drop_reversal(hand: Hand) -> None:
    hand.change(hand.databases.donations.pages, {"reversals.state": "taken"}, lambda row: row["reversals"].pop(0))


def _drop_conflict(hand: Hand) -> None:
    def change(row: t.Json) -> None:
        row["findings"] = [one for one in row["findings"] if one[2] != "conflict"]

    hand.change(
        hand.databases.donations.pages, {"findings": {"$elemMatch": {"$elemMatch": {"$eq": "conflict"}}}}, change
    )


PAGES = (
    Tampering("an amount on a sealed page", lambda h: page(h, t.one_more_fen), r"^page .*: ", follows=True),
    Tampering(
        "an amount, and its shard sealed again",
        t.alter_and_reseal,
        r"^page .*: ",
        follows=True,
    ),
    Tampering(
        "two amounts swapped, and sealed again",
        t.swap_and_reseal,
        r"^page .*: it is not the one that was published",
        follows=True,
    ),
    Tampering(
        "another merchant",
        lambda h: page(h, t.another_merchant),
        r"^page .*: its rows are not those that were sealed",
        follows=True,
    ),
    Tampering("a row removed", lambda h: page(h, t.without_a_row), r"^page .*: ", follows=True),
    Tampering("a row doubled", lambda h: page(h, t.with_a_row_twice), r"^page .*: ", follows=True),
    Tampering(
        "a page deleted",
        lambda h: h.delete(h.databases.donations.pages, CLOSED),
        r"^page .*: it is missing",
        follows=True,
    ),
    Tampering("an open page shortened", _open_page, r"^page .*: "),
    Tampering(
        "a page's count",
        lambda h: h.change(h.databases.donations.pages, CLOSED, add_to("count")),
        r"^page .*: its count",
    ),
    Tampering(
        "a page's front",
        lambda h: h.change(h.databases.donations.pages, CLOSED, add_to("fronts", "*")),
        r"^page .*: front of",
    ),
    Tampering(
        "a page's bytes",
        lambda h: h.change(h.databases.donations.pages, CLOSED, lambda row: row.update(columns=b"?")),
        r"^page .*: the page is damaged",
    ),
    Tampering(
        "a closed page opened",
        lambda h: h.change(h.databases.donations.pages, CLOSED, lambda row: row.update(closed=False)),
        r"^page .*: it is open",
    ),
    Tampering("a reversal dropped", _drop_reversal, r"^page .*: ", follows=True),
    Tampering(
        "a reversal's amount",
        lambda h: h.change(
            h.databases.donations.pages, {"reversals.state": "taken"}, add_to("reversals", "0", "amount_fen")
        ),
        r"^page .*: ",
        follows=True,
    ),
    Tampering("a conflict removed", _drop_conflict, r"^page .*: it lists 0 conflicts"),
)
PROOFS = (
    Tampering("a seal deleted", lambda h: h.delete(h.databases.donations.seals, {}), r"^page .*: its seal is missing"),
    Tampering("the last seal deleted", _last_seal, r"^page .*: its seal is missing, and it was published"),
    Tampering(
        "a seal's root", lambda h: _seal(h, root=bytes(32)), r"^page .*: its rows are not those that were sealed"
    ),
    Tampering(
        "a seal's chained hash", lambda h: _seal(h, chained=bytes(32)), r"^page .*: its chained seal", follows=True
    ),
    Tampering(
        "a published seal deleted",
        lambda h: h.delete(h.databases.reporting.archive, of_type(SEALED)),
        r"^archive /donations/seals/.*: it is missing",
    ),
    Tampering(
        "a published seal's fen",
        lambda h: event(h, h.databases.reporting.archive, of_type(SEALED), add_to("fen")),
        r"^page .*: its sums are not those that were published",
    ),
    Tampering(
        "a seal published beyond the last",
        lambda h: forge_last(h, h.databases.reporting.archive, of_type(SEALED)),
        r"^archive /donations/seals/.*were published",
    ),
)
ARCHIVE = (
    Tampering(
        "an archive row's count",
        lambda h: event(h, h.databases.reporting.archive, of_type(RECORDED), add_to("days", "0", "fen")),
        r"^(archive|page) ",
    ),
    Tampering(
        "an archive row deleted",
        lambda h: h.delete(h.databases.reporting.archive, of_type(RECORDED)),
        r"^archive .*: it is missing",
    ),
    Tampering(
        "an archive row forged",
        lambda h: forge_last(h, h.databases.reporting.archive, of_type(RECORDED)),
        r"^archive .*pages have published",
    ),
)
LEDGER = (*PAGES, *PROOFS, *ARCHIVE)
