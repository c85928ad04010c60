package listen

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Between being made and having its mode, a socket lets nobody call who may not.
func TestASocketIsMadeWithoutFurtherRights(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	limited := net.ListenConfig{Control: limitMode}
	ln, err := limited.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	made, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := made.Mode().Perm(); mode&^socketMode != 0 {
		t.Errorf("got %v; want no more than %v", mode, os.FileMode(socketMode))
	}
}
