"""The public log's keys: what signs its checkpoints, who cosigns them, and the secret behind private hashes."""

from __future__ import annotations

from pathlib import Path

from pandapack.contracts.public_log.veil import Veil
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import SignerKey
from pandapack.runtime.errors import Misconfigured
from services.reporting.domain.witnesses import Witness, witnesses_of
from services.reporting.settings import Settings

MEND = "`panda up` makes it for the embedded stack, `make secrets` for containers"


class LogKeys:
    """Read at the start, from the settings or the files that they name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: tuple[tuple[SignerKey, ...], Veil] | None = None
        self.witnesses: tuple[Witness, ...] = ()

    async def start(self) -> None:
        """Reads all. Raises Misconfigured."""
        settings = self._settings
        keys = [_text("PANDA_LOG_KEY", settings.log_key, settings.log_key_file)]
        if settings.log_key_before or settings.log_key_before_file:
            keys.append(_text("PANDA_LOG_KEY_BEFORE", settings.log_key_before, settings.log_key_before_file))
        secret = _text("PANDA_LOG_SECRET", settings.log_secret, settings.log_secret_file)
        try:
            signers = tuple(SignerKey(settings.log_origin, bytes.fromhex(key)) for key in dict.fromkeys(keys))
        except ValueError as error:
            raise Misconfigured(f"PANDA_LOG_KEY, PANDA_LOG_KEY_BEFORE or PANDA_LOG_ORIGIN: {error}") from error
        try:
            self._loaded = signers, Veil(secret)
        except ValueError as error:
            raise Misconfigured(f"PANDA_LOG_SECRET: {error}") from error
        self.witnesses = _witnesses(settings.log_witnesses)

    async def stop(self) -> None:
        """There is nothing to end."""

    @property
    def signer(self) -> SignerKey:
        """What signs checkpoints; its name is the log's origin."""
        return self._keys[0][0]

    @property
    def signers(self) -> tuple[SignerKey, ...]:
        """It, and the one before while the key changes: both sign each checkpoint."""
        return self._keys[0]

    @property
    def veil(self) -> Veil:
        """What stands in place of what is private."""
        return self._keys[1]

    @property
    def _keys(self) -> tuple[tuple[SignerKey, ...], Veil]:
        assert self._loaded is not None, "keys are read before the log begins"
        return self._loaded


def _witnesses(setting: str) -> tuple[Witness, ...]:
    """Of the setting, lines or the file that has them. Raises Misconfigured."""
    is_file = bool(setting.strip()) and len(setting.split()) == 1
    try:
        return witnesses_of(Path(setting.strip()).read_text() if is_file else setting)
    except OSError as error:
        raise Misconfigured(f"PANDA_LOG_WITNESSES {setting}: {error.strerror}") from error
    except Malformed as error:
        raise Misconfigured(f"PANDA_LOG_WITNESSES: {error}. Each line is 'URL VKEY'") from error


def _text(setting: str, text: str, file: Path | None) -> str:
    """Of a setting, or of the file that it names. Raises Misconfigured where there is neither."""
    try:
        found = text or (file.read_text() if file else "")
    except OSError as error:
        raise Misconfigured(f"{setting}_FILE {file}: {error.strerror}. {MEND}") from error
    if not found.strip():
        raise Misconfigured(f"neither {setting} nor {setting}_FILE is set: the public log needs it. {MEND}")
    return found.strip()
