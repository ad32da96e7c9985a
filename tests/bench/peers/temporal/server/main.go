// The server of `temporal server start-dev --db-filename FILE`, without the CLI around it: the CLI cannot be built from
// the module proxy, which lacks its nested module cliext. Package devserver beside this is the CLI's own (tests/bench/peers/run
// copies it from the module), and the values are those of its commands.server.go, but for one that is named below.
//
//	server PORT FILE
package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"exosphere/peers/temporal/devserver"
	"github.com/google/uuid"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server, err := devserver.Start(devserver.StartOptions{
		FrontendIP: "127.0.0.1", FrontendPort: port, Namespaces: []string{"default"}, DatabaseFile: os.Args[2],
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		LogLevel:  slog.LevelError,
		ClusterID: uuid.NewString(), MasterClusterName: "active", CurrentClusterName: "active", InitialFailoverVersion: 1,
		DynamicConfigValues: map[string]any{
			"system.forceSearchAttributesCacheRefreshOnRead": true,
			"system.forceNexusEndpointRefreshOnRead":         true,
			"frontend.persistenceMaxQPS":                     10000,
			"history.persistenceMaxQPS":                      45000,
			// 20 by default, with which each dispatch on the one shard takes 50 ms.
			"history.transferProcessorMaxPollRPS": 100000,
		}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	server.Stop()
}
