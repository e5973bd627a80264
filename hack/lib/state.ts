import {mkdir} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join, resolve} from 'node:path';

const PROJECT = 'maintenance-api';

/**
 * The folder of what can be built again: `$XDG_CACHE_HOME/maintenance-api` (XDG Base Directory Specification).
 * @param env - the environment to read
 */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(xdg(env, 'XDG_CACHE_HOME', '.cache'), PROJECT);
}

/**
 * The folder of what lives from one run to the next: `$XDG_STATE_HOME/maintenance-api`.
 * @param env - the environment to read
 */
export function stateRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(xdg(env, 'XDG_STATE_HOME', '.local/state'), PROJECT);
}

/** Creates, if need be, a folder below stateRoot and returns its absolute path. */
export async function stateDir(...parts: string[]): Promise<string> {
  const path = join(stateRoot(), ...parts);
  await mkdir(path, {recursive: true, mode: 0o700});
  return path;
}

function xdg(env: NodeJS.ProcessEnv, variable: string, fallback: string): string {
  const value = env[variable];
  // The specification: "All paths must be absolute … if relative, it should be considered invalid and ignored".
  return value?.startsWith('/') === true ? resolve(value) : join(env.HOME ?? homedir(), fallback);
}
