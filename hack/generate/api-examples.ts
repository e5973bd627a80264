/** One request of the walk through the API, and what is shown of its answer. */
export interface Example {
  /** What a reader is to know first. */
  readonly text: string;
  /** The operation that it is an example of. */
  readonly operationId: string;
  readonly query?: string;
  readonly headers?: readonly string[];
  /** Instead of the operation's own example. */
  readonly body?: object;
  /** Keeps the answer's id in $TASK. */
  readonly keepsTask?: boolean;
  /** Lines of the answer: the beginning of its body, if it has one, and its status. */
  readonly shown: readonly string[];
}

/** In this order they lead through the life of one task; a test plays them against the real service. */
export const EXAMPLES: readonly Example[] = [
  {
    text: 'Create a task. The key makes it safe to send the request again when the answer was lost.',
    operationId: 'createTask',
    headers: ['Idempotency-Key: grease-the-pump'],
    keepsTask: true,
    shown: ['{"id":"…","title":"Grease the pump",…,"status":"open",…,"dueAt":"2199-03-01T08:00:00.000Z",…}', '201'],
  },
  {
    text: 'Read it.',
    operationId: 'getTask',
    shown: ['{"id":"…","title":"Grease the pump",…,"version":1}', '200'],
  },
  {
    text: 'List what is open and important, what is due first coming first.',
    operationId: 'listTasks',
    query: '?status=open&priority=high&sort=dueAt&limit=10',
    shown: ['{"items":[{"id":"…",…}],"nextCursor":…}', '200'],
  },
  {
    text: 'Complete it, unless somebody changed it meanwhile. It repeats, so the answer names the next task.',
    operationId: 'patchTask',
    headers: ['If-Match: "1"'],
    shown: ['{"id":"…",…,"status":"done",…,"next":"…","version":2}', '200'],
  },
  {
    text: 'The same `If-Match` a second time is refused, for the task has another version now.',
    operationId: 'patchTask',
    headers: ['If-Match: "1"'],
    shown: ['{"type":"urn:maintenance-api:problem:precondition-failed",…}', '412'],
  },
  {
    text: 'A transition that is not allowed is refused, and the answer says which ones are.',
    operationId: 'patchTask',
    body: {status: 'cancelled'},
    shown: [
      '{"type":"urn:maintenance-api:problem:transition-refused",…,"from":"done","to":"cancelled","allowed":["open"]}',
      '409',
    ],
  },
  {
    text: 'See who changed what.',
    operationId: 'getTaskHistory',
    shown: [
      '{"items":[{"version":2,…,"action":"updated",…},{"version":1,…,"action":"created",…}],"nextCursor":null}',
      '200',
    ],
  },
  {text: 'Delete it.', operationId: 'deleteTask', shown: ['204']},
  {
    text: 'Find it among the deleted tasks.',
    operationId: 'listTasks',
    query: '?deleted=true&limit=1',
    shown: ['{"items":[{"id":"…","title":"Grease the pump",…,"deletedAt":"2…",…}],"nextCursor":…}', '200'],
  },
  {text: 'Bring it back.', operationId: 'restoreTask', shown: ['{"id":"…",…,"deletedAt":null,…,"version":4}', '200']},
  {
    text: 'Create several tasks at once.',
    operationId: 'createTasks',
    shown: ['{"items":[{"id":"…","title":"Check the valves",…},{"id":"…","title":"Order gaskets",…}]}', '201'],
  },
];
