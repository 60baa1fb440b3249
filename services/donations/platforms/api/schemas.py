"""How platforms and merchants are shown, as OpenAPI tells it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from pandapack.runtime.auth import Mode
from services.donations.platforms.domain.platforms import Title

Once = Annotated[str | None, Field(description="Shown here and never again; not there where a request is repeated.")]


class PlatformSecrets(BaseModel):
    """A platform was registered, or has a new secret."""

    platform: str
    secret_number: int
    retired: Annotated[int | None, Field(description="The secret that ended for this one.")] = None
    key: Once = None
    secret: Once = None


class PlatformChanged(BaseModel):
    """A platform has other terms, or lost a secret: `retired` is its number."""

    platform: str
    retired: int | None = None


class PlatformKey(BaseModel):
    """A new key of a platform."""

    platform: str
    key: str
    name: str
    mode: Mode


class SecretView(BaseModel):
    """A secret that is good, without what is secret. `mode`: what it signs counts, or is a test."""

    number: int
    mode: Mode
    since: str


class PlatformView(BaseModel):
    """A platform with its terms."""

    platform: str
    name: str
    lines_a_second: int
    signature_demanded: bool
    secrets: list[SecretView]


class KeyView(BaseModel):
    """A key, without what is secret."""

    prefix: str
    role: str
    name: str
    owner: str
    mode: Mode
    revoked: bool


class PlatformWithKeys(PlatformView):
    """A platform with its terms and keys."""

    keys: list[KeyView]


class PlatformList(BaseModel):
    """Some platforms, and what to send as `after` for the ones behind."""

    items: list[PlatformView]
    next: str | None


class NewMerchantView(BaseModel):
    """A merchant was registered."""

    merchant: str
    name: str
    key: Once = None


class MerchantKey(BaseModel):
    """A new key of a merchant."""

    merchant: str
    key: str
    name: str


class MerchantView(BaseModel):
    """A registered merchant."""

    merchant: str
    name: str


class MerchantList(BaseModel):
    """Some merchants, and what to send as `after` for the ones behind."""

    items: list[MerchantView]
    next: str | None


class KeyPurpose(BaseModel):
    """What a key is for."""

    name: Title = "unnamed"


class PlatformKeyPurpose(KeyPurpose):
    """What a platform's key is for. What comes with a `test` key touches nothing live."""

    mode: Mode = Mode.LIVE
