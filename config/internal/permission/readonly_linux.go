package permission

import "syscall"

// onReadOnly reports whether nobody can write path, whatever its mode: what
// Kubernetes mounts of a ConfigMap is open to all and read-only.
func onReadOnly(path string) bool {
	const readOnly = 1 // ST_RDONLY
	var mounted syscall.Statfs_t
	return syscall.Statfs(path, &mounted) == nil && mounted.Flags&readOnly != 0
}
