// River on the Postgres of os.Args[1], workers and client in one process. Prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const jobs, perInsert = 40000, 1000

// Kinds of jobs: one that does nothing, a part of a fan, a link of a chain.
type jobArgs struct{}
type partArgs struct{}
type linkArgs struct {
	Left int `json:"left"`
}

func (jobArgs) Kind() string  { return "job" }
func (partArgs) Kind() string { return "part" }
func (linkArgs) Kind() string { return "link" }

type bench struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	left   atomic.Int64
	done   chan struct{}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type jobWorker struct{ river.WorkerDefaults[jobArgs] }
type partWorker struct {
	river.WorkerDefaults[partArgs]
	b    *bench
	open *atomic.Int64
}
type linkWorker struct {
	river.WorkerDefaults[linkArgs]
	b *bench
}

func (w *jobWorker) Work(context.Context, *river.Job[jobArgs]) error { return nil }

// The last part adds the job that joins them.
func (w *partWorker) Work(ctx context.Context, _ *river.Job[partArgs]) error {
	if w.open.Add(-1) == 0 {
		_, err := w.b.client.Insert(ctx, jobArgs{}, nil)
		return err
	}
	return nil
}

// Each link adds the next and is completed in the same transaction.
func (w *linkWorker) Work(ctx context.Context, job *river.Job[linkArgs]) error {
	if job.Args.Left <= 1 {
		w.b.done <- struct{}{}
		return nil
	}
	tx, err := w.b.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err = w.b.client.InsertTx(ctx, tx, linkArgs{job.Args.Left - 1}, nil); err != nil {
		return err
	}
	if _, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// insert adds so many jobs, a thousand a COPY.
func (b *bench) insert(ctx context.Context, args river.JobArgs, count int) {
	for i := 0; i < count; i += perInsert {
		batch := make([]river.InsertManyParams, min(perInsert, count-i))
		for k := range batch {
			batch[k].Args = args
		}
		_, err := b.client.InsertManyFast(ctx, batch)
		must(err)
	}
}

// await waits until so many more jobs are known to be completed.
func await(events <-chan *river.Event, count int) {
	for i := 0; i < count; i++ {
		<-events
	}
}

func main() {
	ctx := context.Background()
	b := &bench{done: make(chan struct{}, 1)}
	var err error
	b.pool, err = pgxpool.New(ctx, os.Args[1]+"?pool_max_conns=20")
	must(err)
	migrator, err := rivermigrate.New(riverpgxv5.New(b.pool), nil)
	must(err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	must(err)
	open := &atomic.Int64{}
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobWorker{})
	river.AddWorker(workers, &partWorker{b: b, open: open})
	river.AddWorker(workers, &linkWorker{b: b})
	b.client, err = river.NewClient(riverpgxv5.New(b.pool), &river.Config{
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 500}},
		FetchCooldown: time.Millisecond, FetchPollInterval: 10 * time.Millisecond,
		Workers: workers, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	must(err)
	events, stop := b.client.SubscribeConfig(&river.SubscribeConfig{
		Kinds: []river.EventKind{river.EventKindJobCompleted}, ChanSize: 100000})
	defer stop()
	must(b.client.Start(ctx))
	figures := map[string]float64{}
	timed := func(action func()) float64 {
		begin := time.Now()
		action()
		return time.Since(begin).Seconds()
	}
	b.insert(ctx, jobArgs{}, 1000)
	await(events, 1000)
	figures["jobs_per_s"] = jobs / timed(func() { b.insert(ctx, jobArgs{}, jobs); await(events, jobs) })
	samples := []float64{}
	for i := 0; i < 30; i++ {
		samples = append(samples, 1e3*timed(func() {
			_, err := b.client.Insert(ctx, jobArgs{}, nil)
			must(err)
			await(events, 1)
		}))
	}
	sort.Float64s(samples)
	figures["latency_ms"] = samples[15]
	for _, width := range []int{1000, 10000} {
		open.Store(int64(width))
		figures[fmt.Sprintf("fan_%d_s", width)] = timed(func() { b.insert(ctx, partArgs{}, width); await(events, width+1) })
	}
	figures["step_ms"] = 1e3 / 100 * timed(func() {
		_, err := b.client.Insert(ctx, linkArgs{100}, nil)
		must(err)
		<-b.done
	})
	must(b.client.StopAndCancel(ctx))
	line, err := json.Marshal(figures)
	must(err)
	fmt.Println(string(line))
}
