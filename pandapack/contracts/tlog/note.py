"""Signed notes: a text, and lines by which keys sign it. Keys are written with their name and a short id.

Source: C2SP signed-note; RFC 8032 (Ed25519). A text means nothing before a trusted key's signature over it holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pandapack.contracts.tlog.encoding import Malformed, base64_of, shown, text_of, to_base64, without_control

ED25519 = 0x01
ID_BYTES = 4
KEY_BYTES = 32
SIGNATURE_BYTES = 64
NOTE_BYTES_MAX = 256 * 1024
"""Room for a checkpoint with a hundred lines, some of them of keys as long as ML-DSA's."""
SIGNATURES_MAX = 100
"""The specification asks for sixteen at least; Go reads a hundred."""
NAME_BYTES_MAX = 255
KEY_CHARACTERS_MAX = 1_024
DASH = "\N{EM DASH}"
PRIVATE_PREFIX = "PRIVATE+KEY+"

_FIELD = 2**255 - 19
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""The y of the curve's points of small order: under such a key anybody's signature holds."""


def named(name: str) -> str:
    """The same name. Raises Malformed for one that is empty or long, or has a space, a plus or a control character."""
    if not 0 < len(name.encode(errors="replace")) <= NAME_BYTES_MAX or "+" in name:
        raise Malformed(f"a key's name has 1 to {NAME_BYTES_MAX} bytes and no plus: {shown(name)}")
    if any(character.isspace() for character in name):
        raise Malformed(f"a key's name has no spaces: {shown(name)}")
    return without_control(name, "a key's name")


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """4 bytes: what signature lines and written keys name a key by. It tells keys apart and proves nothing."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:ID_BYTES]


