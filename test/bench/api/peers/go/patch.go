package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Code points of a text that the history keeps.
const keptText = 200

const insertChange = "INSERT INTO task_history (task_id, version, changed_at, principal, action, changes) VALUES (?, ?, ?, ?, ?, ?)"

// What may follow a status.
var transitions = map[string][]string{
	"open":        {"in_progress", "done", "cancelled"},
	"in_progress": {"open", "done", "cancelled"},
	"done":        {"open"},
	"cancelled":   {"open"},
}

var (
	errMissing = errors.New("there is no such task")
	errStale   = errors.New("the task has another version")
	errRefused = errors.New("this status may not follow")
)

// A field that a patch may have, also with null.
type field[T any] struct {
	given bool
	value *T
}

func (f *field[T]) UnmarshalJSON(text []byte) error {
	f.given = true
	return json.Unmarshal(text, &f.value)
}

type taskPatch struct {
	Title       field[string]    `json:"title"`
	Description field[string]    `json:"description"`
	Status      field[string]    `json:"status"`
	Priority    field[string]    `json:"priority"`
	DueAt       field[time.Time] `json:"dueAt"`
	Assignee    field[string]    `json:"assignee"`
	Labels      field[[]string]  `json:"labels"`
}

func (p taskPatch) valid() bool {
	if !p.Title.given && !p.Description.given && !p.Status.given && !p.Priority.given && !p.DueAt.given &&
		!p.Assignee.given && !p.Labels.given {
		return false
	}
	if p.Title.given && (p.Title.value == nil || !isSaid(*p.Title.value, 200)) {
		return false
	}
	if p.Description.given && (p.Description.value == nil || utf8.RuneCountInString(*p.Description.value) > 10_000) {
		return false
	}
	if p.Status.given && (p.Status.value == nil || transitions[*p.Status.value] == nil) {
		return false
	}
	if p.Priority.given && (p.Priority.value == nil || !slices.Contains(priorities, *p.Priority.value)) {
		return false
	}
	if p.Assignee.value != nil && !isSaid(*p.Assignee.value, 100) {
		return false
	}
	return !p.Labels.given || p.Labels.value != nil && areLabels(*p.Labels.value)
}

// The task that the patch makes, but for what every change changes.
func (p taskPatch) apply(t task) task {
	for _, text := range []struct {
		from field[string]
		to   *string
	}{{p.Title, &t.Title}, {p.Description, &t.Description}, {p.Status, &t.Status}, {p.Priority, &t.Priority}} {
		if text.from.given {
			*text.to = *text.from.value
		}
	}
	if p.DueAt.given {
		t.DueAt = nil
		if p.DueAt.value != nil {
			at := p.DueAt.value.UTC().Format(instant)
			t.DueAt = &at
		}
	}
	if p.Assignee.given {
		t.Assignee = p.Assignee.value
	}
	if p.Labels.given {
		t.Labels = slices.Sorted(slices.Values(*p.Labels.value))
		if t.Labels == nil {
			t.Labels = []string{}
		}
	}
	return t
}

type change struct {
	Field string `json:"field"`
	From  any    `json:"from"`
	To    any    `json:"to"`
}

func changesOf(before, after task) []change {
	var changes []change
	for _, watched := range []struct {
		name     string
		from, to any
	}{
		{"title", before.Title, after.Title},
		{"description", before.Description, after.Description},
		{"status", before.Status, after.Status},
		{"priority", before.Priority, after.Priority},
		{"dueAt", before.DueAt, after.DueAt},
		{"assignee", before.Assignee, after.Assignee},
		{"labels", before.Labels, after.Labels},
	} {
		if !reflect.DeepEqual(watched.from, watched.to) {
			changes = append(changes, change{watched.name, kept(watched.from), kept(watched.to)})
		}
	}
	return changes
}

func kept(value any) any {
	if text, isText := value.(string); isText && utf8.RuneCountInString(text) > keptText {
		return string([]rune(text)[:keptText]) + "…"
	}
	return value
}

func (s *service) patchTask(w http.ResponseWriter, r *http.Request) {
	var p taskPatch
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil || !p.valid() {
		fail(w, http.StatusBadRequest)
		return
	}
	t, err := s.change(r.Context(), r.PathValue("id"), r.Header.Get("If-Match"), p)
	switch {
	case errors.Is(err, errMissing):
		fail(w, http.StatusNotFound)
	case errors.Is(err, errStale):
		fail(w, http.StatusPreconditionFailed)
	case errors.Is(err, errRefused):
		fail(w, http.StatusConflict)
	case err != nil:
		broken(w, err)
	default:
		w.Header().Set("ETag", `"`+strconv.Itoa(t.Version)+`"`)
		answer(w, http.StatusOK, t)
	}
}

// Changes a task in one transaction with its line in the history.
func (s *service) change(ctx context.Context, id, ifMatch string, p taskPatch) (task, error) {
	if !idShape.MatchString(id) {
		return task{}, errMissing
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return task{}, err
	}
	defer tx.Rollback() // does nothing after the commit
	before, err := scan(tx.StmtContext(ctx, s.lock).QueryRowContext(ctx, id))
	if errors.Is(err, sql.ErrNoRows) {
		return task{}, errMissing
	}
	if err != nil {
		return task{}, err
	}
	if ifMatch != "" && ifMatch != "*" && ifMatch != `"`+strconv.Itoa(before.Version)+`"` {
		return task{}, errStale
	}
	after := p.apply(before)
	if after.Status != before.Status && !slices.Contains(transitions[before.Status], after.Status) {
		return task{}, errRefused
	}
	changes := changesOf(before, after)
	if len(changes) == 0 {
		return before, nil
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	after.UpdatedAt = now.Format(instant)
	after.Version++
	if after.Status != "done" {
		after.CompletedAt = nil
	} else if before.Status != "done" {
		after.CompletedAt = &after.UpdatedAt
	}
	if err := s.write(ctx, tx, after, now, changes); err != nil {
		return task{}, err
	}
	return after, tx.Commit()
}

func (s *service) write(ctx context.Context, tx *sql.Tx, t task, now time.Time, changes []change) error {
	created, err := time.Parse(instant, t.CreatedAt)
	if err != nil {
		return err
	}
	values, err := valuesOf(t, created, now)
	if err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, s.update).ExecContext(ctx, append(values[1:], t.ID)...); err != nil {
		return err
	}
	if slices.ContainsFunc(changes, func(c change) bool { return c.Field == "labels" }) {
		if _, err := tx.StmtContext(ctx, s.deleteLabels).ExecContext(ctx, t.ID); err != nil {
			return err
		}
		if err := s.addLabels(ctx, tx, t); err != nil {
			return err
		}
	}
	text, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	_, err = tx.StmtContext(ctx, s.record).ExecContext(ctx, t.ID, t.Version, now, principal, "updated", string(text))
	return err
}
