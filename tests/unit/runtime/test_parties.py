"""Parties: registered once, each kind with what belongs to it, and nobody acts for another's school."""

from __future__ import annotations

import pytest

from pandapack.decision import Decision, Refusal
from pandapack.runtime.auth import PARTY_ROLES, STAFF_ROLES, Caller, Role
from pandapack.runtime.parties import ROLES_BY_KIND, Party, PartyKind, amend, refuse_school, register

KINDS = tuple(PartyKind)


def party(kind: PartyKind = PartyKind.FIELD_PARTNER, schools: tuple[str, ...] = ("S1", "S2")) -> Party:
    decision = register(Party(party="p"), kind=kind, name="A party", schools=schools, kinds=KINDS)
    assert isinstance(decision, Decision), decision
    return decision.state


def test_a_party_has_a_kind_a_name_and_its_schools() -> None:
    assert party() == Party(party="p", kind=PartyKind.FIELD_PARTNER, name="A party", schools=("S1", "S2"))


def test_other_terms_leave_a_party_what_it_is() -> None:
    decision = amend(party(), name="Another", schools=("S3",))
    assert isinstance(decision, Decision)
    assert decision.state == Party(party="p", kind=PartyKind.FIELD_PARTNER, name="Another", schools=("S3",))


REFUSED = [
    (PartyKind.CARRIER, (), (PartyKind.SUPPLIER,), "kind_not_here"),
    (PartyKind.SCHOOL, (), KINDS, "schools_missing"),
    (PartyKind.FIELD_PARTNER, (), KINDS, "schools_missing"),
    (PartyKind.SCHOOL, ("S1", "S2"), KINDS, "schools_too_many"),
    (PartyKind.FIELD_PARTNER, ("S1", "S1"), KINDS, "school_named_twice"),
    (PartyKind.CARRIER, ("S1",), KINDS, "schools_not_expected"),
]


@pytest.mark.parametrize(("kind", "schools", "kinds", "code"), REFUSED)
def test_what_does_not_fit_its_kind_is_refused(
    kind: PartyKind, schools: tuple[str, ...], kinds: tuple[PartyKind, ...], code: str
) -> None:
    refusal = register(Party(party="p"), kind=kind, name="x", schools=schools, kinds=kinds)
    assert isinstance(refusal, Refusal) and refusal.code == code


def test_an_id_is_one_partys_for_good() -> None:
    refusal = register(party(), kind=PartyKind.CARRIER, name="x", schools=(), kinds=KINDS)
    assert isinstance(refusal, Refusal) and refusal.code == "party_known"


def test_nobody_registered_has_terms_to_change() -> None:
    refusal = amend(Party(party="p"), name="x", schools=())
    assert isinstance(refusal, Refusal) and refusal.code == "party_unknown"


def test_a_party_acts_for_its_own_schools_and_no_others() -> None:
    assert refuse_school(party(), "S2") is None
    for known in (party(), None, party(PartyKind.CARRIER, ())):
        refusal = refuse_school(known, "S9")
        assert isinstance(refusal, Refusal) and refusal.code == "school_unknown"


def test_each_kinds_keys_act_for_their_party_and_staffs_for_nobody() -> None:
    assert set(ROLES_BY_KIND.values()) == PARTY_ROLES
    assert {Caller("k", role, "n", "p").acts_for for role in PARTY_ROLES} == {"p"}
    assert {Caller("k", role, "n").acts_for for role in (*STAFF_ROLES, Role.OPERATOR)} == {None}
    assert not [role for role in PARTY_ROLES if Caller("k", role, "n", "p").is_staff]
