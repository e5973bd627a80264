package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

const (
	columns = "id, title, description, status, cancelled, priority, due_at, assignee, labels, recurrence_rule, " +
		"recurrence_time_zone, completed_at, next_id, created_at, updated_at, version"
	instant = "2006-01-02T15:04:05.000Z"
	// The name of the one token.
	principal = "bench"
)

var priorities = []string{"low", "normal", "high", "urgent"}

type recurrence struct {
	Rule     string `json:"rule"`
	TimeZone string `json:"timeZone"`
}

type task struct {
	ID          string      `json:"id"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Status      string      `json:"status"`
	Priority    string      `json:"priority"`
	DueAt       *string     `json:"dueAt"`
	Assignee    *string     `json:"assignee"`
	Labels      []string    `json:"labels"`
	Recurrence  *recurrence `json:"recurrence"`
	CreatedAt   string      `json:"createdAt"`
	UpdatedAt   string      `json:"updatedAt"`
	CompletedAt *string     `json:"completedAt"`
	DeletedAt   *string     `json:"deletedAt"`
	Next        *string     `json:"next"`
	Version     int         `json:"version"`
}

type row interface{ Scan(dest ...any) error }

func scan(r row) (task, error) {
	var t task
	var cancelled bool
	var priority int
	var due, completed sql.NullTime
	var created, updated time.Time
	var rule, zone *string
	var labels []byte
	err := r.Scan(&t.ID, &t.Title, &t.Description, &t.Status, &cancelled, &priority, &due, &t.Assignee, &labels,
		&rule, &zone, &completed, &t.Next, &created, &updated, &t.Version)
	if err != nil {
		return t, err
	}
	if cancelled {
		t.Status = "cancelled"
	}
	t.Priority = priorities[priority]
	t.DueAt, t.CompletedAt = textOf(due), textOf(completed)
	t.CreatedAt, t.UpdatedAt = created.Format(instant), updated.Format(instant)
	if rule != nil && zone != nil {
		t.Recurrence = &recurrence{*rule, *zone}
	}
	t.Labels = []string{}
	if labels != nil {
		err = json.Unmarshal(labels, &t.Labels)
	}
	return t, err
}

func textOf(at sql.NullTime) *string {
	if !at.Valid {
		return nil
	}
	text := at.Time.Format(instant)
	return &text
}

// The task that a valid body makes, and its time.
func (n newTask) task() (task, time.Time) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	at := now.Format(instant)
	t := task{
		ID: uuidV7(now), Title: *n.Title, Description: n.Description, Status: "open", Priority: "normal",
		Assignee: n.Assignee, Labels: slices.Sorted(slices.Values(n.Labels)), Recurrence: n.Recurrence,
		CreatedAt: at, UpdatedAt: at, Version: 1,
	}
	if t.Labels == nil {
		t.Labels = []string{}
	}
	if n.Status != nil {
		t.Status = *n.Status
	}
	if n.Priority != nil {
		t.Priority = *n.Priority
	}
	if n.DueAt != nil {
		due := n.DueAt.UTC().Format(instant)
		t.DueAt = &due
	}
	if t.Status == "done" {
		t.CompletedAt = &at
	}
	return t, now
}

// Stores a new task: alone where one statement does it, else with its labels in one transaction.
func (s *service) store(ctx context.Context, t task, now time.Time) error {
	values, err := valuesOf(t, now, now)
	if err != nil {
		return err
	}
	values = append(values, principal)
	if len(t.Labels) == 0 {
		_, err := s.insert.ExecContext(ctx, values...)
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	if _, err := tx.StmtContext(ctx, s.insert).ExecContext(ctx, values...); err != nil {
		return err
	}
	if err := s.addLabels(ctx, tx, t); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *service) addLabels(ctx context.Context, tx *sql.Tx, t task) error {
	if len(t.Labels) == 0 {
		return nil
	}
	pairs := make([]any, 0, 2*len(t.Labels))
	for _, label := range t.Labels {
		pairs = append(pairs, label, t.ID)
	}
	statement, err := s.labels(len(t.Labels))
	if err != nil {
		return err
	}
	_, err = tx.StmtContext(ctx, statement).ExecContext(ctx, pairs...)
	return err
}

// The statement that inserts so many labels, prepared once.
func (s *service) labels(count int) (*sql.Stmt, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if known := s.insertLabels[count]; known != nil {
		return known, nil
	}
	made, err := s.db.Prepare("INSERT INTO task_labels (label, task_id) VALUES " +
		strings.TrimSuffix(strings.Repeat("(?, ?), ", count), ", "))
	if err == nil {
		s.insertLabels[count] = made
	}
	return made, err
}

func valuesOf(t task, created, updated time.Time) ([]any, error) {
	var labels, rule, zone, due, completed any
	cancelled := t.Status == "cancelled"
	status := t.Status
	if cancelled {
		status = "done"
	}
	if len(t.Labels) > 0 {
		text, err := json.Marshal(t.Labels)
		if err != nil {
			return nil, err
		}
		labels = string(text) // MySQL takes no JSON from binary text
	}
	if t.Recurrence != nil {
		rule, zone = t.Recurrence.Rule, t.Recurrence.TimeZone
	}
	if t.DueAt != nil {
		at, err := time.Parse(instant, *t.DueAt)
		if err != nil {
			return nil, err
		}
		due = at
	}
	if t.CompletedAt != nil {
		at, err := time.Parse(instant, *t.CompletedAt)
		if err != nil {
			return nil, err
		}
		completed = at
	}
	return []any{t.ID, t.Title, t.Description, status, cancelled, slices.Index(priorities, t.Priority), due, t.Assignee,
		labels, rule, zone, completed, t.Next, created, updated, t.Version}, nil
}

func uuidV7(now time.Time) string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
