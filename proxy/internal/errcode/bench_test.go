package errcode

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkTopLevelErrcode(b *testing.B) {
	for _, size := range []int{45, 4096} {
		frame := `{"errmsg":"","errcode":0}`
		body := []byte(strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1))
		b.Run(fmt.Sprintf("%dB", len(body)), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, found := topLevelErrcode(body); !found {
					b.Fatal("got no errcode")
				}
			}
		})
	}
}
