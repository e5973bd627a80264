/** What a token may do: `read` is GET and HEAD, `write` everything else. */
export const SCOPES = ['read', 'write'] as const;
export type Scope = (typeof SCOPES)[number];

/** One caller: the name goes to logs and scopes idempotency keys, the token itself is never shown. */
export interface TokenEntry {
  readonly name: string;
  readonly token: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Milliseconds since the epoch from which the token counts no more. */
  readonly expires: number | undefined;
}

/** The file of tokens isn't usable. The message names the line, never what it holds. */
export class TokenFileError extends Error {
  override readonly name = 'TokenFileError';
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** The characters of RFC 6750's b64token; at least 16, so that no token can be guessed by trying. */
const TOKEN = /^[A-Za-z0-9._~+/-]{16,512}=*$/;
/** RFC 3339 with its zone: a time without one would be another moment on another machine. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/;
const EVERY_SCOPE: ReadonlySet<Scope> = new Set(SCOPES);

/**
 * Reads a file of bearer tokens: a line per token, `<name>:<token>`, and after it, separated by blanks, `scopes=read`,
 * `scopes=write` or `scopes=read,write` (left out: both) and `expires=<RFC 3339 time>`. Empty lines and lines that begin
 * with `#` don't count. A name may come twice with two tokens, which is how a token is rotated.
 *
 * @throws {TokenFileError} when a line is malformed, or there is no token at all.
 */
export function parseTokens(text: string): readonly TokenEntry[] {
  const entries: TokenEntry[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [credential = '', ...attributes] = line.split(/\s+/);
    const separator = credential.indexOf(':');
    const name = credential.slice(0, Math.max(separator, 0));
    const token = credential.slice(separator + 1);
    if (!NAME.test(name) || !TOKEN.test(token)) {
      throw new TokenFileError(
        `Line ${index + 1} must be <name>:<token>, with a name of lower-case letters, digits and hyphens ` +
          'and a token of 16 to 512 of the characters A-Z a-z 0-9 . _ ~ + / -',
      );
    }
    entries.push({name, token, ...parseAttributes(attributes, index + 1)});
  }
  if (entries.length === 0) throw new TokenFileError('There is no token in it');
  return entries;
}

function parseAttributes(attributes: readonly string[], line: number): Pick<TokenEntry, 'scopes' | 'expires'> {
  let scopes: ReadonlySet<Scope> | undefined;
  let expires: number | undefined;
  for (const attribute of attributes) {
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(attribute) ?? [];
    if (key === 'scopes' && scopes === undefined) scopes = parseScopes(value, line);
    else if (key === 'expires' && expires === undefined) expires = parseTime(value, line);
    else
      throw new TokenFileError(
        `Line ${line} may have scopes= and expires= after its token, each once, and nothing else`,
      );
  }
  return {scopes: scopes ?? EVERY_SCOPE, expires};
}

function parseScopes(value: string, line: number): ReadonlySet<Scope> {
  const scopes = value.split(',').map((text) => SCOPES.find((scope) => scope === text));
  if (scopes.every((scope) => scope !== undefined)) return new Set(scopes);
  throw new TokenFileError(`Line ${line}: scopes= takes ${SCOPES.join(' and ')}, separated by a comma`);
}

function parseTime(value: string, line: number): number {
  const time = TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new TokenFileError(`Line ${line}: expires= takes a time with its zone, such as 2027-01-31T00:00:00Z`);
}
