package body

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// A body that finds no room says whose bodies take what there was, of which limit.
func TestBodyWithoutRoomSaysWhatIsFullAndWhoseShare(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		memory, ofClient, disk, diskOfClient, files int64 // what is taken, and how many files there may be
		noFile                                      error
		isOfClient                                  bool
		want                                        string
	}{
		"memory of all, no directory": {memory: 3 << 20, noFile: errors.New("no directory"), want: "[memory 3162112 memory_limit 3145728 err no directory]"},
		"memory of all, no files":     {memory: 3 << 20, want: "[memory 3162112 memory_limit 3145728 files 0 files_limit 0]"},
		"memory and disk of all": {memory: 3 << 20, disk: 6 << 20, files: 9,
			want: "[memory 3162112 memory_limit 3145728 disk 6291456 disk_limit 6291456]"},
		"memory of the client, no files": {memory: 2 << 20, ofClient: 2 << 20, isOfClient: true,
			want: "[memory 2101248 memory_limit 2097152 files 0 files_limit 0]"},
		"memory and disk of the client": {memory: 2 << 20, ofClient: 2 << 20, disk: 4 << 20, diskOfClient: 4 << 20, files: 9, isOfClient: true,
			want: "[memory 2101248 memory_limit 2097152 disk 4194304 disk_limit 4194304]"},
		"memory of all, disk of the client": {memory: 3 << 20, disk: 4 << 20, diskOfClient: 4 << 20, files: 9, isOfClient: true,
			want: "[memory 3276800 memory_limit 3145728 disk 4194304 disk_limit 4194304]"},
		"memory for the first bytes": {memory: 4 << 20, files: 9, want: "[memory 4194304 memory_limit 4194304]"},
	} {
		g, client := NewBudget(0), new(ClientUsage)
		g.Memory.Limit, g.Disk.Limit, g.diskInMemory, g.Files.Limit = 4<<20, 8<<20, 8<<20, row.files
		g.Memory.taken.Store(row.memory)
		g.Disk.taken.Store(row.disk)
		client.memory.taken.Store(row.ofClient)
		client.disk.taken.Store(row.diskOfClient)
		b := Body{budget: g, noFile: row.noFile}
		if row.isOfClient {
			b.CountFor(client)
		}
		err := b.Fill(bytes.NewReader(rawtest.Noise(3<<20)), 3<<20)
		var why *NoRoomError
		if !errors.As(err, &why) || !errors.Is(err, ErrNoRoom) {
			t.Fatalf("%s: got %v; want %v", name, err, ErrNoRoom)
		}
		if got := fmt.Sprint(why.Taken()); got != row.want || why.IsOfClient() != row.isOfClient {
			t.Errorf("%s: got %s, of the client: %v; want %s, %v", name, got, why.IsOfClient(), row.want, row.isOfClient)
		}
		if got := b.NoFile(); !errors.Is(got, row.noFile) {
			t.Errorf("%s: got %v from the directory for temporary files; want %v", name, got, row.noFile)
		}
		b.Release()
		if m, d, f := g.Memory.Taken(), g.Disk.Taken(), g.Files.Taken(); m != row.memory || d != row.disk || f != 0 {
			t.Errorf("%s: got %d, %d and %d taken after the release; want as before", name, m, d, f)
		}
	}
}
