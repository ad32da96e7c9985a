// Asynq on the Redis of os.Args[1], server and client in one process. Prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

const jobs = 30000

type bench struct {
	redis  asynq.RedisClientOpt
	client *asynq.Client
	left   atomic.Int64
	done   chan struct{}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ended counts one job; the last of a round says so.
func (b *bench) ended() {
	if b.left.Add(-1) == 0 {
		b.done <- struct{}{}
	}
}

func (b *bench) add(kind string, payload []byte) {
	_, err := b.client.Enqueue(asynq.NewTask(kind, payload))
	must(err)
}

func (b *bench) mux() *asynq.ServeMux {
	mux := asynq.NewServeMux()
	mux.HandleFunc("job", func(context.Context, *asynq.Task) error { b.ended(); return nil })
	// A fan: the last of its jobs adds the one that joins them.
	mux.HandleFunc("part", func(context.Context, *asynq.Task) error {
		if b.left.Add(-1) == 1 {
			b.add("job", nil)
		}
		return nil
	})
	// A chain: each link adds the next.
	mux.HandleFunc("link", func(_ context.Context, t *asynq.Task) error {
		left, err := strconv.Atoi(string(t.Payload()))
		if err != nil {
			return err
		}
		if left > 1 {
			b.add("link", []byte(strconv.Itoa(left-1)))
		} else {
			b.ended()
		}
		return nil
	})
	return mux
}

// round adds so many jobs from several goroutines and waits for `ends` of them.
func (b *bench) round(kind string, count int, ends int64) time.Duration {
	begin := time.Now()
	var adders sync.WaitGroup
	b.left.Store(ends)
	for worker := 0; worker < 8; worker++ {
		adders.Add(1)
		go func(worker int) {
			defer adders.Done()
			for i := worker; i < count; i += 8 {
				b.add(kind, nil)
			}
		}(worker)
	}
	adders.Wait()
	<-b.done
	return time.Since(begin)
}

func (b *bench) with(concurrency int, measure func()) {
	server := asynq.NewServer(b.redis, asynq.Config{Concurrency: concurrency, LogLevel: asynq.FatalLevel,
		TaskCheckInterval: time.Millisecond})
	must(server.Start(b.mux()))
	measure()
	server.Shutdown()
}

func main() {
	b := &bench{redis: asynq.RedisClientOpt{Addr: os.Args[1]}, done: make(chan struct{}, 1)}
	b.client = asynq.NewClient(b.redis)
	figures := map[string]float64{}
	for _, concurrency := range []int{50, 200} {
		b.with(concurrency, func() {
			rate := jobs / b.round("job", jobs, jobs).Seconds()
			figures["jobs_per_s"] = max(figures["jobs_per_s"], rate)
		})
	}
	b.with(100, func() {
		samples := []float64{}
		for i := 0; i < 300; i++ {
			samples = append(samples, b.round("job", 1, 1).Seconds()*1e3)
		}
		sort.Float64s(samples)
		figures["latency_ms"] = samples[150]
		figures["fan_1000_s"] = b.round("part", 1000, 1001).Seconds()
		figures["fan_10000_s"] = b.round("part", 10000, 10001).Seconds()
		begin := time.Now()
		b.left.Store(1)
		b.add("link", []byte("100"))
		<-b.done
		figures["step_ms"] = time.Since(begin).Seconds() * 1e3 / 100
	})
	line, err := json.Marshal(figures)
	must(err)
	fmt.Println(string(line))
}
