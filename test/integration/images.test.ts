import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {execFileSync} from 'node:child_process';
import {chown, mkdir, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {apiImage, derivedImage, mysqlImage} from '../../hack/images/index.ts';
import type {Image} from '../../hack/images/index.ts';
import {temporaryFolder} from '../../hack/images/temporary.ts';
import {run} from '../../hack/lib/exec.ts';
import {createProgress} from '../../hack/lib/progress.ts';
import {startMysqld} from '../harness/mysqld.ts';
import type {Mysqld} from '../harness/mysqld.ts';

/** Of the API's image: a young generation that fits its pod. */
const ENTRY_POINT = ['node', '--max-semi-space-size=4', '--no-parallel-scavenge', '/app/server.mjs'];

// The root filesystems are made by the first call on a machine.
jest.setTimeout(300_000);

const progress = createProgress();
let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder('images');
});

afterAll(async () => {
  await rm(folder, {recursive: true, force: true});
});

interface Manifest {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

interface Config {
  readonly config: {readonly User?: string; readonly Entrypoint?: readonly string[]; readonly Env: readonly string[]};
  readonly rootfs: {readonly diff_ids: readonly string[]};
}

const member = (image: Image, name: string): string =>
  execFileSync('tar', ['-xOf', image.archive, name], {maxBuffer: 1 << 30}).toString();

function describeImage(image: Image): {manifest: Manifest; config: Config} {
  const [manifest] = JSON.parse(member(image, 'manifest.json')) as [Manifest];
  return {manifest, config: JSON.parse(member(image, manifest.Config)) as Config};
}

/** Unpacks an image as a container runtime does, layer by layer. */
async function unpack(image: Image, name: string): Promise<string> {
  const [archive, root] = [join(folder, `${name}.archive`), join(folder, name)];
  for (const path of [archive, root]) await mkdir(path);
  await run(['tar', '-xf', image.archive, '-C', archive]);
  for (const layer of describeImage(image).manifest.Layers) await run(['tar', '-xf', join(archive, layer), '-C', root]);
  await rm(archive, {recursive: true});
  return root;
}

describe("the API's image", () => {
  let image: Image;
  let root: string;
  let mysql: Mysqld;

  beforeAll(async () => {
    mysql = await startMysqld({progress});
    image = await apiImage(progress);
    root = await unpack(image, 'api');
  });

  afterAll(async () => {
    await mysql.stop();
  });

  test('runs as a user without a name, from a name that says its content', () => {
    const {manifest, config} = describeImage(image);
    expect(manifest.RepoTags).toEqual([image.ref]);
    expect(image.ref).toMatch(/^localhost\/maintenance-api\/api:[0-9a-f]{12}$/);
    expect(config.config).toMatchObject({User: '65532:65532', Entrypoint: ENTRY_POINT});
  });

  test('migrates a real database', async () => {
    const database = await mysql.createDatabase();
    await writeFile(join(root, 'password'), database.password, {mode: 0o644});
    const env = {
      PATH: '/usr/local/bin',
      DB_HOST: database.host,
      DB_PORT: String(database.port),
      DB_NAME: database.database,
      DB_USER: database.user,
      DB_PASSWORD_FILE: '/password',
    };
    const entryPoint = describeImage(image).config.config.Entrypoint ?? [];
    await run(['/usr/sbin/chroot', '--userspec=65532:65532', root, ...entryPoint, 'migrate'], {env});
    const connection = await mysql.connect();
    const [rows] = await connection.query(
      `SELECT version FROM ${database.database}.schema_migrations ORDER BY version`,
    );
    await connection.end();
    const sources = await readdir(join(import.meta.dirname, '../../api-server/src/migrations'));
    expect(sources.length).toBeGreaterThan(1);
    expect(rows).toEqual(sources.map((_file, index) => ({version: index + 1})));
  });

  test('is built once for the same sources', async () => {
    const before = (await stat(image.archive)).mtimeMs;
    expect(await apiImage(progress)).toEqual(image);
    expect((await stat(image.archive)).mtimeMs).toBe(before);
  });

  test('can be built upon, and shares its layers with what is', async () => {
    const context = join(folder, 'derived');
    await mkdir(context);
    const dockerfile = join(context, 'Dockerfile');
    await writeFile(dockerfile, 'ARG API_IMAGE\nFROM ${API_IMAGE}\nCOPY extra.mjs /app/\nENV EXTRA=yes\n');
    const build = async (content: string): Promise<Image> => {
      await writeFile(join(context, 'extra.mjs'), content);
      return derivedImage({name: 'api-extra', from: image, dockerfile}, progress);
    };
    const one = await build('1');
    const two = await build('2');
    expect(two.ref).not.toBe(one.ref);
    expect(await build('1')).toEqual(one);

    const {config} = describeImage(one);
    expect(config.config).toMatchObject({User: '65532:65532', Entrypoint: ENTRY_POINT});
    expect(config.config.Env).toContain('EXTRA=yes');
    const own = describeImage(image).config.rootfs.diff_ids;
    expect(config.rootfs.diff_ids.slice(0, -1)).toEqual(own);
    expect(await readFile(join(await unpack(one, 'one'), 'app/extra.mjs'), 'utf8')).toBe('1');
  });

  test('with a wrong Dockerfile fails with what buildah says, and leaves no image', async () => {
    const dockerfile = join(folder, 'derived', 'Dockerfile.wrong');
    await writeFile(dockerfile, 'ARG API_IMAGE\nFROM ${API_IMAGE}\nCOPY absent.mjs /app/\n');
    const wrong = derivedImage({name: 'api-wrong', from: image, dockerfile}, progress);
    await expect(wrong).rejects.toThrow('absent.mjs');
  });
});

test("MySQL's image initialises a data folder as user 999", async () => {
  const image = await mysqlImage(progress);
  const root = await unpack(image, 'mysql');
  const {config} = describeImage(image);
  const data = join(root, 'var/lib/mysql');
  await chown(data, 999, 999);
  const env = Object.fromEntries(config.config.Env.map((entry) => entry.split('=', 2)));
  const chroot = ['/usr/sbin/chroot', '--userspec=mysql:mysql', root] as const;
  const script = 'mysqld --no-defaults --initialize-insecure --datadir=/var/lib/mysql/data.tmp && mv -T data.tmp data';
  await run([...chroot, 'sh', '-euc', `cd /var/lib/mysql; ${script}; sync data`], {env});
  expect((await stat(join(data, 'data/auto.cnf'))).uid).toBe(999);
  for (const program of ['mysql', 'mysqldump', 'mysqladmin', 'mysqld']) {
    expect((await run([...chroot, program, '--version'], {env})).stdout).toMatch(/ 9\.\d+\.\d+/);
  }
});
