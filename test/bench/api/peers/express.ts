/** The tasks API as one writes it with Express 5, zod and mysql2: the peer of `npm run bench -- api-express`. */
import express, {type NextFunction, type Request, type Response} from 'express';
import {z} from 'zod';
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
} from './tasks.ts';

/** Code points are what is counted; no text has more of them than units. */
const text = (most: number): z.ZodString =>
  z.string().refine((value) => value.length <= most || Array.from(value).length <= most);
const said = (most: number): z.ZodString => text(most).regex(/\S/);
const recurrence = z.strictObject({rule: z.string().regex(RULE), timeZone: z.string().regex(ZONE)});
const wanted = {
  description: text(10_000).optional(),
  priority: z.enum(PRIORITIES).optional(),
  dueAt: z.iso.datetime({offset: true}).nullable().optional(),
  assignee: said(100).nullable().optional(),
  labels: z
    .array(z.string().regex(LABEL))
    .max(10)
    .refine((labels) => new Set(labels).size === labels.length)
    .optional(),
};
const newTask = z
  .strictObject({
    title: said(200),
    status: z.enum(STATUSES).optional(),
    ...wanted,
    recurrence: recurrence.nullable().optional(),
  })
  .refine(({recurrence: wanted, dueAt}) => typeof wanted !== 'object' || wanted === null || typeof dueAt === 'string');
const patch = z
  .strictObject({title: said(200).optional(), status: z.enum(ALL_STATUSES).optional(), ...wanted})
  .refine((fields) => Object.keys(fields).length > 0);
const page = z.strictObject({limit: z.string().regex(LIMIT).optional(), cursor: z.string().max(200).optional()});

const tasks = new Tasks(process.env);
const isKnown = tokenCheck(process.env['TOKEN'] ?? '');

const app = express();
app.disable('x-powered-by');
// Express would hash every body for an ETag of its own; the version is ours.
app.disable('etag');
app.use((request: Request, response: Response, next: NextFunction) => {
  if (isKnown(request.headers.authorization)) next();
  else response.status(401).json({code: 'unauthorized'});
});
app.use(express.json({limit: '64kb'}));

app.get('/api/v1/tasks', async (request: Request, response: Response) => {
  const {success, data} = page.safeParse(request.query);
  if (!success) return void response.status(400).json({code: 'invalid-request'});
  response.json(await tasks.list(decodeCursor(data.cursor), Number(data.limit ?? '20')));
});

app.get('/api/v1/tasks/:id', async (request: Request<{id: string}>, response: Response) => {
  const task = ID.test(request.params.id) ? await tasks.find(request.params.id) : undefined;
  if (task === undefined) return void response.status(404).json({code: 'task-not-found'});
  response.set('etag', `"${task.version}"`).json(task);
});

app.post('/api/v1/tasks', async (request: Request, response: Response) => {
  const {success, data} = newTask.safeParse(request.body);
  if (!success) return void response.status(400).json({code: 'invalid-request'});
  const task = await tasks.create(data);
  response.status(201).set('location', `/api/v1/tasks/${task.id}`).set('etag', '"1"').json(task);
});

app.patch('/api/v1/tasks/:id', async (request: Request<{id: string}>, response: Response) => {
  const {success, data} = patch.safeParse(request.body);
  if (!success) return void response.status(400).json({code: 'invalid-request'});
  const known = ID.test(request.params.id);
  const task = known ? await tasks.patch(request.params.id, request.headers['if-match'], data) : 'missing';
  if (typeof task === 'string') return void response.status(REFUSALS[task]).json({code: task});
  response.set('etag', `"${task.version}"`).json(task);
});

app.use((error: Error & {status?: number}, _request: Request, response: Response, next: NextFunction) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const {status = 500} = error;
  if (status >= 500) console.error(error);
  response.status(status).json({code: status >= 500 ? 'internal' : 'malformed-body'});
});

app.listen(Number(process.env['PORT']), '127.0.0.1');
