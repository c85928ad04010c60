package admin

import "time"

// A Store is how the place is where tokens are kept. It holds no secret.
type Store struct {
	Kind         string     `json:"kind"`    // "memory", "file" or "redis"
	Address      string     `json:"address"` // as token.store, without passwords
	Up           bool       `json:"up"`
	Since        *time.Time `json:"since"`      // when that began, in UTC
	LastError    *string    `json:"last_error"` // why it is of no use; null if it is up
	Remedy       string     `json:"remedy,omitempty"`
	NewerRecords bool       `json:"newer_records,omitempty"` // it has records of a later version, which are left alone
}

// UTC returns t for JSON, to the second; nil if it is no time.
func UTC(t time.Time) *time.Time { return utc(t) }

// store adds where tokens are kept, and whether that works.
func (d *document) store(s Store) {
	d.say("<div><dt>", wordStore, "</dt>")
	d.in("<dd>", s.Address, "")
	if !s.Up {
		d.say(` <span class="state bad">`, wordStoreDown, "</span>")
		d.in(" <small>", *s.LastError, "</small>")
		if s.Remedy != "" {
			d.say(" <b>", wordRemedy, "</b>")
			d.in("", s.Remedy, "")
		}
	}
	if s.NewerRecords {
		d.say(` <span class="state fair">`, wordStoreNewer, "</span>")
	}
	d.mark("</dd></div>")
}
