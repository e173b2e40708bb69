"""An object store on loopback: moto's S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "threadlab-test"
KEYS = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Serve S3 with one empty bucket; the server's address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id=KEYS["access_key_id"],
            aws_secret_access_key=KEYS["secret_access_key"],
            region_name=KEYS["region"],
        )
        client.create_bucket(Bucket=BUCKET)
        yield address
    finally:
        server.stop()
