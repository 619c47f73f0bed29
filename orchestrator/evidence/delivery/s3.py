"""A store of S3: an object is seen once it is whole, and replaces none; credentials are those of boto3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stopgap.orchestrator.evidence.delivery.destination import S3Prefix
from stopgap.orchestrator.evidence.delivery.stream import DeliveryError, MissingError
from stopgap.orchestrator.text import tr

_LEAST = 8 << 20
"""Bytes of a part; S3 takes no smaller one than 5 MiB, save the last."""
_CONNECT, _READ = 5, 60
"""Seconds in which a store has to take a connection, and to answer."""
_DOUBLED = 1000
"""Parts after which a part is twice as long: S3 takes 10,000 parts, and 5 TiB fit."""


class S3Store:
    """A new object; `AWS_PROFILE`, `AWS_ENDPOINT_URL_S3`, ~/.aws and the like say where and as whom (boto3).

    An object of a few bytes is sent at once, a longer one in parts.
    """

    def __init__(self, to: S3Prefix, name: str) -> None:
        """Begin the object. Raises DeliveryError, also where a key is taken or boto3 is missing."""
        self.url = to.url(name)
        self._place = {"Bucket": to.bucket, "Key": f"{to.prefix}{name}"}
        self._gathered = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._upload: str | None = None
        self._is_there = False
        with told(self.url):
            self._client = client()
            if self._exists():
                raise DeliveryError(tr("{url} is there already", url=self.url))

    def send(self, piece: bytes) -> None:
        """Gather pieces, and send each part that is full. Raises DeliveryError."""
        self._gathered += piece
        if len(self._gathered) >= _LEAST << len(self._parts) // _DOUBLED:
            self._send_part()

    def complete(self) -> None:
        """Send the whole, or the last part, and have the object put together. Raises DeliveryError."""
        if self._gathered and self._parts:
            self._send_part()
        with told(self.url):
            if self._upload is None:
                self._client.put_object(**self._place, Body=bytes(self._gathered), IfNoneMatch="*")
            else:
                self._client.complete_multipart_upload(
                    **self._place, UploadId=self._upload, MultipartUpload={"Parts": self._parts}, IfNoneMatch="*"
                )
        self._upload, self._is_there = None, True

    def read_back(self) -> Iterator[bytes]:
        """Return what the store holds, in pieces. Raises DeliveryError."""
        return object_of(self._client, self._place, self.url)

    def keep(self) -> None:
        """Do nothing: the object has its name."""

    def remove(self) -> None:
        """Remove the parts that were sent, or the object. Raises DeliveryError."""
        with told(self.url):
            if self._upload is not None:
                self._client.abort_multipart_upload(**self._place, UploadId=self._upload)
            elif self._is_there:
                self._client.delete_object(**self._place)

    def _send_part(self) -> None:
        number = len(self._parts) + 1
        with told(self.url):
            if self._upload is None:
                self._upload = self._client.create_multipart_upload(**self._place)["UploadId"]
            sent = self._client.upload_part(
                **self._place, UploadId=self._upload, PartNumber=number, Body=bytes(self._gathered)
            )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._gathered.clear()

    def _exists(self) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (an extra)

        try:
            self._client.head_object(**self._place)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True


def object_of(client: Any, place: Mapping[str, str], url: str) -> Iterator[bytes]:  # noqa: ANN401
    """Yield an object in pieces. Raises DeliveryError; MissingError without the object."""
    with told(url):
        yield from client.get_object(**place)["Body"].iter_chunks(1 << 20)


def remove_parts(client: Any, bucket: str, prefix: str, url: str) -> None:  # noqa: ANN401
    """Remove parts below a prefix whose process died before their object was whole. Raises DeliveryError."""
    with told(url):
        found = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
        for upload in found.get("Uploads", ()):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


@contextmanager
def told(url: str) -> Iterator[None]:
    """Raise what S3 answers as DeliveryError; a missing object as MissingError."""
    try:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 (an extra)
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # noqa: PLC0415
    except ImportError:
        raise DeliveryError(tr("for s3:// install boto3: pip install 'stopgap[s3]'")) from None
    try:
        yield
    except ClientError as error:
        kind = MissingError if error.response.get("Error", {}).get("Code") == "NoSuchKey" else DeliveryError
        raise kind(tr("{url}: {said}", url=url, said=str(error))) from None
    except (Boto3Error, BotoCoreError, HTTPClientError, OSError) as error:
        raise DeliveryError(tr("{url}: {said}", url=url, said=str(error))) from None


def client() -> Any:  # noqa: ANN401
    """Return a client of S3 that gives a store some seconds to answer, and tries a failed request twice again."""
    import boto3  # noqa: PLC0415 (an extra)
    from botocore.config import Config  # noqa: PLC0415

    retries = {"total_max_attempts": 3, "mode": "standard"}
    return boto3.client("s3", config=Config(connect_timeout=_CONNECT, read_timeout=_READ, retries=retries))
