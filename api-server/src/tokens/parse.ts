/** One caller: the name goes to logs and scopes idempotency keys, the token itself is never shown. */
export interface TokenEntry {
  readonly name: string;
  readonly token: string;
}

/** The file of tokens isn't usable. The message names the line, never what it holds. */
export class TokenFileError extends Error {
  override readonly name = 'TokenFileError';
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** The characters of RFC 6750's b64token; at least 16, so that no token can be guessed by trying. */
const TOKEN = /^[A-Za-z0-9._~+/-]{16,512}=*$/;

/**
 * Reads a file of bearer tokens: a line per token, `<name>:<token>`; empty lines and lines that begin with `#` don't count.
 * A name may come twice with two tokens, which is how a token is rotated.
 *
 * @throws {TokenFileError} when a line is malformed, or there is no token at all.
 */
export function parseTokens(text: string): readonly TokenEntry[] {
  const entries: TokenEntry[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const separator = line.indexOf(':');
    const name = line.slice(0, Math.max(separator, 0));
    const token = line.slice(separator + 1);
    if (!NAME.test(name) || !TOKEN.test(token)) {
      throw new TokenFileError(
        `Line ${index + 1} must be <name>:<token>, with a name of lower-case letters, digits and hyphens ` +
          'and a token of 16 to 512 of the characters A-Z a-z 0-9 . _ ~ + / -',
      );
    }
    entries.push({name, token});
  }
  if (entries.length === 0) throw new TokenFileError('There is no token in it');
  return entries;
}
