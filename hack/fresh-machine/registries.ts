import {cp, mkdir, readFile, stat, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {dirname, join} from 'node:path';
import {isNotFound} from '../lib/errors.ts';
import {run} from '../lib/exec.ts';

/**
 * Variables that say how to reach registries; all others of this machine are left behind. Of the package managers' own
 * those are left out that name folders: they would bring this machine's caches along.
 */
const KEEP_VARIABLE =
  /^(https?_proxy|no_proxy|all_proxy|npm_config_.*|pip_.*|go(proxy|noproxy|private|nosumdb|sumdb|insecure|flags|toolchain|vcs|auth)|ssl_cert_(file|dir)|node_extra_ca_certs|requests_ca_bundle|curl_ca_bundle|debian_mirror)$/i;
const NAMES_A_FOLDER =
  /(cache|_dir|prefix|userconfig|globalconfig|local_prefix|nodedir|init_module|node_gyp|build|target|find_links)$/i;

/** Those of them that name a file with certificates. */
const NAMES_CERTIFICATES =
  /^(ssl_cert_file|node_extra_ca_certs|requests_ca_bundle|curl_ca_bundle|pip_cert|npm_config_cafile)$/i;

/** Settings in the files of npm and Go that name folders of this machine. */
const FOLDER_SETTING =
  /^\s*(cache|prefix|nodedir|userconfig|globalconfig|GO(CACHE|MODCACHE|PATH|BIN|TMPDIR|ENV|ROOT))\s*=/i;

/**
 * What of an environment a fresh machine would be set up with too: how to reach registries.
 * @param env - this machine's environment
 */
export function registryEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && KEEP_VARIABLE.test(name) && !NAMES_A_FOLDER.test(name)) kept[name] = value;
  }
  return kept;
}

/**
 * Removes the settings that name folders.
 * @param text - content of an npmrc or a Go environment file
 */
export function withoutFolders(text: string): string {
  return text
    .split('\n')
    .filter((line) => !FOLDER_SETTING.test(line))
    .join('\n');
}

/**
 * Copies the user's settings of npm and Go into another home.
 * @param home - absolute path of the other home
 */
export async function copyUserSettings(home: string): Promise<void> {
  const npmrc = process.env['NPM_CONFIG_USERCONFIG'] ?? join(homedir(), '.npmrc');
  await copyText(npmrc, join(home, '.npmrc'));
  const {stdout} = await run(['go', 'env', 'GOENV']);
  if (stdout.trim() !== '' && stdout.trim() !== 'off') await copyText(stdout.trim(), join(home, '.config/go/env'));
}

/**
 * Copies what all users of this machine share: how apt, npm and pip reach their registries, and which certificate
 * authorities are trusted on the way.
 * @param root - root folder of the fresh machine, a Debian with its own list of apt sources
 */
export async function copySystemSettings(root: string): Promise<void> {
  const {stdout: acquire} = await run(['apt-config', 'dump', 'Acquire']);
  await mkdir(join(root, 'etc/apt/apt.conf.d'), {recursive: true});
  await writeFile(join(root, 'etc/apt/apt.conf.d/99acquire'), acquire);
  const {stdout: globalconfig} = await run(['npm', 'config', 'get', 'globalconfig'], {cwd: homedir()});
  await copyText(globalconfig.trim(), join(root, 'usr/local/etc/npmrc'));
  for (const path of [
    'etc/apt/auth.conf',
    'etc/apt/auth.conf.d',
    'etc/hosts',
    'etc/pip.conf',
    'etc/resolv.conf',
    'etc/ssl/certs/ca-certificates.crt',
    'usr/local/share/ca-certificates',
  ]) {
    await copyIfThere(join('/', path), join(root, path));
  }
  for (const [name, path] of Object.entries(process.env)) {
    if (path?.startsWith('/') === true && NAMES_CERTIFICATES.test(name)) await copyIfThere(path, join(root, path));
  }
}

async function copyText(from: string, to: string): Promise<void> {
  try {
    const text = await readFile(from, 'utf8');
    await mkdir(dirname(to), {recursive: true});
    await writeFile(to, withoutFolders(text), {mode: 0o600});
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await stat(from);
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  await mkdir(dirname(to), {recursive: true});
  // A link would lead to a path of this machine.
  await cp(from, to, {recursive: true, dereference: true, force: true});
}
