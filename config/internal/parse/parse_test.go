package parse

import (
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for _, row := range []struct {
		value any
		want  time.Duration
		err   string
	}{
		{"5s", 5 * time.Second, ""},
		{"1m30s", 90 * time.Second, ""},
		{"1ms", time.Millisecond, ""},
		{"1.5h", 90 * time.Minute, ""},
		{int64(5), 0, `has no unit; write 5 seconds as "5s"`},
		{0.5, 0, `has no unit; write 0.5 seconds as "0.5s"`},
		{true, 0, "is true or false; write a duration with its unit"},
		{"5", 0, "is not a duration"},
		{"5 s", 0, "is not a duration"},
		{"", 0, "is not a duration"},
		{"9999999999999h", 0, "is not a duration"},
		{"0s", 0, "must be longer than zero"},
		{"-1s", 0, "must be longer than zero"},
		{"999us", 0, "must be at least a millisecond"},
	} {
		got, err := Duration(row.value)
		if got != row.want || !says(err, row.err) {
			t.Errorf("%v: got %v, %v; want %v, %q", row.value, got, err, row.want, row.err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, row := range []struct {
		value any
		want  int
		err   string
	}{
		{"16MiB", 16 << 20, ""},
		{"1KiB", 1 << 10, ""},
		{"2GiB", 2 << 30, ""},
		{"3KB", 3000, ""},
		{"3MB", 3e6, ""},
		{"3GB", 3e9, ""},
		{"1048576", 1 << 20, ""},
		{"10B", 10, ""},
		{int64(16), 0, "is a number; write a size in quotes"},
		{nil, 0, "is a list"},
		{"16M", 0, "is not a size"},
		{"16mib", 0, "is not a size"},
		{"16 MiB", 0, "is not a size"},
		{"1.5MiB", 0, "is not a size"},
		{"-1", 0, "is not a size"},
		{"MiB", 0, "is not a size"},
		{"", 0, "is not a size"},
		{"16MiBMiB", 0, "is not a size"},
		{"0", 0, "must be larger than zero"},
		{"9223372036854775807KiB", 0, "is too large"},
		{"9999999999999999999999", 0, "is too large"},
	} {
		got, err := Size(row.value)
		if got != row.want || !says(err, row.err) {
			t.Errorf("%v: got %v, %v; want %v, %q", row.value, got, err, row.want, row.err)
		}
	}
}

// says reports whether err begins with want, or is nil if that is empty.
func says(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	return strings.HasPrefix(err.Error(), want)
}

func FuzzParseSize(f *testing.F) {
	f.Add("16MiB")
	f.Add("18446744073709551616GiB")
	f.Fuzz(func(t *testing.T, text string) {
		if size, err := Size(text); (err == nil) != (size > 0) {
			t.Errorf("%q: got %d, %v", text, size, err)
		}
	})
}
