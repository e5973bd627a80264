-- previous_can_read: true
-- One for each order of the list, alone and behind the filters that cut most. InnoDB puts the id at the end of each, so
-- that it also gives the order among equals. Made beside reads and writes.
ALTER TABLE tasks
  ADD INDEX by_due (due_order),
  ADD INDEX by_priority (priority),
  ADD INDEX by_updated (updated_at),
  ADD INDEX by_overdue (open_due_at),
  ADD INDEX by_state (state),
  ADD INDEX by_state_due (state, due_order),
  ADD INDEX by_state_priority (state, priority),
  ADD INDEX by_state_updated (state, updated_at),
  ADD INDEX by_assignee (assignee),
  ADD INDEX by_assignee_due (assignee, due_order),
  ALGORITHM = INPLACE, LOCK = NONE;
