#!/usr/bin/env python3
"""Decrypts an object of a backup, with nothing but its key: no operator, no cluster.

    pip install -r hack/decrypt-requirements.txt
    hack/decrypt.py KEY_ID KEY_FILE < dump.sql.zst.encrypted > dump.sql
    hack/decrypt.py KEY_ID KEY_FILE < manifest.json.encrypted > manifest.json

KEY_FILE holds 32 bytes in base64, as the Secret with the keys does; stub.json beside the object names KEY_ID. The output
is whole only when the exit code is 0: each MiB is authenticated before it is written, the end when it is reached.
"""
import base64
import shutil
import sys

import aws_encryption_sdk
import zstandard
from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider


class BackupKey(RawMasterKeyProvider):
    provider_id = "maintenance-api.io"

    def _get_raw_key(self, key_id):
        with open(sys.argv[2], encoding="ascii") as file:
            key = base64.b64decode(file.read().strip(), validate=True)
        return WrappingKey(WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, key, EncryptionKeyType.SYMMETRIC)


provider = BackupKey()
provider.add_master_key(sys.argv[1])
with aws_encryption_sdk.EncryptionSDKClient().stream(mode="d", source=sys.stdin.buffer, key_provider=provider) as plain:
    context = plain.header.encryption_context
    print(context["maintenance-api.io/content"], "of", context["maintenance-api.io/backup"], file=sys.stderr)
    if context["maintenance-api.io/content"] == "dump":
        plain = zstandard.ZstdDecompressor().stream_reader(plain, read_across_frames=True)
    shutil.copyfileobj(plain, sys.stdout.buffer)
