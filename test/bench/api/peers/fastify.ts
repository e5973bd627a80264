/** The tasks API as one writes it with bare Fastify 5 and mysql2: the peer of `npm run bench -- api-fastify`. */
import fastify from 'fastify';
import {
  ALL_STATUSES,
  decodeCursor,
  ID,
  LABEL,
  LIMIT,
  PRIORITIES,
  REFUSALS,
  RULE,
  STATUSES,
  Tasks,
  tokenCheck,
  ZONE,
  type NewTask,
  type TaskPatch,
} from './tasks.ts';

const text = {type: 'string'};
const textOrNull = {type: ['string', 'null']};
const recurrence = {
  type: ['object', 'null'],
  required: ['rule', 'timeZone'],
  additionalProperties: false,
  properties: {rule: {...text, pattern: RULE.source}, timeZone: {...text, pattern: ZONE.source}},
};
const task = {
  type: 'object',
  properties: {
    ...{id: text, title: text, description: text, status: text, priority: text},
    ...{dueAt: textOrNull, assignee: textOrNull, labels: {type: 'array', items: text}, recurrence},
    ...{createdAt: text, updatedAt: text, completedAt: textOrNull, deletedAt: textOrNull, next: textOrNull},
    version: {type: 'integer'},
  },
};
const page = {
  type: 'object',
  properties: {
    items: {type: 'array', items: {...task, required: Object.keys(task.properties)}},
    nextCursor: textOrNull,
  },
};
const wanted = {
  description: {...text, maxLength: 10_000},
  priority: {enum: PRIORITIES},
  dueAt: {...textOrNull, format: 'date-time'},
  assignee: {...textOrNull, maxLength: 100, pattern: '\\S'},
  labels: {type: 'array', items: {...text, pattern: LABEL.source}, maxItems: 10, uniqueItems: true},
};
const title = {...text, maxLength: 200, pattern: '\\S'};
const newTask = {
  type: 'object',
  required: ['title'],
  additionalProperties: false,
  properties: {title, status: {enum: STATUSES}, ...wanted, recurrence},
  if: {required: ['recurrence'], properties: {recurrence: {type: 'object'}}},
  then: {required: ['dueAt'], properties: {dueAt: text}},
};
const patch = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: {title, status: {enum: ALL_STATUSES}, ...wanted},
};
const query = {
  type: 'object',
  additionalProperties: false,
  properties: {limit: {...text, pattern: LIMIT.source}, cursor: {...text, maxLength: 200}},
};

const tasks = new Tasks(process.env);
const isKnown = tokenCheck(process.env['TOKEN'] ?? '');
const app = fastify({
  bodyLimit: 64 * 1024,
  ajv: {customOptions: {coerceTypes: false, removeAdditional: false, allowUnionTypes: true}},
});

app.addHook('onRequest', (request, reply, next) => {
  if (isKnown(request.headers.authorization)) next();
  else void reply.code(401).send({code: 'unauthorized'});
});

app.get<{Querystring: {limit?: string; cursor?: string}}>(
  '/api/v1/tasks',
  {schema: {querystring: query, response: {200: page}}},
  async ({query: {limit = '20', cursor}}) => tasks.list(decodeCursor(cursor), Number(limit)),
);

app.get<{Params: {id: string}}>('/api/v1/tasks/:id', {schema: {response: {200: task}}}, async (request, reply) => {
  const found = ID.test(request.params.id) ? await tasks.find(request.params.id) : undefined;
  if (found === undefined) return reply.code(404).send({code: 'task-not-found'});
  reply.header('etag', `"${found.version}"`);
  return found;
});

app.post<{Body: NewTask}>('/api/v1/tasks', {schema: {body: newTask, response: {201: task}}}, async (request, reply) => {
  const created = await tasks.create(request.body);
  reply.code(201).header('location', `/api/v1/tasks/${created.id}`).header('etag', '"1"');
  return created;
});

app.patch<{Params: {id: string}; Body: TaskPatch}>(
  '/api/v1/tasks/:id',
  {schema: {body: patch, response: {200: task}}},
  async (request, reply) => {
    const known = ID.test(request.params.id);
    const found = known ? await tasks.patch(request.params.id, request.headers['if-match'], request.body) : 'missing';
    if (typeof found === 'string') return reply.code(REFUSALS[found]).send({code: found});
    reply.header('etag', `"${found.version}"`);
    return found;
  },
);

await app.listen({port: Number(process.env['PORT']), host: '127.0.0.1'});
