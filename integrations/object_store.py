"""The S3-compatible object store: originals, processed images, sidecars (spec 3.3.2).

Works against any S3 endpoint. Like every vendor client it raises only `VendorError`s.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from integrations.http import (
    VendorError,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
)

if TYPE_CHECKING:
    from config.settings import Settings

VENDOR = "object_store"
MAX_OBJECT_BYTES = 32_000_000
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_WORTH_A_RETRY = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "Throttling",
    "RequestTimeTooSkewed",
}


class ObjectMissing(VendorRejected):
    """There is no object under this key."""


class ObjectStore:
    """A bucket. The connection opens on first use; `close()` (or `async with`) ends it."""

    def __init__(
        self,
        *,
        endpoint: str | None,
        bucket: str,
        region: str,
        access_key: str,
        secret_key: str,
        pool_size: int = 10,
    ) -> None:
        self.bucket = bucket
        self._endpoint = endpoint
        self._region = region
        self._access_key = access_key
        self._secret_key = secret_key
        self._pool_size = pool_size
        self._exit = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Any = None

    @classmethod
    def from_settings(cls, settings: "Settings", pool_size: int = 10) -> Self:
        """The bucket that the settings name."""
        return cls(
            endpoint=settings.s3_endpoint,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            access_key=settings.aws_access_key_id,
            secret_key=settings.aws_secret_access_key.get_secret_value(),
            pool_size=pool_size,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections; the store opens again when used again."""
        async with self._opening:
            self._client = None
            await self._exit.aclose()

    async def ping(self) -> None:
        """Raises a VendorError unless the bucket answers."""
        async with self._calling("ping") as s3:
            await s3.head_bucket(Bucket=self.bucket)

    async def ensure_bucket(self) -> None:
        """Creates the bucket unless it is there."""
        try:
            await self.ping()
        except ObjectMissing:
            options: dict[str, Any] = {}
            if self._endpoint is None and self._region != "us-east-1":
                options["CreateBucketConfiguration"] = {"LocationConstraint": self._region}
            async with self._calling("create_bucket") as s3:
                try:
                    await s3.create_bucket(Bucket=self.bucket, **options)
                except s3.exceptions.ClientError as error:
                    if _code(error) not in _OURS_ALREADY:
                        raise

    async def put(
        self,
        key: str,
        content: bytes,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Stores `content` under `key`, replacing what was there; returns its SHA-256 in hex."""
        digest = hashlib.sha256(content).hexdigest()
        async with self._calling("put") as s3:
            await s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={**(metadata or {}), "sha256": digest},
            )
        return digest

    async def get(self, key: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """The object's bytes. Raises ObjectMissing, or VendorUnreadable when it is larger than `max_bytes`."""
        async with self._calling("get") as s3:
            answer = await s3.get_object(Bucket=self.bucket, Key=key)
            async with answer["Body"] as stream:
                if answer["ContentLength"] > max_bytes:
                    raise VendorUnreadable(VENDOR, "get", f"the object is larger than {max_bytes} bytes")
                content: bytes = await stream.read()
        if len(content) != answer["ContentLength"]:
            raise VendorUnavailable(VENDOR, "get", "the object arrived cut short")
        return content

    async def exists(self, key: str) -> bool:
        """Whether there is an object under `key`."""
        try:
            async with self._calling("exists") as s3:
                await s3.head_object(Bucket=self.bucket, Key=key)
        except ObjectMissing:
            return False
        return True

    async def presign_get(self, key: str, seconds: int = 900) -> str:
        """A URL that anyone may GET the object with for `seconds` (at most seven days, says S3)."""
        async with self._calling("presign") as s3:
            url: str = await s3.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key},
                ExpiresIn=seconds,
            )
        return url

    @asynccontextmanager
    async def _calling(self, operation: str) -> AsyncIterator[Any]:
        """The S3 client, with botocore's and aiohttp's errors told as VendorErrors of `operation`."""
        import aiohttp
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield await self._open()
        except ClientError as error:
            raise _told(operation, error) from error
        except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
            # botocore's own messages quote the URL, and with it the bucket and key.
            raise VendorUnavailable(VENDOR, operation, type(error).__name__) from error

    async def _open(self) -> Any:
        if self._client is not None:
            return self._client
        async with self._opening:
            if self._client is None:
                from aiobotocore.config import AioConfig
                from aiobotocore.session import get_session

                config = AioConfig(
                    signature_version="s3v4",
                    s3={"addressing_style": "path"} if self._endpoint else {},
                    max_pool_connections=self._pool_size,
                    connect_timeout=CONNECT_TIMEOUT_SECONDS,
                    read_timeout=READ_TIMEOUT_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 2},
                    # Checksum trailers are an AWS extension that other S3 servers need not understand.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                )
                client = get_session().create_client(
                    "s3",
                    region_name=self._region,
                    endpoint_url=self._endpoint,
                    aws_access_key_id=self._access_key,
                    aws_secret_access_key=self._secret_key,
                    config=config,
                )
                self._client = await self._exit.enter_async_context(client)
            return self._client


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _told(operation: str, error: Any) -> VendorError:
    code = _code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in _MISSING or status == 404:
        return ObjectMissing(VENDOR, operation, "no such object", 404)
    if code in _WORTH_A_RETRY or status == 429 or status >= 500:
        return VendorUnavailable(VENDOR, operation, f"HTTP {status} {code}")
    return VendorRejected(VENDOR, operation, f"HTTP {status} {code}", status)
