"""Personal data at rest: encrypted values and blind indexes to find them by (issue: owner e-mail and phone)."""

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"


class PiiKeyError(RuntimeError):
    """A key is missing or is not 32 bytes of base64."""


class PiiUnreadable(ValueError):
    """A token that none of our keys opens: altered, foreign, or written with a key we no longer hold."""


class PiiSettings(Protocol):
    """The part of the settings this module reads."""

    @property
    def pii_encryption_key(self) -> SecretStr | None:
        """`PII_ENCRYPTION_KEY`."""

    @property
    def pii_index_key(self) -> SecretStr | None:
        """`PII_INDEX_KEY`."""


def new_key() -> str:
    """A fresh random key as it is written in the environment."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class PiiVault:
    """AES-256-GCM for values, HMAC-SHA256 for their blind index, under separate keys.

    A token reads `v1.<key id>.<nonce and ciphertext>`; version and key id are authenticated with it.
    To rotate, put the new key first and keep the old ones in `retired` until `rotate` has rewritten
    every token. The index key is not rotated in place: changing it means recomputing every index.
    """

    def __init__(self, encryption_key: bytes, index_key: bytes, retired: Sequence[bytes] = ()) -> None:
        keys = (encryption_key, *retired)
        if any(len(key) != KEY_BYTES for key in (*keys, index_key)):
            raise PiiKeyError(f"every key must be {KEY_BYTES} bytes")
        if index_key in keys:
            raise PiiKeyError("the index key must differ from the encryption keys")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(encryption_key)
        self._index_key = index_key

    @classmethod
    def from_settings(cls, settings: PiiSettings) -> "PiiVault":
        """The vault of `PII_ENCRYPTION_KEY` (current key first, retired ones after commas) and `PII_INDEX_KEY`.

        Raises PiiKeyError, naming the variable and never its value.
        """
        current, *retired = _keys("PII_ENCRYPTION_KEY", settings.pii_encryption_key)
        index = _keys("PII_INDEX_KEY", settings.pii_index_key)
        if len(index) != 1:
            raise PiiKeyError("PII_INDEX_KEY must be a single key")
        return cls(current, index[0], retired)

    def encrypt(self, value: str) -> str:
        """A token for `value`; the same value gives a different token each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, value.encode(), _associated(self._current))
        return f"{_VERSION}.{self._current}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, token: str) -> str:
        """The value of a token. Raises PiiUnreadable if it was altered or no key of ours opens it."""
        key_id, body = _parse(token)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise PiiUnreadable("written with a key that is not configured")
        try:
            return cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _associated(key_id)).decode()
        except InvalidTag:
            raise PiiUnreadable("altered, or not written by us") from None

    def is_current(self, token: str) -> bool:
        """Whether the token was written with the current key."""
        return _parse(token)[0] == self._current

    def rotate(self, token: str) -> str:
        """The token rewritten with the current key; unchanged if it already is."""
        return token if self.is_current(token) else self.encrypt(self.decrypt(token))

    def blind_index(self, value: str) -> str:
        """64 hex digits by which equal values (ignoring case and outer spaces) can be found but not read."""
        return hmac.new(self._index_key, _normalised(value).encode(), hashlib.sha256).hexdigest()


def _key_id(key: bytes) -> str:
    return hmac.new(key, b"ridgeline pii key id", hashlib.sha256).hexdigest()[:8]


def _associated(key_id: str) -> bytes:
    return f"ridgeline pii {_VERSION} {key_id}".encode()


def _normalised(value: str) -> str:
    return unicodedata.normalize("NFC", value).strip().lower()


def _parse(token: str) -> tuple[str, bytes]:
    version, _, rest = token.partition(".")
    key_id, _, encoded = rest.partition(".")
    if version != _VERSION or not key_id:
        raise PiiUnreadable("not a token of this version")
    try:
        body = base64.b64decode(encoded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PiiUnreadable("not a token of this version") from None
    if len(body) <= _NONCE_BYTES:
        raise PiiUnreadable("too short to be a token")
    return key_id, body


def _keys(name: str, secret: SecretStr | None) -> list[bytes]:
    text = secret.get_secret_value().strip() if secret else ""
    if not text:
        raise PiiKeyError(f"{name} is not set; `python -m schema new-key` prints one")
    try:
        keys = [base64.b64decode(part.strip(), validate=True) for part in text.split(",")]
    except (binascii.Error, ValueError):
        raise PiiKeyError(f"{name} is not base64; `python -m schema new-key` prints a valid one") from None
    if any(len(key) != KEY_BYTES for key in keys):
        raise PiiKeyError(f"{name} must hold {KEY_BYTES} bytes; `python -m schema new-key` prints a valid one")
    return keys
