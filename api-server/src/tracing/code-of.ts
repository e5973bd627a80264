/** The code of an error of Node.js, of the driver or of a receiver's answer; else its class. Never its message. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' || typeof code === 'number' ? String(code) : error.name;
}
