package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxRecord is how many bytes an address has at most, with the process's number.
const maxRecord = 512

// An adminRecord is a small file in which a process notes where its admin listener
// is, so that wxproxy health finds it whatever the configuration says by now. Its
// name is derived from the configuration's. Where no directory can be written to,
// there is none.
type adminRecord struct {
	names []string // the best first; nil: there is no record
	text  string   // what this process wrote
}

// newAdminRecord returns the record of processes with the configuration at path, or
// in this directory with the environment alone. It has two names. The first one
// contains WXPROXY_ADMIN_LISTEN, so that processes which differ by that alone have a
// record each; the second one is for wxproxy health with another value of it, or none.
func newAdminRecord(path string) adminRecord {
	of, err := filepath.Abs(path)
	if err != nil {
		return adminRecord{}
	}
	if path == "" {
		of += "\x00"
	}
	return adminRecord{names: []string{recordName(of + "\x00" + os.Getenv("WXPROXY_ADMIN_LISTEN")), recordName(of)}}
}

func recordName(of string) string {
	sum := sha256.Sum256([]byte(of))
	return "wxproxy-" + hex.EncodeToString(sum[:12]) + ".admin"
}

// recordDirectories returns the directories that the record may be in, the best first.
// The last one can be written to even in a container with a read-only file system.
func recordDirectories() (found []string) {
	runtime, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	for _, dir := range []string{runtime, os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/dev/shm"} {
		if filepath.IsAbs(dir) {
			found = append(found, dir)
		}
	}
	return found
}

// write notes the address in the first directory that takes it.
func (r *adminRecord) write(open net.Addr) {
	address := "http://" + open.String()
	if open.Network() == "unix" {
		address = "unix:" + open.String()
	}
	r.text = fmt.Sprintf("%s\n%d\n", address, os.Getpid())
	if len(r.text) > maxRecord {
		return
	}
	for _, name := range r.names {
		for _, dir := range recordDirectories() {
			if r.writeIn(dir, name) == nil {
				break
			}
		}
	}
}

func (r *adminRecord) writeIn(dir, name string) error {
	file, err := os.CreateTemp(dir, name+"-")
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, r.text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// read returns the address that a living process has noted.
func (r adminRecord) read() (address string, ok bool) {
	for _, path := range r.paths() {
		text, ok := readOwn(path)
		address, number, _ := strings.Cut(text, "\n")
		if pid, err := strconv.Atoi(strings.TrimSpace(number)); ok && err == nil && pid > 0 && lives(pid) {
			return address, true
		}
	}
	return "", false
}

// paths returns the files that the record may be, the best first.
func (r adminRecord) paths() (paths []string) {
	for _, name := range r.names {
		for _, dir := range recordDirectories() {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// remove removes the files that this process wrote, unless another one has replaced
// them.
func (r *adminRecord) remove() {
	for _, path := range r.paths() {
		if text, ok := readOwn(path); ok && text == r.text {
			os.Remove(path)
		}
	}
}

// readOwn returns the content of a small file that only this user or root can have
// written.
func readOwn(path string) (string, bool) {
	file, err := openHere(path)
	if err != nil {
		return "", false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o022 != 0 || !isOurs(info) {
		return "", false
	}
	text, err := io.ReadAll(io.LimitReader(file, maxRecord+1))
	return string(text), err == nil && len(text) <= maxRecord
}
