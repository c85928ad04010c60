package logqueue

// TellDrops has report called from now on, when there is room for lines again, with
// the number of lines that were dropped, and with the error if writing failed; without
// one they came faster than they were read.
func (q *Queue) TellDrops(report func(lines uint64, err error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.report = report
}

// Lost returns how many lines were dropped since the start.
func (q *Queue) Lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// drop counts lines as dropped. The caller holds the lock.
func (q *Queue) drop(lines uint64) {
	q.dropped += lines
	if lines > 0 && q.failing != nil {
		q.cause = q.failing
	}
}

// tell reports how many lines were dropped, behind the lines that were waiting then, and
// returns their number.
func (q *Queue) tell() (lines uint64) {
	q.mu.Lock()
	lines, err, report := q.dropped-q.told, q.cause, q.report
	if lines == 0 || report == nil {
		q.mu.Unlock()
		return 0
	}
	q.told, q.cause, q.telling = q.dropped, nil, true
	q.mu.Unlock()
	report(lines, err)
	q.mu.Lock()
	q.telling = false
	q.mu.Unlock()
	return lines
}

// untell has lines be reported again, as their report was dropped.
func (q *Queue) untell(lines uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told -= lines
}

// tellLast writes, behind the last line, how many were dropped and not reported.
func (q *Queue) tellLast() {
	if hasGone(q.failing) {
		return
	}
	q.tell()
	report, _ := q.take(nil)
	q.writeAll(report, &q.isOver)
}
