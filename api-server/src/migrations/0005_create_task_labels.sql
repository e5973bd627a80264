-- previous_can_read: true
-- Which tasks have a label, in order of creation. A copy of tasks.labels: MySQL can't order by an index over an array.
-- The key makes rows go with their task, also when an older release deletes it.
CREATE TABLE IF NOT EXISTS task_labels (
  label VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  task_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (label, task_id),
  KEY task_id (task_id),
  CONSTRAINT task_labels_task FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE
) ENGINE = InnoDB;
