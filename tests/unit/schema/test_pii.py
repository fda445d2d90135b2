"""Encryption at rest: what goes in comes out, and nothing else opens it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from config.settings import Settings
from schema.pii import PiiKeyError, PiiUnreadable, PiiVault, new_key

KEY, OTHER, INDEX = b"k" * 32, b"o" * 32, b"i" * 32
VAULT = PiiVault(KEY, INDEX)


@given(st.text())
def test_what_is_encrypted_can_be_decrypted(value: str) -> None:
    token = VAULT.encrypt(value)
    assert VAULT.decrypt(token) == value
    assert token.isascii()


@given(st.text(min_size=4))
def test_a_token_shows_nothing_and_never_repeats(value: str) -> None:
    first, second = VAULT.encrypt(value), VAULT.encrypt(value)
    assert first != second
    sealed = base64.urlsafe_b64decode(first.rsplit(".", 1)[1])
    assert value.encode() not in sealed


@given(st.text(), st.data())
def test_one_flipped_bit_is_noticed(value: str, data: st.DataObject) -> None:
    head, _, body = VAULT.encrypt(value).rpartition(".")
    sealed = bytearray(base64.urlsafe_b64decode(body))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PiiUnreadable):
        VAULT.decrypt(f"{head}.{base64.urlsafe_b64encode(bytes(sealed)).decode()}")


def test_version_and_key_id_are_authenticated() -> None:
    version, key_id, body = VAULT.encrypt("jane@owner.example").split(".")
    both = PiiVault(KEY, INDEX, [OTHER])
    other_id = PiiVault(OTHER, INDEX).encrypt("x").split(".")[1]
    assert both.decrypt(f"{version}.{key_id}.{body}") == "jane@owner.example"
    for forged in (f"{version}.{other_id}.{body}", f"v2.{key_id}.{body}"):
        with pytest.raises(PiiUnreadable):
            both.decrypt(forged)


@pytest.mark.parametrize(
    "token", ["", "jane@owner.example", "v1", "v1..", "v1.ab.", "v1.ab.%%%", "v1.ab.AAAA", "v1.é.a"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(PiiUnreadable):
        VAULT.decrypt(token)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(PiiUnreadable):
        PiiVault(OTHER, INDEX).decrypt(VAULT.encrypt("555-0100"))


def test_rotation_reads_old_tokens_and_writes_new_ones() -> None:
    old = VAULT.encrypt("555-0100")
    rotated = PiiVault(OTHER, INDEX, [KEY])
    assert not rotated.is_current(old)
    new = rotated.rotate(old)
    assert rotated.is_current(new)
    assert rotated.rotate(new) == new
    assert PiiVault(OTHER, INDEX).decrypt(new) == "555-0100"


@given(st.emails())
def test_the_blind_index_ignores_case_and_outer_spaces(email: str) -> None:
    index = VAULT.blind_index(email)
    assert index == VAULT.blind_index(f"  {email.upper()} ") == VAULT.blind_index(email.lower())
    assert len(index) == 64
    assert index != PiiVault(KEY, OTHER).blind_index(email)
    assert index != VAULT.blind_index(f"x{email}")


def _settings(encryption: str | None, index: str | None) -> Settings:
    keys = {"pii_encryption_key": encryption, "pii_index_key": index}
    return Settings(_env_file=None, **{name: SecretStr(key) for name, key in keys.items() if key is not None})


def test_keys_come_from_settings_with_retired_ones_behind() -> None:
    first, second, index = new_key(), new_key(), new_key()
    token = PiiVault.from_settings(_settings(first, index)).encrypt("555-0100")
    rotated = PiiVault.from_settings(_settings(f"{second}, {first}", index))
    assert rotated.decrypt(token) == "555-0100"
    assert not rotated.is_current(token)


@pytest.mark.parametrize(
    ("encryption", "index", "named"),
    [
        (None, new_key(), "PII_ENCRYPTION_KEY is not set"),
        (new_key(), None, "PII_INDEX_KEY is not set"),
        ("not base64!", new_key(), "PII_ENCRYPTION_KEY is not base64"),
        (new_key(), base64.b64encode(b"short").decode(), "PII_INDEX_KEY must hold 32 bytes"),
        (new_key(), f"{new_key()},{new_key()}", "PII_INDEX_KEY must be a single key"),
        ("a" * 43 + "=", "a" * 43 + "=", "must differ"),
    ],
    ids=["no key", "no index key", "not base64", "short", "two index keys", "equal"],
)
def test_bad_keys_are_named_and_not_shown(encryption: str | None, index: str | None, named: str) -> None:
    with pytest.raises(PiiKeyError, match=named) as caught:
        PiiVault.from_settings(_settings(encryption, index))
    for secret in filter(None, (encryption, index)):
        assert secret not in str(caught.value)
