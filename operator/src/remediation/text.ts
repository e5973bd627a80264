/** RFC 3339 in UTC, from milliseconds. */
export function iso(time: number): string {
  return new Date(time).toISOString();
}

/** Milliseconds, from RFC 3339; undefined where there is none. */
export function at(time: string | undefined): number | undefined {
  const parsed = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** A share (0–1) in percent, at most three significant digits. */
export function percent(share: number): string {
  return `${figure(share * 100)}%`;
}

/** At most three significant digits. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A whole number. */
export function count(value: number): string {
  return String(Math.round(value));
}

/** Whole seconds, from milliseconds. */
export function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)}s`;
}

/** Cuts a text to what its field in status takes. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Names, the first few of them. */
export function list(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
