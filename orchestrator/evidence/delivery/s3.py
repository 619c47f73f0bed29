"""A store of S3: one object in parts, which nobody sees before the last one; credentials are those of boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stopgap.orchestrator.evidence.delivery.destination import S3Prefix
from stopgap.orchestrator.evidence.delivery.stream import DeliveryError
from stopgap.orchestrator.text import tr

_LEAST = 8 << 20
"""Bytes of a part; S3 takes no smaller one than 5 MiB, save the last."""
_DOUBLED = 1000
"""Parts after which a part is twice as long: S3 takes 10,000 parts, and 5 TiB fit."""


class S3Store:
    """A new object; `AWS_PROFILE`, `AWS_ENDPOINT_URL_S3`, ~/.aws and the like say where and as whom (boto3)."""

    def __init__(self, to: S3Prefix, name: str) -> None:
        """Begin the object. Raises DeliveryError, also where a key is taken or boto3 is missing."""
        self.url = to.url(name)
        self._place = {"Bucket": to.bucket, "Key": f"{to.prefix}{name}"}
        self._gathered = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._upload: str | None = None
        self._is_there = False
        with self._told():
            self._client = _client()
            if self._exists():
                raise DeliveryError(tr("{url} is there already", url=self.url))
            self._upload = self._client.create_multipart_upload(**self._place)["UploadId"]

    def send(self, piece: bytes) -> None:
        """Gather pieces, and send each part that is full. Raises DeliveryError."""
        self._gathered += piece
        if len(self._gathered) >= _LEAST << len(self._parts) // _DOUBLED:
            self._send_part()

    def complete(self) -> None:
        """Send the last part, and have the object put together. Raises DeliveryError."""
        if self._gathered or not self._parts:
            self._send_part()
        with self._told():
            self._client.complete_multipart_upload(
                **self._place, UploadId=self._upload, MultipartUpload={"Parts": self._parts}, IfNoneMatch="*"
            )
        self._upload, self._is_there = None, True

    def read_back(self) -> Iterator[bytes]:
        """Yield what the store holds. Raises DeliveryError."""
        with self._told():
            yield from self._client.get_object(**self._place)["Body"].iter_chunks(1 << 20)

    def keep(self) -> None:
        """Do nothing: the object has its name."""

    def remove(self) -> None:
        """Remove the parts that were sent, or the object. Raises DeliveryError."""
        with self._told():
            if self._upload is not None:
                self._client.abort_multipart_upload(**self._place, UploadId=self._upload)
            elif self._is_there:
                self._client.delete_object(**self._place)

    def _send_part(self) -> None:
        number = len(self._parts) + 1
        with self._told():
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

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            from boto3.exceptions import Boto3Error  # noqa: PLC0415 (an extra)
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        except ImportError:
            raise DeliveryError(tr("for s3:// install boto3: pip install 'stopgap[s3]'")) from None
        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError, OSError) as error:
            raise DeliveryError(tr("{url}: {said}", url=self.url, said=str(error))) from None


def _client() -> Any:  # noqa: ANN401
    import boto3  # noqa: PLC0415 (an extra)

    return boto3.client("s3")
