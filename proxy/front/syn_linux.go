package front

import (
	"time"

	"golang.org/x/sys/unix"
)

// handshakeTime is how long a TCP handshake that had begun has to end. Callers that are
// farther away are cut, as all were without dropSYNs.
const handshakeTime = 20 * time.Millisecond

// dropSYNs has the kernel drop the SYNs, which begin a connection to listener, and waits
// for the handshakes that had begun: the kernel resets those that are in the middle when
// a listener closes, although their callers may be connected already. A caller whose SYN
// is dropped sends it again after a second, and finds the next process or nobody.
func dropSYNs(listener uintptr) {
	const flags, synAndACK, syn = 13, 0x12, 0x02 // in the TCP header
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: synAndACK},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if unix.SetsockoptSockFprog(int(listener), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program) == nil {
		time.Sleep(handshakeTime)
	}
}
