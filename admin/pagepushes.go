package admin

import (
	"cmp"
	"net/http"
	"time"

	"wxproxy/push"
	"wxproxy/push/inbox"
)

// maxFailedShown is how many pushes the page shows that could not be delivered.
const maxFailedShown = 20

// longWait is since when a push has been waiting that somebody should look after.
const longWait = 10 * time.Minute

// waitsLong reports whether a push has been waiting for long.
func waitsLong(box *inbox.State, now time.Time) bool {
	return box != nil && !box.Oldest.IsZero() && now.Sub(box.Oldest) > longWait
}

// pushes adds what WeChat pushed in the last hour, what waits, and what failed and why.
func (d *document) pushes(a *Admin, r *http.Request, box *inbox.State) {
	if a.Pushes == nil {
		return
	}
	d.say(`<section aria-labelledby="pushes"><h2 id="pushes">`, wordPushes, `</h2><div class="charts">`)
	d.chart(d.pushChart(a.Pushes.Hour()))
	d.mark("</p></figure>")
	d.waiting(box)
	d.mark("</div>")
	d.pushAccounts(a, box)
	if box != nil {
		d.failedPushes(a, r)
	}
	d.mark("</section>")
}

func (d *document) pushChart(hour []push.Minute) chart {
	c := newChart(len(hour), wordPushesHour, wordAll, wordNotTaken)
	all, failed, refused, most := 0, 0, 0, 0
	for i, m := range hour {
		sum := m.Taken + m.Failed + m.Refused
		c.back[i], c.front[i] = float64(sum), float64(m.Failed+m.Refused)
		all, failed, refused, most = all+m.Taken, failed+m.Failed, refused+m.Refused, max(most, sum)
		if sum > 0 {
			c.hints[i] = d.sayf(hintPushes, m.Start.Local().Format("15:04"), counted(m.Taken), counted(m.Failed), counted(m.Refused))
		}
	}
	c.value, c.note = counted(all), d.sayf(wordPushesNot, counted(failed), counted(refused))
	c.most = d.sayf(wordMostCalls, counted(most))
	return c
}

func counted(n int) string { return grouped(uint64(max(0, n))) }

