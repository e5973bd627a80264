-- previous_can_read: true
-- An older release goes on reading and writing rows beside a newer one: what it doesn't know has a default, and what it
-- knows keeps its values. It has never heard of "cancelled", so such a task is `done` to it and marked here.
-- The last three columns exist to be indexed: a status with all four values, a due time that every task has (none sorts
-- last), and one that only tasks that can become overdue have. InnoDB adds all of this without touching a row.
ALTER TABLE tasks
  ADD COLUMN cancelled BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN priority TINYINT UNSIGNED NOT NULL DEFAULT 1,
  ADD COLUMN due_at DATETIME(3) NULL,
  ADD COLUMN assignee VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NULL,
  ADD COLUMN labels JSON NULL,
  ADD COLUMN recurrence_rule VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD COLUMN recurrence_time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD COLUMN completed_at DATETIME(3) NULL,
  ADD COLUMN next_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD COLUMN created_by VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD COLUMN state TINYINT UNSIGNED
    AS (CASE status WHEN 'open' THEN 0 WHEN 'in_progress' THEN 1 ELSE IF(cancelled, 3, 2) END) VIRTUAL NOT NULL,
  ADD COLUMN due_order DATETIME(3) AS (COALESCE(due_at, TIMESTAMP'9999-12-31 23:59:59.999')) VIRTUAL NOT NULL,
  ADD COLUMN open_due_at DATETIME(3) AS (IF(status = 'done', NULL, due_at)) VIRTUAL,
  ALGORITHM = INSTANT;
