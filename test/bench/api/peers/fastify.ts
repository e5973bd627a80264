/** The tasks API as one writes it with bare Fastify 5 and mysql2: the peer of `npm run bench -- api-fastify`. */
import fastify from 'fastify';
import {decodeCursor, Tasks, tokenCheck, type NewTask} from './tasks.ts';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const title = {type: 'string', maxLength: 200, pattern: '\\S'};
const description = {type: 'string', maxLength: 10_000};
const status = {enum: ['open', 'in_progress', 'done']};
const text = {type: 'string'};
const task = {
  type: 'object',
  required: ['id', 'title', 'description', 'status', 'createdAt', 'updatedAt', 'version'],
  properties: {
    id: text,
    title: text,
    description: text,
    status: text,
    createdAt: text,
    updatedAt: text,
    version: {type: 'integer'},
  },
};
const page = {
  type: 'object',
  required: ['items', 'nextCursor'],
  properties: {items: {type: 'array', items: task}, nextCursor: {type: ['string', 'null']}},
};
const newTask = {
  type: 'object',
  required: ['title'],
  additionalProperties: false,
  properties: {title, description, status},
};
const query = {
  type: 'object',
  additionalProperties: false,
  properties: {limit: {type: 'string', pattern: '^([1-9][0-9]?|100)$'}, cursor: {type: 'string', maxLength: 200}},
};

const tasks = new Tasks(process.env);
const isKnown = tokenCheck(process.env['TOKEN'] ?? '');
const app = fastify({
  bodyLimit: 64 * 1024,
  ajv: {customOptions: {coerceTypes: false, removeAdditional: false}},
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

await app.listen({port: Number(process.env['PORT']), host: '127.0.0.1'});
