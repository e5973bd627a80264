import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {stringify} from 'yaml';
import {silentProgress} from '../../hack/lib/progress.ts';
import {prometheus} from '../../hack/prometheus/programs.ts';
import {freePort, spawnServer, type ServerProcess} from './mysqld-process.ts';
import {waitFor} from './wait.ts';

/** One series of an instant query's answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** One series of a range selector's answer. */
interface Series {
  readonly values: readonly (readonly [number, string])[];
}

/** A target as Prometheus knows it. */
export interface Target {
  readonly labels: Readonly<Record<string, string>>;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

/** An alert as Prometheus knows it. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** What Prometheus made of a group of rules. */
export interface RuleGroup {
  /** Where it was loaded from; the Prometheus operator names it `<namespace>-<name>-<uid>.yaml`. */
  readonly file: string;
  readonly rules: readonly {
    readonly name: string;
    readonly type: string;
    readonly health: string;
    readonly lastError?: string;
  }[];
}

/** What tests ask of a Prometheus server, wherever it runs. */
export class PrometheusApi {
  readonly #ask: (path: string) => Promise<string>;

  /** @param ask - gives the body of the answer to a path, for example `/api/v1/targets` */
  constructor(ask: (path: string) => Promise<string>) {
    this.#ask = ask;
  }

  /** An instant query. */
  async query(query: string): Promise<readonly Sample[]> {
    const {result} = await this.#get<{result: readonly Sample[]}>(`query?${new URLSearchParams({query}).toString()}`);
    return result;
  }

  /** The number that a query gives; undefined where it gives no series. */
  async figure(query: string): Promise<number | undefined> {
    const [sample] = await this.query(query);
    return sample === undefined ? undefined : Number(sample.value[1]);
  }

  /** When a series was there, by its samples: Unix times in milliseconds, oldest first. @param range - for example `15m` */
  async history(selector: string, range: string): Promise<readonly number[]> {
    const query = new URLSearchParams({query: `${selector}[${range}]`}).toString();
    const {result} = await this.#get<{result: readonly Series[]}>(`query?${query}`);
    const times = result.flatMap(({values}) => values.map(([seconds]) => seconds * 1000));
    return [...new Set(times)].sort((a, b) => a - b);
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.#get<{activeTargets: readonly Target[]}>('targets?state=active')).activeTargets;
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.#get<{alerts: readonly Alert[]}>('alerts')).alerts;
  }

  async rules(): Promise<readonly RuleGroup[]> {
    return (await this.#get<{groups: readonly RuleGroup[]}>('rules')).groups;
  }

  async #get<T>(path: string): Promise<T> {
    const body = JSON.parse(await this.#ask(`/api/v1/${path}`)) as {status: string; data: T; error?: string};
    if (body.status !== 'success') throw new Error(`Prometheus answered: ${body.error ?? ''}`);
    return body.data;
  }
}

/** A Prometheus server on the loopback interface, which ends with this process. */
export class PrometheusServer extends PrometheusApi {
  readonly url: string;
  readonly #folder: string;
  readonly #command: readonly [string, ...string[]];
  #server: ServerProcess;

  private constructor(folder: string, port: number, command: readonly [string, ...string[]]) {
    const url = `http://127.0.0.1:${String(port)}`;
    super(async (path) => (await fetch(`${url}${path}`)).text());
    this.url = url;
    this.#folder = folder;
    this.#command = command;
    this.#server = spawnServer(command);
  }

  /**
   * Starts a server and waits until it answers. The first call on a machine builds it, which takes minutes.
   *
   * @param config - prometheus.yml
   * @param flags - of its command line, for example `--query.max-samples=100`
   */
  static async start(config: object, flags: readonly string[] = []): Promise<PrometheusServer> {
    const program = await prometheus(silentProgress);
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const file = join(folder, 'prometheus.yml');
    await writeFile(file, stringify(config));
    const port = await freePort();
    const server = new PrometheusServer(folder, port, [
      ...([program, `--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`] as const),
      ...[`--web.listen-address=127.0.0.1:${String(port)}`, '--log.level=error', ...flags],
    ]);
    await server.#ready();
    return server;
  }

  /** Kills it; what it had stored stays. */
  async kill(): Promise<void> {
    await this.#server.end('SIGKILL');
  }

  /** Stops answering without ending. */
  freeze(): void {
    this.#server.signal('SIGSTOP');
  }

  /** Starts it again after {@link kill}, on the same port. */
  async restart(): Promise<void> {
    this.#server = spawnServer(this.#command);
    await this.#ready();
  }

  async stop(): Promise<void> {
    await this.#server.end('SIGKILL');
    await rm(this.#folder, {recursive: true, force: true});
  }

  async #ready(): Promise<void> {
    await waitFor(
      'Prometheus is ready',
      async () => {
        if (this.#server.hasExited()) throw new Error('prometheus ended while starting');
        return (await fetch(`${this.url}/-/ready`)).ok ? true : undefined;
      },
      60_000,
      100,
    );
  }
}
