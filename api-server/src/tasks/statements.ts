import type {Statement} from '../database/database.ts';
import {COLUMNS} from './rows.ts';

const ALL = COLUMNS.join(', ');
const MARKS = COLUMNS.map(() => '?').join(', ');
const [, ...CHANGING] = COLUMNS;

export const INSERT: Statement = {
  name: 'task_insert',
  sql: `INSERT INTO tasks (${ALL}, created_by) VALUES (${MARKS}, ?)`,
};
/** The tasks of an array in JSON, in one statement of one text however many they are. */
export const INSERT_ALL: Statement = {
  name: 'task_insert_all',
  sql: `INSERT INTO tasks (${ALL}, created_by) SELECT j.*, ? FROM JSON_TABLE(?, '$[*]' COLUMNS (
    id CHAR(36) PATH '$[0]', title VARCHAR(200) PATH '$[1]', description TEXT PATH '$[2]', status VARCHAR(16) PATH '$[3]',
    cancelled INT PATH '$[4]', priority INT PATH '$[5]', due_at DATETIME(3) PATH '$[6]', assignee VARCHAR(100) PATH '$[7]',
    labels JSON PATH '$[8]', recurrence_rule VARCHAR(500) PATH '$[9]', recurrence_time_zone VARCHAR(64) PATH '$[10]',
    completed_at DATETIME(3) PATH '$[11]', next_id CHAR(36) PATH '$[12]', created_at DATETIME(3) PATH '$[13]',
    updated_at DATETIME(3) PATH '$[14]', version INT PATH '$[15]')) AS j`,
};
/** So many ids at most are looked up at once. */
export const FIND_LIMIT = 32;
/** For 1, 2, 4 … ids, so that a few prepared statements serve every number of them. */
export const FIND: readonly Statement[] = [1, 2, 4, 8, 16, FIND_LIMIT].map((count) => ({
  name: 'task_find',
  sql: `SELECT ${ALL} FROM tasks WHERE id IN (${Array.from({length: count}, () => '?').join(', ')})`,
}));
export const LOCK: Statement = {
  name: 'task_lock',
  sql: `SELECT ${ALL}, created_by FROM tasks WHERE id = ? FOR UPDATE`,
};
export const UPDATE: Statement = {
  name: 'task_update',
  sql: `UPDATE tasks SET ${CHANGING.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`,
};
export const DELETE: Statement = {name: 'task_delete', sql: 'DELETE FROM tasks WHERE id = ?'};

/** Pairs of label and id in JSON. */
export const INSERT_LABELS: Statement = {
  name: 'label_insert',
  sql: `INSERT INTO task_labels (label, task_id) SELECT j.label, j.id FROM JSON_TABLE(?, '$[*]' COLUMNS (
    label VARCHAR(50) PATH '$[0]', id CHAR(36) PATH '$[1]')) AS j`,
};
export const DELETE_LABELS: Statement = {name: 'label_delete', sql: 'DELETE FROM task_labels WHERE task_id = ?'};

export const INSERT_CHANGE: Statement = {
  name: 'history_insert',
  sql: 'INSERT INTO task_history (task_id, version, changed_at, principal, action, changes) VALUES (?, ?, ?, ?, ?, ?)',
};
export const FIND_CREATION: Statement = {
  name: 'history_creation',
  sql:
    'SELECT created_at, created_by FROM tasks WHERE id = ? ' +
    'UNION ALL SELECT created_at, created_by FROM deleted_tasks WHERE id = ?',
};
export const LIST_CHANGES: Statement = {
  name: 'history_list',
  sql:
    'SELECT version, changed_at, principal, action, changes FROM task_history ' +
    'WHERE task_id = ? AND version < ? ORDER BY version DESC LIMIT ?',
};

export const INSERT_DELETED: Statement = {
  name: 'deleted_insert',
  sql: 'INSERT INTO deleted_tasks (id, document, created_by, created_at, deleted_at) VALUES (?, ?, ?, ?, ?)',
};
export const LOCK_DELETED: Statement = {
  name: 'deleted_lock',
  sql: 'SELECT document, created_by FROM deleted_tasks WHERE id = ? FOR UPDATE',
};
export const DELETE_DELETED: Statement = {name: 'deleted_delete', sql: 'DELETE FROM deleted_tasks WHERE id = ?'};
export const LIST_DELETED: Statement = {
  name: 'deleted_list',
  sql:
    'SELECT document FROM deleted_tasks WHERE deleted_at < ? OR (deleted_at = ? AND id < ?) ' +
    'ORDER BY deleted_at DESC, id DESC LIMIT ?',
};
