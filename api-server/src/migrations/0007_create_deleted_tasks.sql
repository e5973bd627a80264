-- previous_can_read: true
-- Deleted tasks, each as the API showed it last. Not rows of `tasks` with a mark: an older release would show those, and
-- every index of the list would carry them.
CREATE TABLE IF NOT EXISTS deleted_tasks (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  document JSON NOT NULL,
  created_by VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NULL,
  created_at DATETIME(3) NOT NULL,
  deleted_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY deleted_at (deleted_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4;
