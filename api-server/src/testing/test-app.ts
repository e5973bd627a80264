import type {FastifyInstance} from 'fastify';
import {buildApp} from '../app.ts';
import {createLogger} from '../logger.ts';
import {Metrics} from '../metrics.ts';
import {DrainState} from '../plugins/drain.ts';
import {RateLimit} from '../plugins/rate-limit.ts';
import type {Caller} from '../tokens/store.ts';
import type {Tracing} from '../tracing/tracing.ts';
import {MemoryTaskRepository} from './memory-task-repository.ts';

export const TEST_TOKEN = 'a-token-for-unit-tests';
export const READ_TOKEN = 'a-token-that-only-reads';
export const EXPIRED_TOKEN = 'a-token-of-the-past';

/** The API on tasks in memory, with what a test may change or look at. */
export interface TestApp {
  readonly app: FastifyInstance;
  readonly tasks: MemoryTaskRepository;
  readonly metrics: Metrics;
  readonly readiness: {ready: boolean};
  readonly drain: DrainState;
  readonly log: string[];
  /** Why requests are refused; undefined: they aren't. */
  readonly admission: {refusal: string | undefined; inFlight: number};
  readonly readOnly: {active: boolean};
  /** The clock of the rate limit, in milliseconds. */
  readonly clock: {now: number};
}

/** Builds the API as the process does, but for the database and the file of tokens. */
export function createTestApp({
  burst = 1000,
  tracing,
}: {readonly burst?: number; readonly tracing?: Tracing} = {}): TestApp {
  const tasks = new MemoryTaskRepository();
  const readOnly = {active: false};
  const metrics = new Metrics({
    version: '0.0.0',
    poolStates: () => ({idle: 1, used: 2, connecting: 3, pending: 4}),
    databaseFailure: () => undefined,
    readOnly: () => readOnly.active,
  });
  const readiness = {ready: true};
  const drain = new DrainState();
  const log: string[] = [];
  const clock = {now: 0};
  const admission = {
    refusal: undefined as string | undefined,
    inFlight: 0,
    enter() {
      if (this.refusal === undefined) this.inFlight++;
      return this.refusal;
    },
    leave() {
      this.inFlight--;
    },
  };
  const callers = new Map<string, Caller | 'expired'>([
    [TEST_TOKEN, {name: 'unit-tests', scopes: new Set(['read', 'write'])}],
    [READ_TOKEN, {name: 'reader', scopes: new Set(['read'])}],
    [EXPIRED_TOKEN, 'expired'],
  ]);
  const logger = createLogger('trace', {write: (line) => void log.push(line)});
  const app = buildApp({
    tasks,
    tokens: {verify: (token) => callers.get(token)},
    admission,
    limit: new RateLimit({perSecond: 1, burst, clock: () => clock.now}),
    readOnly,
    metrics,
    readiness,
    drain,
    logger,
    requestLog: logger,
    tracing,
    now: () => new Date('2026-11-23T05:00:00.123Z'),
    version: '1.2.3',
  });
  return {app, tasks, metrics, readiness, drain, log, admission, readOnly, clock};
}
