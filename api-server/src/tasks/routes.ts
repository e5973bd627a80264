import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import type {FastifyInstance, FastifyReply} from 'fastify';
import * as Type from 'typebox';
import {allowOnly} from '../plugins/problem-details.ts';
import {Problem, type FieldError} from '../problems.ts';
import {decodeCursor, encodeCursor} from './cursor.ts';
import {newTask} from './draft.ts';
import {etagOf, parseIfMatch} from './etag.ts';
import {hashBody, parseIdempotencyKey, type IdempotentRequest} from './idempotency.ts';
import {deletedPosition, identityOf, limitOf, listOf, refuseBesideDeleted, versionOf, type Page} from './list.ts';
import type {Actor, TaskRepository} from './repository.ts';
import {
  BulkCreatedSchema,
  BulkCreateSchema,
  CreateTaskSchema,
  HistoryPageSchema,
  ListQuerySchema,
  MAX_BULK,
  PageQuerySchema,
  PatchTaskSchema,
  TaskPageSchema,
  TaskSchema,
  type CreateTask,
  type ListQuery,
  type PatchTask,
  type Task,
  type TaskStatus,
} from './schema.ts';
import {allowedAfter} from './transitions.ts';
import {isTaskId, uuidV7} from './uuid.ts';

export interface TaskRoutesOptions {
  readonly tasks: TaskRepository;
  readonly now: () => Date;
}

/** A hundred tasks with half of the longest description each. */
const MAX_BULK_BYTES = 512 * 1024;
/** Its fields, its labels and the parts of its recurrence for each task, and as many again. */
const MAX_BULK_VALUES = 50 * MAX_BULK;
const DELETED = 'deleted';

const IdParams = Type.Object({id: Type.String()});

/** `/tasks` below the prefix that it is registered under. Every route needs a token (the parent's hook sees to it). */
export function taskRoutes(parent: FastifyInstance, {tasks, now}: TaskRoutesOptions, done: () => void): void {
  const app = parent.withTypeProvider<TypeBoxTypeProvider>();
  const collection = '/tasks';
  const item = '/tasks/:id';
  allowOnly(app, collection, ['GET', 'HEAD', 'POST']);
  allowOnly(app, item, ['GET', 'HEAD', 'PATCH', 'DELETE']);
  allowOnly(app, `${collection}/bulk`, ['POST']);
  allowOnly(app, `${item}/restore`, ['POST']);
  allowOnly(app, `${item}/history`, ['GET', 'HEAD']);

  const actorOf = ({principal}: {readonly principal: string}): Actor => ({principal, now: now()});

  app.post(collection, {schema: {body: CreateTaskSchema, response: {201: TaskSchema}}}, async (request, reply) => {
    const once = onceOf(request.principal, request.headers['idempotency-key'], request.body);
    const actor = actorOf(request);
    refuse(await createErrors(request.body, actor.now));
    const task = newTask(request.body, uuidV7(actor.now.getTime()), actor.now.toISOString());
    const outcome = await tasks.create(task, actor, once);
    if (outcome.kind === 'key-reused') throw new Problem('idempotency-key-reused');
    return represent(
      reply.code(201).header('location', `${request.routeOptions.url ?? ''}/${outcome.task.id}`),
      outcome.task,
    );
  });

  app.post(
    `${collection}/bulk`,
    {
      bodyLimit: MAX_BULK_BYTES,
      schema: {body: BulkCreateSchema, response: {201: BulkCreatedSchema}},
      preValidation: (request, _reply, next) => next(tooMany(request.body)),
    },
    async (request, reply) => {
      const once = onceOf(request.principal, request.headers['idempotency-key'], request.body);
      const actor = actorOf(request);
      const errors: FieldError[] = [];
      for (const [i, body] of request.body.tasks.entries()) {
        errors.push(...(await createErrors(body, actor.now, `/tasks/${i}`)));
      }
      refuse(errors);
      const outcome = await tasks.createAll(request.body.tasks, actor, once);
      if (outcome.kind === 'key-reused') throw new Problem('idempotency-key-reused');
      return reply.code(201).send({items: [...outcome.tasks]});
    },
  );

  app.get(collection, {schema: {querystring: ListQuerySchema, response: {200: TaskPageSchema}}}, async (request) =>
    request.query.deleted === 'true' ? listDeleted(tasks, request.query) : listTasks(tasks, request.query, now()),
  );

  app.get(item, {schema: {params: IdParams, response: {200: TaskSchema}}}, async (request, reply) => {
    const task = await tasks.find(existingId(request.params.id));
    if (task === undefined) throw new Problem('task-not-found');
    return represent(reply, task);
  });

  app.patch(
    item,
    {schema: {params: IdParams, body: PatchTaskSchema, response: {200: TaskSchema}}},
    async (request, reply) => {
      const check = parseIfMatch(request.headers['if-match']);
      const id = existingId(request.params.id);
      const actor = actorOf(request);
      refuse(await patchErrors(request.body, actor.now));
      const outcome = await tasks.update(id, check, request.body, actor);
      switch (outcome.kind) {
        case 'updated':
          return represent(reply, outcome.task);
        case 'missing':
          throw new Problem('task-not-found');
        case 'stale':
          throw staleProblem(outcome.version);
        case 'refused':
          throw transitionProblem(outcome.from, outcome.to);
        case 'recurrence-without-due':
          throw recurrenceProblem([NEEDS_DUE]);
      }
    },
  );

  app.delete(item, {schema: {params: IdParams}}, async (request, reply) => {
    const check = parseIfMatch(request.headers['if-match']);
    const outcome = await tasks.remove(existingId(request.params.id), check, actorOf(request));
    if (outcome.kind === 'missing') throw new Problem('task-not-found');
    if (outcome.kind === 'stale') throw staleProblem(outcome.version);
    return reply.code(204).send();
  });

  app.post(`${item}/restore`, {schema: {params: IdParams, response: {200: TaskSchema}}}, async (request, reply) => {
    const check = parseIfMatch(request.headers['if-match']);
    const outcome = await tasks.restore(existingId(request.params.id), check, actorOf(request));
    if (outcome.kind === 'missing') throw new Problem('task-not-found');
    if (outcome.kind === 'stale') throw staleProblem(outcome.version);
    return represent(reply, outcome.task);
  });

  app.get(
    `${item}/history`,
    {schema: {params: IdParams, querystring: PageQuerySchema, response: {200: HistoryPageSchema}}},
    async (request) => {
      const id = existingId(request.params.id);
      const {cursor, limit} = request.query;
      const list = `history ${id}`;
      const before = cursor === undefined ? undefined : versionOf(decodeCursor(list, cursor));
      const page = await tasks.history(id, before, limitOf(limit));
      if (page === undefined) throw new Problem('task-not-found');
      return pageAnswer(list, page);
    },
  );

  done();
}

