// Command ferretdb is FerretDB as docker-compose.yml starts it: its package, since its own command ends at once outside its
// repository. It takes the flags that stand there and the variables that its image sets, and no other.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	handler := flag.String("handler", "postgresql", "what keeps the data")
	// The package has neither.
	flag.String("telemetry", "undecided", "whether it tells its makers of its use")
	flag.String("debug-addr", "", "where it tells of itself")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("there is no command %q", flag.Arg(0))
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: os.Getenv("FERRETDB_LISTEN_ADDR")},
		Handler:   *handler,
		SQLiteURL: os.Getenv("FERRETDB_SQLITE_URL"),
	})
	if err != nil {
		log.Fatal(err)
	}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := server.Run(stopped); err != nil {
		log.Fatal(err)
	}
}
