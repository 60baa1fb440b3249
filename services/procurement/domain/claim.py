"""Names that only one may have: who wrote the document first has it, for good.

A round code is a programme's, an invoice's number one order's. The document's id is the name, so that of two who want
it at once one finds it taken.
"""

from __future__ import annotations

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal


class Claim(Part):
    """A name, and whose it is; nobody's yet where `owner` is empty."""

    name: str
    owner: str = ""


def claim_round_code(state: Claim, programme: str) -> Decision[Claim] | Refusal:
    """The programme names its rounds by this code, and no other ever does."""
    if state.owner not in ("", programme):
        detail = f"another programme names its rounds {state.name}-…: choose another round_code"
        return Refusal("round_code_taken", detail)
    return Decision(state.model_copy(update={"owner": programme}))


def claim_invoice_number(state: Claim, order: str) -> Decision[Claim] | Refusal:
    """The supplier's invoice of this number is for this order, and for no other."""
    if state.owner not in ("", order):
        detail = f"{state.name} is an invoice for {state.owner}: give this one its own number"
        return Refusal("invoice_number_taken", detail)
    return Decision(state.model_copy(update={"owner": order}))
