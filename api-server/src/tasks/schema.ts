import {Type, type Static} from 'typebox';

/** Longest title and description, in Unicode code points, which is what both JSON Schema and MySQL's VARCHAR count. */
const MAX_TITLE = 200;
const MAX_DESCRIPTION = 10_000;

/** A pattern's `description` is what a client reads when the pattern refuses a value. */
const Title = Type.String({maxLength: MAX_TITLE, pattern: '\\S', description: 'must not be blank'});
const Description = Type.String({maxLength: MAX_DESCRIPTION});
const Status = Type.Union([Type.Literal('open'), Type.Literal('in_progress'), Type.Literal('done')]);

export const TaskSchema = Type.Object({
  id: Type.String(),
  title: Title,
  description: Description,
  status: Status,
  createdAt: Type.String(),
  updatedAt: Type.String(),
  version: Type.Integer({minimum: 1}),
});

export const CreateTaskSchema = Type.Object(
  {title: Title, description: Type.Optional(Description), status: Type.Optional(Status)},
  {additionalProperties: false},
);

export const PatchTaskSchema = Type.Object(
  {title: Type.Optional(Title), description: Type.Optional(Description), status: Type.Optional(Status)},
  {additionalProperties: false, minProperties: 1},
);

/** Query values arrive as text; nothing is coerced anywhere, so that a body's `"5"` is never taken for a number. */
export const ListQuerySchema = Type.Object(
  {
    limit: Type.Optional(
      Type.String({pattern: '^([1-9][0-9]?|100)$', description: 'must be a whole number from 1 to 100'}),
    ),
    cursor: Type.Optional(Type.String({minLength: 1, maxLength: 200})),
  },
  {additionalProperties: false},
);

export const TaskPageSchema = Type.Object({
  items: Type.Array(TaskSchema),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

/** A task as clients see it. Times are RFC 3339 in UTC; `version` grows by one with each change. */
export type Task = Static<typeof TaskSchema>;
export type TaskStatus = Static<typeof Status>;
export type CreateTask = Static<typeof CreateTaskSchema>;
export type PatchTask = Static<typeof PatchTaskSchema>;

export const DEFAULT_LIMIT = 20;