// sumOfCounts returns all of them together.
func sumOfCounts(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// waiting adds how much waits and how much has failed.
func (d *document) waiting(box *inbox.State) {
	if box == nil {
		d.say(`<figure><figcaption>`, wordWaiting, `</figcaption><p class="value">–</p>`)
		d.say(`<p class="note">`, wordNoInbox, "</p></figure>")
		return
	}
	d.say(`<figure><figcaption>`, wordWaiting, "</figcaption>")
	d.in(`<p class="value">`, counted(sumOfCounts(box.Waiting)), `</p><p class="note">`)
	if !box.Oldest.IsZero() {
		d.say("", wordOldest, " ")
		d.moment(box.Oldest)
		d.mark("; ")
	}
	d.in("", d.sayf(wordRoom, megabytes(box.Bytes), megabytes(box.Max)), "</p></figure>")
	d.say(`<figure><figcaption>`, wordUndelivered, "</figcaption>")
	d.in(`<p class="value">`, counted(sumOfCounts(box.Failed)), "</p>")
	d.say(`<p class="note">`, wordKeptFor, "</p></figure>")
}

// megabytes returns bytes as MiB, rounded up so that something is not nothing.
func megabytes(n int64) string { return grouped(uint64((max(0, n) + 1<<20 - 1) >> 20)) }

// pushAccounts adds the table of the accounts that have pushes.
func (d *document) pushAccounts(a *Admin, box *inbox.State) {
	d.say(`<table class="cards" role="table"><caption>`, wordPushes, "</caption>")
	d.columns(wordAccount, wordLastPush, wordPushesToday, wordWaiting, wordUndelivered, wordLastFailure)
	rows := 0
	for _, name := range a.pushNames() {
		s, hasPushes := a.Pushes.Status(name)
		if !hasPushes {
			continue
		}
		if rows++; rows > maxRows {
			break
		}
		d.pushAccount(name, "", s, box)
	}
	rows += d.otherAccounts(a, box)
	d.mark("</tbody></table>")
	if rows == 0 {
		d.say(`<p class="none">`, wordNoPushes, "</p>")
	}
}

// pushNames returns what pushes are counted under: accounts, platforms for what they are
// told, and all that have authorized one together.
func (a *Admin) pushNames() (names []string) {
	for _, account := range a.Accounts {
		names = append(names, account.Name)
	}
	for i := range a.Platforms {
		names = append(names, a.Platforms[i].Component.Name, a.Platforms[i].All())
	}
	return names
}

// otherAccounts adds those that only the inbox knows, and returns how many there are.
func (d *document) otherAccounts(a *Admin, box *inbox.State) int {
	if box == nil {
		return 0
	}
	names := a.otherAccounts(box)
	for _, name := range names[:min(len(names), maxRows)] {
		s, _ := a.Pushes.Status(name)
		d.pushAccount(name, d.sayf(wordNotThere), s, box)
	}
	return len(names)
}

func (d *document) pushAccount(name, note string, s push.Status, box *inbox.State) {
	d.in(`<tr role="row" id="pushes-`, name, `"><th role="rowheader" scope="row">`)
	d.in("", name, " ")
	d.in("<small>", note, "</small></th>")
	d.labelled(`<td role="cell" data-label="`, wordLastPush)
	d.moment(s.LastAt)
	d.labelled(`</td><td role="cell" data-label="`, wordPushesToday)
	d.in("", counted(s.Today), "</td>")
	waiting, failed := "–", "–"
	if box != nil {
		waiting, failed = counted(box.Waiting[name]), counted(box.Failed[name])
	}
	d.labelled(`<td role="cell" data-label="`, wordWaiting)
	d.in("", waiting, "</td>")
	d.labelled(`<td role="cell" data-label="`, wordUndelivered)
	d.in("", failed, "</td>")
	d.labelled(`<td role="cell" data-label="`, wordLastFailure)
	if s.LastFailure == nil {
		d.mark("–</td></tr>")
		return
	}
	d.moment(s.LastFailure.At)
	d.in(" <small>", s.LastFailure.Words, "</small></td></tr>")
}

// failedPushes adds the newest pushes that could not be delivered.
func (d *document) failedPushes(a *Admin, r *http.Request) {
	failed, err := a.failedPushes(r.Context())
	if err != nil || len(failed) == 0 {
		return
	}
	d.say(`<h3>`, wordUndelivered, "</h3>")
	d.say(`<table class="cards" role="table"><caption>`, wordUndelivered, "</caption>")
	d.columns(wordPushID, wordAccount, wordForward, wordPushType, wordReceived, wordAttempts, wordWhy)
	for _, f := range failed[:min(len(failed), maxFailedShown)] {
		d.in(`<tr role="row"><th role="rowheader" scope="row">`, f.ID, "</th>")
		d.labelled(`<td role="cell" data-label="`, wordAccount)
		d.in("", f.Account, "</td>")
		d.labelled(`<td role="cell" data-label="`, wordForward)
		d.in("", f.Forward, "</td>")
		d.labelled(`<td role="cell" data-label="`, wordPushType)
		d.in("", f.Type, "</td>")
		d.labelled(`<td role="cell" data-label="`, wordReceived)
		d.moment(*cmp.Or(f.ReceivedAt, &time.Time{}))
		d.labelled(`</td><td role="cell" data-label="`, wordAttempts)
		d.in("", counted(f.Attempts), "</td>")
		d.labelled(`<td role="cell" data-label="`, wordWhy)
		d.in("", f.LastError, "</td></tr>")
	}
	d.mark("</tbody></table>")
	if more := len(failed) - maxFailedShown; more > 0 {
		d.in(`<p class="none">`, d.sayf(wordMore, grouped(uint64(more))), "</p>")
	}
}
