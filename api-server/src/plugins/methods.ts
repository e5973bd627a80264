/** Methods that change nothing (RFC 9110, section 9.2.1), as far as Fastify routes them at all. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Whether a request with this method may change something. */
export function isWrite(method: string): boolean {
  return !SAFE.has(method);
}
