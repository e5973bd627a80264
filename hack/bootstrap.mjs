/**
 * The first step of every npm script: makes the dependencies match the lock file, then runs the work on Node.js 24.
 *
 *     node hack/bootstrap.mjs                        install only
 *     node hack/bootstrap.mjs script.ts args…        run a script
 *     node hack/bootstrap.mjs --bin NAME args…       run a program that a dependency brings
 *
 * It has no dependencies and runs on Node.js 18 and newer, because it is what fetches the rest. Standard input and
 * output, signals and the exit code are the work's own.
 */
import {spawn, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {constants} from 'node:os';
import {basename, delimiter, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const NODE_MAJOR = 24;
const INSTALL_UNDER_LOCK = '--install-under-lock';

const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.bootstrap-stamp');

class BootstrapError extends Error {}

/** What the installed tree must have been made from. */
function wantedStamp() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const platform = `${process.platform}-${process.arch}`;
  return `${createHash('sha256').update(lock).digest('hex')} ${platform}\n`;
}

function isInstalled() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedStamp();
}

function outcome(result, what) {
  if (result.error) throw new BootstrapError(`${what} could not be started: ${result.error.message}`);
  if (result.signal) throw new BootstrapError(`${what} was ended by ${result.signal}`);
  if (result.status !== 0) throw new BootstrapError(`${what} failed with exit code ${result.status}`);
}

/**
 * Runs npm ci in a child that holds the kernel's lock on a file. The lock lives as long as that child, so when this
 * process alone is killed the next one waits for the install that still runs, and when all are killed the lock is gone.
 */
function install() {
  const lockFile = join(root, '.bootstrap', 'lock');
  mkdirSync(dirname(lockFile), {recursive: true});
  const child = [process.execPath, self, INSTALL_UNDER_LOCK];
  // Standard output belongs to the work that follows; all that the install has to say goes to standard error.
  const options = {cwd: root, stdio: ['ignore', 2, 2]};
  const locked = spawnSync('flock', [lockFile, ...child], options);
  if (locked.error?.code !== 'ENOENT') return outcome(locked, 'installing the dependencies');
  console.error('bootstrap: this machine has no flock command; do not start two first runs at once');
  outcome(spawnSync(child[0], child.slice(1), options), 'installing the dependencies');
}

function installUnderLock() {
  if (isInstalled()) return;
  console.error('bootstrap: npm ci (the lock file is new here)');
  const stamp = wantedStamp();
  rmSync(stampFile, {force: true});
  const flags = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  outcome(spawnSync('npm', ['ci', ...flags], {cwd: root, stdio: ['ignore', 2, 2]}), 'npm ci');
  mkdirSync(modules, {recursive: true});
  writeFileSync(`${stampFile}.new`, stamp);
  renameSync(`${stampFile}.new`, stampFile);
}

/** The Node.js that runs the work: the one that the lock file pins, else this one if it is new enough. */
function findNode() {
  const bundled = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  throw new BootstrapError(
    `Node.js ${NODE_MAJOR} or newer is needed. npm has none for ${process.platform}-${process.arch} among the optional ` +
      `dependencies, and this is ${process.version}: install Node.js ${NODE_MAJOR} and run the command again with it.`,
  );
}

/** The command line of a dependency's program; one that isn't JavaScript is started as it is. */
function binCommand(node, name) {
  if (name === undefined || name !== basename(name)) throw new BootstrapError('--bin needs the name of a program');
  const link = join(modules, '.bin', name);
  if (!existsSync(link)) throw new BootstrapError(`no dependency brings a program named ${name}`);
  const file = realpathSync(link);
  const firstLine = readFileSync(file).subarray(0, 128).toString('latin1').split('\n', 1)[0] ?? '';
  return /^#!.*\bnode\b/.test(firstLine) ? [node, file] : [file];
}

function run(node, args) {
  const [command, ...rest] = args[0] === '--bin' ? [...binCommand(node, args[1]), ...args.slice(2)] : [node, ...args];
  const path = [dirname(node), join(modules, '.bin'), process.env.PATH].filter(Boolean).join(delimiter);
  const child = spawn(command, rest, {stdio: 'inherit', env: {...process.env, PATH: path}});

  const forward = (signal) => child.kill(signal);
  // A terminal sends these two to the whole foreground group: passing them on would deliver them twice.
  const fromTerminal = () => undefined;
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, process.stdin.isTTY ? fromTerminal : forward);

  child.on('error', (error) => fail(new BootstrapError(`${command} could not be started: ${error.message}`)));
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + constants.signals[signal] : code;
  });
}

function fail(error) {
  if (!(error instanceof BootstrapError)) throw error;
  console.error(`bootstrap: ${error.message}`);
  process.exitCode = 1;
}

try {
  const args = process.argv.slice(2);
  if (args[0] === INSTALL_UNDER_LOCK) {
    installUnderLock();
  } else {
    if (!isInstalled()) install();
    if (args.length > 0) run(findNode(), args);
  }
} catch (error) {
  fail(error);
}