class Verifier(Protocol):
    """Whoever can tell whether a line of a name and an id is a signature over a text."""

    @property
    def name(self) -> str: ...

    @property
    def id(self) -> bytes: ...

    def is_signed(self, text: str, signature: bytes, /) -> bool:
        """Whether the key's holder signed the note's text."""
        ...


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key that signs notes. Raises Malformed for a key under which signatures prove nothing."""

    ALGORITHM: ClassVar[int] = ED25519

    name: str
    public: bytes

    def __post_init__(self) -> None:
        named(self.name)
        if len(self.public) != KEY_BYTES:
            raise Malformed(f"the public key of {self.name} has {len(self.public)} bytes, not {KEY_BYTES}")
        y = self.public[:-1] + bytes([self.public[-1] & 0x7F])
        if int.from_bytes(y, "little") >= _FIELD or y in _SMALL_ORDER:
            raise Malformed(f"the public key of {self.name} is one under which signatures prove nothing")

    @property
    def id(self) -> bytes:
        """4 bytes."""
        return key_id(self.name, self.ALGORITHM, self.public)

    @property
    def text(self) -> str:
        """As it is handed on: `name+id in hex+base64`."""
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.ALGORITHM]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that a text of that form holds. Raises Malformed, also for a key of another algorithm."""
        name, ident, value = _parts(text)
        if value[0] != cls.ALGORITHM:
            raise Malformed(f"the key of {shown(name)} has the algorithm {value[0]}, not {cls.ALGORITHM}")
        key = cls(name, value[1:])
        if key.id.hex() != ident:
            raise Malformed(f"the id of the key of {shown(name)} is {key.id.hex()}, not {shown(ident)}")
        return key

    def is_signed(self, text: str, signature: bytes) -> bool:
        """Whether the key's holder signed the note's text."""
        return self.is_signed_by_ed25519(text.encode(), signature)

    def is_signed_by_ed25519(self, message: bytes, signature: bytes) -> bool:
        """Whether it is the key's plain signature over these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def _parts(text: str) -> tuple[str, str, bytes]:
    """Name, id in hex, and algorithm byte with key of a written key: base64 may have a plus of its own."""
    parts = text.split("+", 2) if len(text) <= KEY_CHARACTERS_MAX else []
    value = base64_of(parts[2], "a key") if len(parts) == 3 else b""
    if not value:
        raise Malformed(f"a key is written name+id+base64: {shown(text)}")
    return parts[0], parts[1], value


class PrivateKey:
    """Holds an Ed25519 key in its 32 bytes, under a name. Raises Malformed for one of another length."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise Malformed(f"the private key of {shown(name)} has {len(seed)} bytes, not {KEY_BYTES}")
        self.name = named(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def verifier(self) -> VerifierKey:
        """The public key that goes with it."""
        return VerifierKey(self.name, self.public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `PRIVATE+KEY+name+id+base64`, as `text` writes it. Raises Malformed, and never shows the key."""
        if not text.startswith(PRIVATE_PREFIX):
            raise Malformed(f"a private key begins with {PRIVATE_PREFIX}")
        try:
            name, ident, value = _parts(text.removeprefix(PRIVATE_PREFIX))
        except Malformed:
            raise Malformed(f"a private key is written {PRIVATE_PREFIX}name+id+base64") from None
        key = cls(name, value[1:])
        if value[0] != key.verifier.ALGORITHM or ident != key.verifier.id.hex():
            raise Malformed(f"the private key of {name} is of another algorithm, or has another's id")
        return key

    @property
    def text(self) -> str:
        """As it is kept: a secret."""
        value = bytes([self.verifier.ALGORITHM]) + self._key.private_bytes_raw()
        return f"{PRIVATE_PREFIX}{self.name}+{self.verifier.id.hex()}+{to_base64(value)}"

    def sign_by_ed25519(self, message: bytes) -> bytes:
        """64 bytes: the plain signature over these bytes."""
        return self._key.sign(message)


class SignerKey(PrivateKey):
    """A private key that signs notes."""

    def sign(self, text: str) -> Signature:
        """The line by which this key signs a note's text."""
        return Signature(self.name, self.verifier.id, self.sign_by_ed25519(text.encode()))


@dataclass(frozen=True, slots=True)
class Signature:
    """A line of a note: who signed, by which key (4 bytes), and the bytes that its algorithm makes."""

    name: str
    id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """With its newline."""
        return f"{DASH} {self.name} {to_base64(self.id + self.value)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """From a line without its newline. Raises Malformed."""
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != DASH:
            raise Malformed(f"a line of a signature is a dash, a name and base64: {shown(line)}")
        value = base64_of(parts[2], "a signature")
        if len(value) <= ID_BYTES:
            raise Malformed(f"a signature has more than the {ID_BYTES} bytes of a key's id: {shown(line)}")
        return cls(named(parts[1]), value[:ID_BYTES], value[ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and the lines that sign it."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def raw(self) -> bytes:
        """As it travels: UTF-8."""
        return (self.text + "\n" + "".join(signature.line for signature in self.signatures)).encode()

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The parts of a note, whoever signed it. Raises Malformed."""
        whole = text_of(raw, "a note", NOTE_BYTES_MAX)
        end = whole.rfind("\n\n")
        if end < 0:
            raise Malformed("a note is a text, an empty line and signatures")
        return cls(whole[: end + 1], signature_lines(whole[end + 2 :]))

    def with_signatures(self, signatures: Iterable[Signature]) -> Self:
        """The same note, also signed so: what the same keys signed before is replaced."""
        fresh = {(one.name, one.id): one for one in signatures}
        others = tuple(one for one in self.signatures if (one.name, one.id) not in fresh)
        return replace(self, signatures=(*others, *fresh.values()))

    def signatures_of(self, key: Verifier) -> list[Signature]:
        """The lines that name the key, whether they hold or not."""
        return [one for one in self.signatures if (one.name, one.id) == (key.name, key.id)]


def signature_lines(text: str) -> tuple[Signature, ...]:
    """One line or more, each with its newline. Raises Malformed."""
    if not text.endswith("\n"):
        raise Malformed("signatures are lines, and each ends in a newline")
    lines = text[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Malformed(f"a note has at most {SIGNATURES_MAX} signatures, not {len(lines)}")
    return tuple(Signature.parse(line) for line in lines)


def sign(text: str, keys: Sequence[SignerKey]) -> Note:
    """A note that these keys sign. Raises Malformed for a text that is no note's."""
    text_of(text.encode(), "a note", NOTE_BYTES_MAX)
    if not text.endswith("\n") or not keys:
        raise Malformed("a note's text ends in a newline, and somebody signs it")
    return Note(text, tuple(key.sign(text) for key in keys))


class NotSigned(Exception):
    """No trusted key signed the note, or one that is trusted is named by a line that does not hold: which, and why."""


V = TypeVar("V", bound=Verifier)


def signers_of(note: Note, keys: Sequence[V]) -> list[V]:
    """Those of the keys that signed, in their order. Unknown keys' lines say nothing.

    Raises NotSigned where a line that names one of the keys does not hold, or one of them signs twice.
    """
    idents = [(key.name, key.id) for key in keys]
    assert len(set(idents)) == len(idents), "two trusted keys have one name and one id"
    signed: list[V] = []
    for key in keys:
        lines = note.signatures_of(key)
        if len(lines) > 1:
            raise NotSigned(f"the key {key.id.hex()} of {key.name} signs {len(lines)} times")
        if lines and not key.is_signed(note.text, lines[0].value):
            raise NotSigned(f"the signature by the key {key.id.hex()} of {key.name} does not hold")
        if lines:
            signed.append(key)
    return signed


def open_note(raw: bytes, keys: Sequence[Verifier]) -> Note:
    """A note that one of the keys signed at least. Raises Malformed or NotSigned."""
    note = Note.parse(raw)
    if not signers_of(note, keys):
        raise NotSigned("no trusted key signed this note")
    return note
