import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import type {FastifyInstance, FastifyReply} from 'fastify';
import {Type} from 'typebox';
import {allowOnly} from '../plugins/problem-details.ts';
import {Problem} from '../problems.ts';
import {decodeCursor, encodeCursor} from './cursor.ts';
import {etagOf, parseIfMatch} from './etag.ts';
import {hashBody, parseIdempotencyKey} from './idempotency.ts';
import type {TaskRepository} from './repository.ts';
import {
  CreateTaskSchema,
  DEFAULT_LIMIT,
  ListQuerySchema,
  PatchTaskSchema,
  TaskPageSchema,
  TaskSchema,
  type CreateTask,
  type PatchTask,
  type Task,
} from './schema.ts';
import {isTaskId, uuidV7} from './uuid.ts';

export interface TaskRoutesOptions {
  readonly tasks: TaskRepository;
  readonly now: () => Date;
}

const IdParams = Type.Object({id: Type.String()});

/** `/tasks` below the prefix that it is registered under. Every route needs a token (the parent's hook sees to it). */
export function taskRoutes(parent: FastifyInstance, {tasks, now}: TaskRoutesOptions, done: () => void): void {
  const app = parent.withTypeProvider<TypeBoxTypeProvider>();
  const collection = '/tasks';
  const item = '/tasks/:id';
  allowOnly(app, collection, ['GET', 'HEAD', 'POST']);
  allowOnly(app, item, ['GET', 'HEAD', 'PATCH', 'DELETE']);

  app.post(collection, {schema: {body: CreateTaskSchema, response: {201: TaskSchema}}}, async (request, reply) => {
    const key = parseIdempotencyKey(request.headers['idempotency-key']);
    const once = key === undefined ? undefined : {principal: request.principal, key, bodyHash: hashBody(request.body)};
    const outcome = await tasks.create(newTask(request.body, now()), once);
    if (outcome.kind === 'key-reused') throw new Problem('idempotency-key-reused');
    return represent(
      reply.code(201).header('location', `${request.routeOptions.url ?? ''}/${outcome.task.id}`),
      outcome.task,
    );
  });

  app.get(collection, {schema: {querystring: ListQuerySchema, response: {200: TaskPageSchema}}}, async (request) => {
    const {limit: limitText, cursor} = request.query;
    const limit = limitText === undefined ? DEFAULT_LIMIT : Number(limitText);
    // One more than asked for tells whether there is a next page without a second query.
    const found = await tasks.list(cursor === undefined ? undefined : decodeCursor(cursor), limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return {items, nextCursor: found.length > limit && last !== undefined ? encodeCursor(last.id) : null};
  });

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
      const outcome = await tasks.update(existingId(request.params.id), check, wellFormed(request.body), now());
      if (outcome.kind === 'missing') throw new Problem('task-not-found');
      if (outcome.kind === 'stale') throw staleProblem(outcome.version);
      return represent(reply, outcome.task);
    },
  );

  app.delete(item, {schema: {params: IdParams}}, async (request, reply) => {
    const outcome = await tasks.remove(existingId(request.params.id), parseIfMatch(request.headers['if-match']));
    if (outcome.kind === 'missing') throw new Problem('task-not-found');
    if (outcome.kind === 'stale') throw staleProblem(outcome.version);
    return reply.code(204).send();
  });

  done();
}

/** Text is made well-formed, since MySQL stores a lone surrogate as U+FFFD: what we answer is what we keep. */
function newTask(body: CreateTask, now: Date): Task {
  const time = now.toISOString();
  return {
    id: uuidV7(now.getTime()),
    title: body.title.toWellFormed(),
    description: body.description?.toWellFormed() ?? '',
    status: body.status ?? 'open',
    createdAt: time,
    updatedAt: time,
    version: 1,
  };
}

function wellFormed(patch: PatchTask): PatchTask {
  return {
    ...patch,
    ...(patch.title === undefined ? {} : {title: patch.title.toWellFormed()}),
    ...(patch.description === undefined ? {} : {description: patch.description.toWellFormed()}),
  };
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
