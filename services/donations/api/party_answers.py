"""How platforms and merchants are shown, as OpenAPI tells it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from services.donations.domain.platforms import Mode

Once = Annotated[str | None, Field(description="Shown here and never again; not there where a request is repeated.")]


class PlatformMade(BaseModel):
    """A platform was registered, or has a new secret."""

    platform: str
    secret_number: int
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


class ShownSecret(BaseModel):
    """A live secret, without what is secret."""

    number: int
    since: str


class ShownPlatform(BaseModel):
    """A platform with its terms."""

    platform: str
    name: str
    mode: Mode
    lines_a_second: int
    signature_demanded: bool
    secrets: list[ShownSecret]


class ShownKey(BaseModel):
    """A key, without what is secret."""

    prefix: str
    role: str
    name: str
    owner: str
    revoked: bool


class PlatformWithKeys(ShownPlatform):
    """A platform with its terms and keys."""

    keys: list[ShownKey]


class ShownPlatforms(BaseModel):
    """Some platforms, and what to send as `after` for the ones behind."""

    items: list[ShownPlatform]
    next: str | None


class MerchantMade(BaseModel):
    """A merchant was registered."""

    merchant: str
    name: str
    platform: str | None = None
    key: Once = None


class MerchantKey(BaseModel):
    """A new key of a merchant."""

    merchant: str
    key: str
    name: str


class ShownMerchant(BaseModel):
    """A registered merchant."""

    merchant: str
    name: str
    platform: str | None = None


class ShownMerchants(BaseModel):
    """Some merchants, and what to send as `after` for the ones behind."""

    items: list[ShownMerchant]
    next: str | None


class ProgrammeVolume(BaseModel):
    """What was given to one programme."""

    programme: str
    count: int
    fen: int


class ShownVolumes(BaseModel):
    """What one merchant gave on one day."""

    merchant: str
    day: str
    programmes: list[ProgrammeVolume]
