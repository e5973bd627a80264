package main

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	idShape    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	limitShape = regexp.MustCompile(`^([1-9][0-9]?|100)$`)
	labelShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9._/-]{0,48}[a-z0-9])?$`)
	// Of a rule; none of the measured requests has one, so what it means is looked at by our service only.
	ruleShape = regexp.MustCompile(`^[A-Z0-9=;,+-]{1,500}$`)
	zoneShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+/-]{0,63}$`)
	statuses  = []string{"open", "in_progress", "done"}
)

type newTask struct {
	Title       *string     `json:"title"`
	Description string      `json:"description"`
	Status      *string     `json:"status"`
	Priority    *string     `json:"priority"`
	DueAt       *time.Time  `json:"dueAt"`
	Assignee    *string     `json:"assignee"`
	Labels      []string    `json:"labels"`
	Recurrence  *recurrence `json:"recurrence"`
}

func (n newTask) valid() bool {
	if n.Title == nil || !isSaid(*n.Title, 200) || utf8.RuneCountInString(n.Description) > 10_000 {
		return false
	}
	if n.Assignee != nil && !isSaid(*n.Assignee, 100) {
		return false
	}
	if n.Status != nil && !slices.Contains(statuses, *n.Status) {
		return false
	}
	if n.Priority != nil && !slices.Contains(priorities, *n.Priority) {
		return false
	}
	if r := n.Recurrence; r != nil && (n.DueAt == nil || !ruleShape.MatchString(r.Rule) || !zoneShape.MatchString(r.TimeZone)) {
		return false
	}
	return areLabels(n.Labels)
}

func isSaid(text string, most int) bool {
	return strings.TrimSpace(text) != "" && utf8.RuneCountInString(text) <= most
}

func areLabels(labels []string) bool {
	if len(labels) > 10 {
		return false
	}
	for i, label := range labels {
		if !labelShape.MatchString(label) || slices.Contains(labels[:i], label) {
			return false
		}
	}
	return true
}
