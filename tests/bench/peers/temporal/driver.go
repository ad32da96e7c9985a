// Temporal: starts ./bin/server on a file (a synchronous commit a change), workers and client in this process.
// Prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	tlog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const queue, samples, loopSeconds = "peers", 60, 10

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func nothing(context.Context) (int, error) { return 1, nil }

func withTimeout(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
}

// chain runs so many activities, each after the one before; a job is a chain of one.
func chain(ctx workflow.Context, length int) error {
	ctx = withTimeout(ctx)
	for i := 0; i < length; i++ {
		if err := workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// fan runs so many at once, then one more.
func fan(ctx workflow.Context, width int) error {
	ctx = withTimeout(ctx)
	parts := make([]workflow.Future, width)
	for i := range parts {
		parts[i] = workflow.ExecuteActivity(ctx, nothing)
	}
	for _, part := range parts {
		if err := part.Get(ctx, nil); err != nil {
			return err
		}
	}
	return workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil)
}

type bench struct{ client client.Client }

func (b *bench) run(flow any, size int) error {
	ctx := context.Background()
	options := client.StartWorkflowOptions{TaskQueue: queue, WorkflowTaskTimeout: time.Minute}
	started, err := b.client.ExecuteWorkflow(ctx, options, flow, size)
	if err != nil {
		return err
	}
	return started.Get(ctx, nil)
}

func (b *bench) timed(flow any, size int) float64 {
	begin := time.Now()
	must(b.run(flow, size))
	return time.Since(begin).Seconds()
}

// rate: so many clients, each waiting for its own.
func (b *bench) rate(clients int) float64 {
	var done atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Since(begin) < loopSeconds*time.Second {
				must(b.run(chain, 1))
				done.Add(1)
			}
		}()
	}
	all.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds()
}

func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

func dial(address string) client.Client {
	logger := tlog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var c client.Client
		if c, err = client.Dial(client.Options{HostPort: address, Logger: logger}); err == nil {
			return c
		}
	}
	must(err)
	return nil
}

func main() {
	directory, err := os.MkdirTemp("", "exo-peer-temporal.")
	must(err)
	defer func() { _ = os.RemoveAll(directory) }()
	port := freePort()
	server := exec.Command("./bin/server", strconv.Itoa(port), filepath.Join(directory, "temporal.db"))
	said, err := os.Create(filepath.Join(directory, "server.log")) // its own complaints are many under load, and none is ours
	must(err)
	server.Stderr = said
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(server.Start())
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	b := &bench{client: dial(address)}
	workers := worker.New(dial(address), queue, worker.Options{
		MaxConcurrentActivityTaskPollers: 16, MaxConcurrentWorkflowTaskPollers: 16,
		MaxConcurrentActivityExecutionSize: 2000, MaxConcurrentWorkflowTaskExecutionSize: 1000})
	workers.RegisterActivity(nothing)
	workers.RegisterWorkflow(chain)
	workers.RegisterWorkflow(fan)
	must(workers.Start())
	for i := 0; i < 10; i++ {
		must(b.run(chain, 1))
	}
	latencies := make([]float64, samples)
	for i := range latencies {
		latencies[i] = b.timed(chain, 1) * 1e3
	}
	sort.Float64s(latencies)
	figures := map[string]float64{"latency_ms": latencies[samples/2]}
	for _, clients := range []int{10, 50} {
		figures["jobs_per_s"] = max(figures["jobs_per_s"], b.rate(clients))
	}
	figures["step_ms"] = b.timed(chain, 100) * 1e3 / 100
	// 10,000 at once are refused: 2,000 pending activities are the limit of a workflow.
	figures["fan_1000_s"] = b.timed(fan, 1000)
	line, err := json.Marshal(figures)
	must(err)
	fmt.Println(string(line))
}
