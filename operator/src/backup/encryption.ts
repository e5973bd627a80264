import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Duplex} from 'node:stream';
import decryptNode from '@aws-crypto/decrypt-node';
import encryptNode from '@aws-crypto/encrypt-node';
import materialNode from '@aws-crypto/material-management-node';
import keyringNode from '@aws-crypto/raw-aes-keyring-node';
import {BackupFailure} from './failure.ts';

const {buildEncrypt} = encryptNode;
const {buildDecrypt} = decryptNode;
const {AlgorithmSuiteIdentifier} = materialNode;
const {RawAesKeyringNode, RawAesWrappingSuiteIdentifier} = keyringNode;

/** Without a policy named, both refuse what is not committed to its key. */
const {encryptStream} = buildEncrypt();
const {decryptStream} = buildDecrypt();

/** The keyring's namespace, which whoever decrypts has to give again. */
const KEY_NAMESPACE = 'maintenance-api.io';
/** With key commitment, without a signature: the keys are symmetric, so whoever can read could sign too. */
const SUITE = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
const FRAME_BYTES = 1024 * 1024;

/** What is bound to the ciphertext and compared when it is decrypted. */
export interface Identity {
  readonly keyId: string;
  /** `<namespace>/<name>/<uid>/<id>`. */
  readonly backup: string;
  readonly content: 'dump' | 'manifest';
}

/** One key, ready for use. */
export interface BackupKey {
  readonly id: string;
  /** Plaintext in, message of the AWS Encryption SDK out. */
  encrypt(identity: Omit<Identity, 'keyId'>): Duplex;
  /** Message in, plaintext out; errors when it is not whole, or another backup's. */
  decrypt(identity: Omit<Identity, 'keyId'>): Duplex;
}

/**
 * Reads a key from a mounted Secret.
 *
 * @param folder - has a file for each key: 32 bytes in base64
 * @param id - the file's name
 * @throws BackupFailure KeyMissing
 */
export async function readKey(folder: string, id: string): Promise<BackupKey> {
  const text = await readFile(join(folder, id), 'utf8').catch((error: unknown) => {
    throw new BackupFailure('KeyMissing', `The Secret with the encryption keys has no key "${id}"`, error);
  });
  const bytes = Buffer.from(text.trim(), 'base64');
  if (!/^[A-Za-z0-9+/]{43}=\s*$/.test(text))
    throw new BackupFailure('KeyMissing', `Key "${id}" is not 32 bytes in base64 (openssl rand -base64 32 makes one)`);
  const keyring = new RawAesKeyringNode({
    keyName: id,
    keyNamespace: KEY_NAMESPACE,
    // The SDK asks for memory of its own: a small buffer shares its block with others.
    unencryptedMasterKey: Uint8Array.from(bytes),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  return {
    id,
    encrypt: (identity) =>
      encryptStream(keyring, {
        suiteId: SUITE,
        frameLength: FRAME_BYTES,
        encryptionContext: contextOf({...identity, keyId: id}),
      }),
    decrypt: (identity) => {
      const wanted = Object.entries(contextOf({...identity, keyId: id}));
      const stream = decryptStream(keyring);
      stream.once('MessageHeader', ({encryptionContext}: {encryptionContext: Readonly<Record<string, string>>}) => {
        if (wanted.every(([key, value]) => encryptionContext[key] === value)) return;
        stream.emit(
          'error',
          new BackupFailure('VerificationFailed', 'What was encrypted carries the identity of another backup'),
        );
      });
      return stream;
    },
  };
}

function contextOf({keyId, backup, content}: Identity): Record<string, string> {
  return {
    [`${KEY_NAMESPACE}/key-id`]: keyId,
    [`${KEY_NAMESPACE}/backup`]: backup,
    [`${KEY_NAMESPACE}/content`]: content,
  };
}
