package inbox

import (
	"fmt"
	"strconv"
	"strings"
)

// failedFolder begins the names of records that are not tried any more.
const failedFolder = "failed/"

// name returns the name of a waiting record of a queue: its place in time, the queue,
// and how often it was tried, so that this can be changed without writing anything.
func (i item) name(hash string) string { return fmt.Sprintf("%016x-%s-%d.push", i.seq, hash, i.stored) }

// readName returns the item that a name tells, without its size.
func readName(name string) (i item, hash string, failed, ok bool) {
	name, failed = strings.CutPrefix(name, failedFolder)
	base, ok := strings.CutSuffix(name, ".push")
	parts := strings.Split(base, "-")
	const words, digits = 3, 16
	if !ok || len(parts) != words || len(parts[0]) != digits || len(parts[1]) != digits {
		return i, "", failed, false
	}
	seq, badSeq := strconv.ParseUint(parts[0], 16, 63)
	_, badHash := strconv.ParseUint(parts[1], 16, 64)
	attempts, badAttempts := strconv.ParseUint(parts[2], 10, 31)
	i = item{seq: seq, attempts: int32(attempts), stored: int32(attempts)}
	return i, parts[1], failed, badSeq == nil && badHash == nil && badAttempts == nil
}
