// Package byhost finds what a request's host stands for.
package byhost

import (
	"strings"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
)

// A Table has what each of some hosts stands for.
type Table[V comparable] struct{ rows []row[V] }

type row[V comparable] struct {
	host  string
	value V
}

// Add has the hosts, with their ports if they have one, stand for value. One that stands for
// something else already stands for nothing from now on.
func (t *Table[V]) Add(hosts []string, value V) {
	for _, host := range hosts {
		host = strings.ToLower(host)
		switch r := t.row([]byte(host)); {
		case r == nil:
			t.rows = append(t.rows, row[V]{host, value})
		case r.value != value:
			r.value = *new(V)
		}
	}
}

func (t *Table[V]) row(host []byte) *row[V] {
	for i := range t.rows {
		if wire.IsFold(host, t.rows[i].host) {
			return &t.rows[i]
		}
	}
	return nil
}

// Of returns what a request's host stands for: the one in its target, or else the one in its
// header. It returns the zero value if that is nothing.
func (t *Table[V]) Of(uri, host []byte) (value V) {
	if authority := target.Authority(uri); authority != nil {
		host = authority
	}
	if r := t.row(host); r != nil {
		return r.value
	}
	return value
}
