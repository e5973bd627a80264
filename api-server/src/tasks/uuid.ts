import {randomBytes} from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * A UUID of version 7 (RFC 9562, section 5.7): 48 bits of time, then chance. Sorted as text, ids are in order of
 * creation, which is what the list's cursor stands on. (`crypto.randomUUIDv7` isn't in every Node 24.)
 *
 * @param now milliseconds since the epoch.
 */
export function uuidV7(now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Whether a text is an id as `uuidV7` makes them; anything else can't be the id of a task. */
export function isTaskId(text: string): boolean {
  return UUID.test(text);
}
