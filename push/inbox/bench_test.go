package inbox

import (
	"context"
	"strings"
	"testing"
)

// What an async push costs until WeChat may be answered: two waits for the disk, the
// second of which many share.
func BenchmarkAddToFiles(b *testing.B) {
	box, err := Open(Config{Dir: b.TempDir(), Max: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	p := push("a", "f", strings.Repeat("x", 500))
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := box.Add(context.Background(), p); err != nil {
				b.Error(err)
			}
		}
	})
}
