import type {FastifyInstance} from 'fastify';
import {buildApp} from '../app.ts';
import {createLogger} from '../logger.ts';
import {Metrics} from '../metrics.ts';
import {DrainState} from '../plugins/drain.ts';
import {MemoryTaskRepository} from './memory-task-repository.ts';

export const TEST_TOKEN = 'a-token-for-unit-tests';

/** The API on tasks in memory, with what a test may change or look at. */
export interface TestApp {
  readonly app: FastifyInstance;
  readonly tasks: MemoryTaskRepository;
  readonly metrics: Metrics;
  readonly readiness: {ready: boolean};
  readonly drain: DrainState;
  readonly log: string[];
}

/** Builds the API as the process does, but for the database and the file of tokens. */
export function createTestApp(): TestApp {
  const tasks = new MemoryTaskRepository();
  const metrics = new Metrics({
    version: '0.0.0',
    poolStates: () => ({idle: 1, used: 2, connecting: 3, pending: 4}),
  });
  const readiness = {ready: true};
  const drain = new DrainState();
  const log: string[] = [];
  const app = buildApp({
    tasks,
    tokens: {verify: (token) => (token === TEST_TOKEN ? 'unit-tests' : undefined)},
    metrics,
    readiness,
    drain,
    logger: createLogger('trace', {write: (line) => void log.push(line)}),
    now: () => new Date('2026-11-23T05:00:00.123Z'),
    version: '1.2.3',
  });
  return {app, tasks, metrics, readiness, drain, log};
}
