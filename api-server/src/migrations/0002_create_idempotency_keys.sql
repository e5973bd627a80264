-- previous_can_read: true
-- The answer to the first request with a key, kept with the task in one transaction.
CREATE TABLE IF NOT EXISTS idempotency_keys (
  principal VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  body_hash BINARY(32) NOT NULL,
  response TEXT NOT NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (principal, idempotency_key),
  KEY created_at (created_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4;
