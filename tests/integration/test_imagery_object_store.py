"""The object store client against the real S3 server."""

import hashlib
import socket
from datetime import timedelta

import httpx
import pytest

from config.settings import Settings
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.object_store import ObjectMissing, ObjectStore


async def test_what_is_put_is_got(object_store: ObjectStore) -> None:
    content = bytes(range(256)) * 400
    digest = await object_store.put("images/a/b.jpg", content, "image/jpeg", {"view": "front"})
    assert digest == hashlib.sha256(content).hexdigest()
    assert await object_store.get("images/a/b.jpg") == content
    assert await object_store.exists("images/a/b.jpg")
    await object_store.put("images/a/b.jpg", b"second", "image/jpeg")
    assert await object_store.get("images/a/b.jpg") == b"second"


async def test_a_missing_object_is_no_error_to_exists_and_one_to_get(object_store: ObjectStore) -> None:
    assert not await object_store.exists("images/none.jpg")
    with pytest.raises(ObjectMissing) as missing:
        await object_store.get("images/none.jpg")
    assert missing.value.status == 404
    assert "none.jpg" not in str(missing.value)


async def test_a_large_object_is_not_read(object_store: ObjectStore) -> None:
    await object_store.put("big", b"x" * 5000, "application/octet-stream")
    with pytest.raises(VendorUnreadable):
        await object_store.get("big", max_bytes=4999)
    assert len(await object_store.get("big", max_bytes=5000)) == 5000


async def test_a_presigned_link_opens_the_object_and_no_other(object_store: ObjectStore) -> None:
    await object_store.put("images/shown.jpg", b"shown", "image/jpeg", {"view": "front"})
    await object_store.put("images/hidden.jpg", b"hidden", "image/jpeg")
    url = await object_store.presign_get("images/shown.jpg", 60)
    async with httpx.AsyncClient(trust_env=False) as browser:
        shown = await browser.get(url)
        assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, b"shown", "image/jpeg")
        assert shown.headers["x-amz-meta-sha256"] == hashlib.sha256(b"shown").hexdigest()
        assert shown.headers["x-amz-meta-view"] == "front"
        assert (await browser.get(url.replace("shown", "hidden"))).status_code == 403
        assert (await browser.get(url.partition("?")[0])).status_code == 403


async def test_ensure_bucket_may_be_repeated(settings: Settings) -> None:
    async with ObjectStore.from_settings(
        settings.model_copy(update={"s3_bucket": "new-" + settings.s3_bucket[:40]})
    ) as new:
        with pytest.raises(ObjectMissing):
            await new.ping()
        for _ in range(2):
            await new.ensure_bucket()
        await new.ping()


async def test_wrong_credentials_are_rejected(settings: Settings, object_store: ObjectStore) -> None:
    from pydantic import SecretStr

    wrong = settings.model_copy(update={"aws_secret_access_key": SecretStr("wrong")})
    async with ObjectStore.from_settings(wrong) as store:
        with pytest.raises(VendorRejected) as refused:
            await store.put("a", b"a", "text/plain")
    assert refused.value.status == 403


async def test_a_store_that_is_down_is_unavailable_and_closing_is_safe() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        store = ObjectStore(
            endpoint=f"http://127.0.0.1:{port}", bucket="b", region="us-east-1", access_key="a", secret_key="b"
        )
        with pytest.raises(VendorUnavailable) as down:
            await store.get("key")
        assert str(port) not in str(down.value)
        await store.close()
        await store.close()


async def test_it_opens_again_after_closing(object_store: ObjectStore) -> None:
    await object_store.put("a", b"a", "text/plain")
    await object_store.close()
    assert await object_store.get("a") == b"a"


async def test_many_at_once_share_a_bounded_pool(settings: Settings, object_store: ObjectStore) -> None:
    import asyncio

    async with ObjectStore.from_settings(settings, pool_size=3) as store:
        keys = [f"many/{number}" for number in range(40)]
        async with asyncio.timeout(timedelta(seconds=60).total_seconds()):
            await asyncio.gather(*(store.put(key, key.encode(), "text/plain") for key in keys))
            got = await asyncio.gather(*(store.get(key) for key in keys))
    assert got == [key.encode() for key in keys]
