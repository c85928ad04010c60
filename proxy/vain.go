package proxy

import (
	"sync/atomic"
	"time"
)

// vainFor is how long a path is remembered on which sending again with the token
// that WeChat stands by was in vain.
const vainFor = 30 * time.Second

// A vain remembers where that was last, for one account. WeChat refuses good
// tokens in two ways: now and then anywhere, which passes with the next attempt,
// and always on an API that is not open to the account.
type vain struct{ last atomic.Pointer[vainPath] }

type vainPath struct {
	path  string
	until time.Time
}

// is reports whether another attempt on path would be in vain.
func (v *vain) is(path []byte) bool {
	last := v.last.Load()
	return last != nil && last.path == string(path) && time.Now().Before(last.until)
}

// note remembers path.
func (v *vain) note(path []byte) {
	v.last.Store(&vainPath{string(path), time.Now().Add(vainFor)})
}
