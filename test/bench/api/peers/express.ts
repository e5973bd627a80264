/** The tasks API as one writes it with Express 5 and mysql2: the peer of `npm run bench -- api-express`. */
import express, {type NextFunction, type Request, type Response} from 'express';
import {decodeCursor, Tasks, tokenCheck, type NewTask} from './tasks.ts';

const STATUSES = new Set<unknown>(['open', 'in_progress', 'done']);
const FIELDS = new Set(['title', 'description', 'status']);
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

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
  const {limit = '20', cursor} = request.query;
  if (typeof limit !== 'string' || !/^([1-9][0-9]?|100)$/.test(limit)) return void response.status(400).json({});
  if (cursor !== undefined && typeof cursor !== 'string') return void response.status(400).json({});
  response.json(await tasks.list(decodeCursor(cursor), Number(limit)));
});

app.get('/api/v1/tasks/:id', async (request: Request<{id: string}>, response: Response) => {
  const task = ID.test(request.params.id) ? await tasks.find(request.params.id) : undefined;
  if (task === undefined) return void response.status(404).json({code: 'task-not-found'});
  response.set('etag', `"${task.version}"`).json(task);
});

app.post('/api/v1/tasks', async (request: Request, response: Response) => {
  if (!isNewTask(request.body)) return void response.status(400).json({code: 'invalid-request'});
  const task = await tasks.create(request.body);
  response.status(201).set('location', `/api/v1/tasks/${task.id}`).set('etag', '"1"').json(task);
});

/** By hand, which is the quickest way there is. */
function isNewTask(body: unknown): body is NewTask {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return false;
  const {title, description = '', status = 'open'} = body as Record<string, unknown>;
  if (!Object.keys(body).every((field) => FIELDS.has(field))) return false;
  return isText(title, 200) && title.trim() !== '' && isText(description, 10_000) && STATUSES.has(status);
}

function isText(value: unknown, most: number): value is string {
  // Code points, as JSON Schema counts them; no text has more of them than units.
  return typeof value === 'string' && (value.length <= most || Array.from(value).length <= most);
}

app.listen(Number(process.env['PORT']), '127.0.0.1');
