package lines

import (
	"cmp"
	"math"
	"slices"
)

// InOrder puts what stands in files in the order of their lines, the files in that in which
// they come. What has no line, 0, comes last of its file.
func InOrder[T any](all []T, where func(T) (file string, line int)) {
	rank := map[string]int{}
	for _, one := range all {
		if file, _ := where(one); rank[file] == 0 {
			rank[file] = len(rank) + 1
		}
	}
	slices.SortStableFunc(all, func(a, b T) int {
		fileA, lineA := where(a)
		fileB, lineB := where(b)
		return cmp.Or(rank[fileA]-rank[fileB], cmp.Compare(cmp.Or(lineA, math.MaxInt), cmp.Or(lineB, math.MaxInt)))
	})
}