async function listTasks(tasks: TaskRepository, query: ListQuery, now: Date): Promise<PageAnswer<Task>> {
  const list = listOf(query, now);
  const identity = identityOf(list);
  const after = query.cursor === undefined ? undefined : decodeCursor(identity, query.cursor);
  return pageAnswer(identity, await tasks.list({...list, after}));
}

async function listDeleted(tasks: TaskRepository, query: ListQuery): Promise<PageAnswer<Task>> {
  refuseBesideDeleted(query);
  const after = query.cursor === undefined ? undefined : deletedPosition(decodeCursor(DELETED, query.cursor));
  return pageAnswer(DELETED, await tasks.listDeleted(after, limitOf(query.limit)));
}

interface PageAnswer<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

function pageAnswer<T>(list: string, {items, next}: Page<T>): PageAnswer<T> {
  return {items: [...items], nextCursor: next === undefined ? null : encodeCursor(list, next)};
}

function onceOf(principal: string, header: string | string[] | undefined, body: object): IdempotentRequest | undefined {
  const key = parseIdempotencyKey(header);
  return key === undefined ? undefined : {principal, key, bodyHash: hashBody(body)};
}

/** Before validation, which would find something wrong with each of a hundred thousand values, and say so. */
function tooMany(body: unknown): Problem | undefined {
  if (typeof body !== 'object' || body === null || !('tasks' in body) || !Array.isArray(body.tasks)) return undefined;
  if (body.tasks.length > MAX_BULK) {
    return invalidBody([{pointer: '/tasks', message: `must NOT have more than ${MAX_BULK} items`}]);
  }
  if (hasMoreValues(body, MAX_BULK_VALUES)) {
    return invalidBody([{pointer: '/tasks', message: `must NOT have more than ${MAX_BULK_VALUES} values in all`}]);
  }
  return undefined;
}

/** Whether there are more objects, arrays and plain values in a value than a number. Looks no further than it must. */
function hasMoreValues(value: unknown, number: number): boolean {
  const waiting = [value];
  for (let left = number; waiting.length > 0; left--) {
    if (left === 0 || waiting.length > number) return true;
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const inner of Object.values(next)) waiting.push(inner);
  }
  return false;
}

const NEEDS_DUE: FieldError = {pointer: '/dueAt', message: 'is required beside recurrence'};

async function createErrors(body: CreateTask, now: Date, pointer = ''): Promise<readonly FieldError[]> {
  if (typeof body.recurrence !== 'object' || body.recurrence === null) return [];
  if (typeof body.dueAt !== 'string') return [{...NEEDS_DUE, pointer: pointer + NEEDS_DUE.pointer}];
  return patchErrors(body, now, pointer);
}

/** What the schema can't say of a recurrence. Whether the task has a due time for it is seen where the task is. */
async function patchErrors({recurrence, dueAt}: PatchTask, now: Date, pointer = ''): Promise<readonly FieldError[]> {
  if (recurrence === undefined || recurrence === null) return [];
  const {faultOf} = await import('./recurrence.ts');
  const fault = faultOf(recurrence, new Date(dueAt ?? now).toISOString());
  return fault === undefined ? [] : [{pointer: `${pointer}/recurrence/${fault.field}`, message: fault.message}];
}

function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw recurrenceProblem(errors);
}

function invalidBody(errors: readonly FieldError[]): Problem {
  return new Problem('invalid-request', {detail: 'The body does not match what this path takes.', errors});
}

/** A body that matches its schema, with a recurrence that says what can't be done. */
function recurrenceProblem(errors: readonly FieldError[]): Problem {
  return new Problem('recurrence-refused', {detail: 'A recurrence needs a due time and a rule that fits.', errors});
}

function existingId(id: string): string {
  if (!isTaskId(id)) throw new Problem('task-not-found');
  return id;
}

function represent(reply: FastifyReply, task: Task): Task {
  reply.header('etag', etagOf(task.version));
  return task;
}

function staleProblem(version: number): Problem {
  return new Problem('precondition-failed', {headers: {etag: etagOf(version)}});
}

function transitionProblem(from: TaskStatus, to: TaskStatus): Problem {
  const allowed = allowedAfter(from);
  return new Problem('transition-refused', {
    detail: `A task that is ${from} can become ${allowed.join(' or ')}, not ${to}.`,
    extension: {from, to, allowed},
  });
}
