/** RFC 3339 with microseconds, as MicroTime is written on the wire. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
