"""Signed notes and written keys, by the letter of signed-note."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Note,
    NotSigned,
    Signature,
    SignerKey,
    VerifierKey,
    key_id,
    open_note,
    sign,
    signers_of,
)
from tests.unit.contracts.tlog.logs import LOG_KEY, WITNESSES, seed

SPECIFIED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPECIFIED = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
"""The example of the specification."""
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of Go's package `note`."""
OTHER = SignerKey("other.example", seed("other"))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")).map(lambda text: text + "\n")


def test_the_specifications_example_is_signed() -> None:
    key = VerifierKey.parse(SPECIFIED_KEY)
    assert open_note(SPECIFIED, [key]).text == "This is an example message.\n"
    assert key.text == SPECIFIED_KEY


def test_the_example_of_go_is_signed_byte_for_byte() -> None:
    key = SignerKey.parse(GO_SECRET)
    assert key.verifier.text == GO_KEY
    assert key.text == GO_SECRET
    assert sign(GO_TEXT, [key]).raw.decode() == f"{GO_TEXT}\n{GO_LINE}"


@given(TEXTS)
def test_every_text_that_is_signed_opens(text: str) -> None:
    note = sign(text, [LOG_KEY, OTHER])
    assert Note.parse(note.raw) == note
    assert open_note(note.raw, [OTHER.verifier]).text == text
    assert signers_of(note, [OTHER.verifier, LOG_KEY.verifier]) == [OTHER.verifier, LOG_KEY.verifier]


@given(st.data())
def test_a_note_of_which_a_byte_is_another_does_not_open(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SPECIFIED) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda found: found != SPECIFIED[at]))
    altered = SPECIFIED[:at] + bytes([byte]) + SPECIFIED[at + 1 :]
    with pytest.raises((Malformed, NotSigned)):
        open_note(altered, [VerifierKey.parse(SPECIFIED_KEY)])


def test_lines_of_unknown_keys_say_nothing_even_twice() -> None:
    foreign = Signature("other.example", b"\0\0\0\1", b"not a signature")
    half_known = Signature(LOG_KEY.name, b"\0\0\0\2", b"x")
    note = sign("text\n", [LOG_KEY])
    mixed = Note(note.text, (foreign, half_known, *note.signatures, foreign))
    assert signers_of(Note.parse(mixed.raw), [LOG_KEY.verifier]) == [LOG_KEY.verifier]


def test_a_known_key_signs_once() -> None:
    note = sign("text\n", [LOG_KEY])
    with pytest.raises(NotSigned, match="signs 2 times"):
        open_note(Note(note.text, note.signatures * 2).raw, [LOG_KEY.verifier])


def test_one_false_line_of_a_known_key_refuses_the_note() -> None:
    note = sign("text\n", [LOG_KEY]).with_signatures(sign("other text\n", [OTHER]).signatures)
    assert open_note(note.raw, [LOG_KEY.verifier]) == note
    with pytest.raises(NotSigned, match="other"):
        open_note(note.raw, [LOG_KEY.verifier, OTHER.verifier])


def test_a_note_that_nobody_trusted_signed_does_not_open() -> None:
    for keys in ([], [OTHER.verifier]):
        with pytest.raises(NotSigned):
            open_note(sign("text\n", [LOG_KEY]).raw, keys)


def test_a_key_that_signs_again_replaces_its_line() -> None:
    note = sign("text\n", [LOG_KEY, OTHER])
    again = note.with_signatures([LOG_KEY.sign("text\n")])
    assert [one.name for one in again.signatures] == [OTHER.name, LOG_KEY.name]


LINE = LOG_KEY.sign("text\n").line
SPACED = LINE.replace(LOG_KEY.name, "a\u00a0b")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\n", b"text\n", b"text\n\n", f"text\n{LINE}".encode(), f"text\n\n{LINE}"[:-1].encode(),
        f"text\n\n{LINE}\n".encode(), f"te\txt\n\n{LINE}".encode(), f"te\rxt\n\n{LINE}".encode(),
        f"te\0xt\n\n{LINE}".encode(), b"te\xffxt\n\n" + LINE.encode(), b"te\xed\xa0\x80xt\n\n" + LINE.encode(),
        f"text\n\n-{LINE[1:]}".encode(), f"text\n\n {LINE}".encode(), f"text\n\n{LINE[:-1]} \n".encode(),
        f"text\n\n{LINE}and more\n".encode(), b"text\n\n" + LINE.replace(" ", "  ", 1).encode(),
        f"text\n\n{LINE.replace(LOG_KEY.name, 'a+b')}".encode(), f"text\n\n{LINE.replace(LOG_KEY.name, '')}".encode(),
        f"text\n\n{SPACED}".encode(), f"text\n\n{LINE.replace('=', '')}".encode(),
        "text\n\n— a AAAAAA==\n".encode(), "text\n\n— a AAAAAB==\n".encode(), "text\n\n— a AAAAAAE\n".encode(),
        "text\n\n— a _-AAAAA=\n".encode(), f"text\n\n{LINE * (SIGNATURES_MAX + 1)}".encode(),
        b"x" * NOTE_BYTES_MAX + f"\n\n{LINE}".encode(),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        open_note(raw, [LOG_KEY.verifier])


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = f"one\n\n{LINE}\n\n\n"
    assert open_note(sign(text, [LOG_KEY]).raw, [LOG_KEY.verifier]).text == text


@pytest.mark.parametrize("text", ["", "text", "te\rxt\n"])
def test_no_note_is_made_that_could_not_be_read(text: str) -> None:
    with pytest.raises(Malformed):
        sign(text, [LOG_KEY])


def _id(text: str, to: Callable[[str], str]) -> str:
    name, ident, value = text.split("+", 2)
    return f"{name}+{to(ident)}+{value}"


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "++", "a+b", GO_KEY[1:], GO_KEY[:-4], GO_KEY + "AAAA", f"{GO_KEY}=", f"{GO_KEY}\n", f" {GO_KEY}",
        _id(GO_KEY, str.upper), _id(GO_KEY, lambda ident: ident[1:]), _id(GO_KEY, lambda _: "00000000"),
        WITNESSES[0].verifier.text, GO_SECRET, GO_KEY.replace("PeterNeumann", "Peter Neumann"),
    ],
)  # fmt: skip
def test_a_key_that_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(text)


@pytest.mark.parametrize("text", ["", GO_KEY, GO_SECRET[:-4], GO_SECRET.replace("c74f20a3", "c74f20a4")])
def test_a_private_key_that_is_written_otherwise_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        SignerKey.parse(text)
    assert GO_SECRET.rsplit("+", 1)[1][:12] not in str(refused.value)


@pytest.mark.parametrize(
    "public",
    [bytes(32), b"\1" + bytes(31), b"\1" + bytes(30) + b"\x80", b"\xec" + b"\xff" * 30 + b"\x7f", b"\xff" * 32],
)
def test_a_key_under_which_anybody_signs_is_refused(public: bytes) -> None:
    with pytest.raises(Malformed, match="prove nothing"):
        VerifierKey("weak.example", public)


def test_an_id_tells_names_and_algorithms_apart() -> None:
    public = LOG_KEY.public
    assert len({key_id("a", 1, public), key_id("b", 1, public), key_id("a", 4, public)}) == 3
