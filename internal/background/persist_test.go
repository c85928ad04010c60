package background

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const canaryOfPanic = "canary-5f4dcc3b5aa765d6"

func TestWhatPanicsInTheBackgroundBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(context.Background())
		began := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			Persist(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context) {
				if began++; began < 3 {
					panic(canaryOfPanic)
				}
				<-ctx.Done()
			})
		}()
		time.Sleep(10 * time.Second)
		cancel()
		<-done
		if began != 3 || strings.Count(log.String(), "panic in the background") != 2 || strings.Contains(log.String(), canaryOfPanic) {
			t.Errorf("got %d beginnings, and %s; want three, and two lines", began, log.String())
		}
	})
}
