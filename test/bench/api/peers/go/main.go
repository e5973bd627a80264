// The tasks API as one writes it with net/http and go-sql-driver: the peer of `npm run bench -- api-go`.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const maxBody = 64 * 1024

type page struct {
	Items      []task  `json:"items"`
	NextCursor *string `json:"nextCursor"`
}

type service struct {
	db                 *sql.DB
	token              [32]byte
	find, list, insert *sql.Stmt
	// Of a change.
	lock, update, deleteLabels, record *sql.Stmt
	mutex                              sync.Mutex
	insertLabels                       map[int]*sql.Stmt
}

func (s *service) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		presented, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		hash := sha256.Sum256([]byte(presented))
		if !found || subtle.ConstantTimeCompare(hash[:], s.token[:]) != 1 {
			fail(w, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *service) getTask(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !idShape.MatchString(id) {
		fail(w, http.StatusNotFound)
		return
	}
	t, err := scan(s.find.QueryRowContext(r.Context(), id))
	if errors.Is(err, sql.ErrNoRows) {
		fail(w, http.StatusNotFound)
		return
	}
	if err != nil {
		broken(w, err)
		return
	}
	w.Header().Set("ETag", `"`+strconv.Itoa(t.Version)+`"`)
	answer(w, http.StatusOK, t)
}

func (s *service) listTasks(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit := 20
	if text := query.Get("limit"); text != "" {
		if !limitShape.MatchString(text) {
			fail(w, http.StatusBadRequest)
			return
		}
		limit, _ = strconv.Atoi(text) // the shape allows nothing that Atoi refuses
	}
	after, err := base64.RawURLEncoding.DecodeString(query.Get("cursor"))
	if err != nil {
		fail(w, http.StatusBadRequest)
		return
	}
	rows, err := s.list.QueryContext(r.Context(), string(after), limit+1)
	if err != nil {
		broken(w, err)
		return
	}
	defer rows.Close()
	p := page{Items: make([]task, 0, limit+1)}
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			broken(w, err)
			return
		}
		p.Items = append(p.Items, t)
	}
	if err := rows.Err(); err != nil {
		broken(w, err)
		return
	}
	if len(p.Items) > limit {
		p.Items = p.Items[:limit]
		cursor := base64.RawURLEncoding.EncodeToString([]byte(p.Items[limit-1].ID))
		p.NextCursor = &cursor
	}
	answer(w, http.StatusOK, p)
}

func (s *service) createTask(w http.ResponseWriter, r *http.Request) {
	var n newTask
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&n); err != nil || !n.valid() {
		fail(w, http.StatusBadRequest)
		return
	}
	t, now := n.task()
	if err := s.store(r.Context(), t, now); err != nil {
		broken(w, err)
		return
	}
	w.Header().Set("Location", "/api/v1/tasks/"+t.ID)
	w.Header().Set("ETag", `"1"`)
	answer(w, http.StatusCreated, t)
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		broken(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		log.Print(err)
	}
}

func fail(w http.ResponseWriter, status int) { answer(w, status, map[string]int{"status": status}) }

func broken(w http.ResponseWriter, err error) {
	log.Print(err)
	fail(w, http.StatusInternalServerError)
}

func open(pool int) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(os.Getenv("DB_HOST"), os.Getenv("DB_PORT"))
	config.User, config.Passwd, config.DBName = os.Getenv("DB_USER"), os.Getenv("DB_PASSWORD"), os.Getenv("DB_NAME")
	config.ParseTime, config.Loc = true, time.UTC
	db, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	return db, nil
}

func run() error {
	pool, err := strconv.Atoi(os.Getenv("DB_POOL_SIZE"))
	if err != nil {
		return err
	}
	db, err := open(pool)
	if err != nil {
		return err
	}
	s := &service{db: db, token: sha256.Sum256([]byte(os.Getenv("TOKEN"))), insertLabels: map[int]*sql.Stmt{}}
	for statement, text := range map[**sql.Stmt]string{
		&s.find:         "SELECT " + columns + " FROM tasks WHERE id = ?",
		&s.list:         "SELECT " + columns + " FROM tasks WHERE id > ? ORDER BY id LIMIT ?",
		&s.insert:       "INSERT INTO tasks (" + columns + ", created_by) VALUES (" + strings.Repeat("?, ", 16) + "?)",
		&s.lock:         "SELECT " + columns + " FROM tasks WHERE id = ? FOR UPDATE",
		&s.update:       "UPDATE tasks SET " + strings.ReplaceAll(columns[len("id, "):], ",", " = ?,") + " = ? WHERE id = ?",
		&s.deleteLabels: "DELETE FROM task_labels WHERE task_id = ?",
		&s.record:       insertChange,
	} {
		if *statement, err = db.Prepare(text); err != nil {
			return err
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/tasks/{id}", s.getTask)
	mux.HandleFunc("GET /api/v1/tasks", s.listTasks)
	mux.HandleFunc("POST /api/v1/tasks", s.createTask)
	mux.HandleFunc("PATCH /api/v1/tasks/{id}", s.patchTask)
	return http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), s.authorized(mux))
}

func main() { log.Fatal(run()) }
