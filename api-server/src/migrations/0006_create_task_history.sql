-- previous_can_read: true
-- A row for each change of a task, by the version that it made. The creation is no row: the task itself tells of it.
CREATE TABLE IF NOT EXISTS task_history (
  task_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version INT UNSIGNED NOT NULL,
  changed_at DATETIME(3) NOT NULL,
  principal VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  action ENUM('updated', 'deleted', 'restored') NOT NULL,
  changes JSON NOT NULL,
  PRIMARY KEY (task_id, version)
) ENGINE = InnoDB CHARACTER SET utf8mb4;
