package tally

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOperationsAreCountedByHowLongTheyTook(t *testing.T) {
	tally := New()
	tally.Took(Load, time.Millisecond, nil)
	tally.Took(Load, 2*time.Millisecond, errors.New("away"))
	tally.Took(Load, time.Minute, nil)
	tally.Skipped(Load)
	got := tally.Counts()
	if len(got) != len(names) || got[Save].Operation != "save" || got[Save].Errors != 0 {
		t.Errorf("got %+v; want one for each operation", got)
	}
	want := Count{Operation: "load", Errors: 2, Total: time.Minute + 3*time.Millisecond, Classes: [len(Bounds) + 1]uint64{1, 1, 0, 0, 0, 0, 1}}
	if got[Load] != want {
		t.Errorf("got %+v; want %+v", got[Load], want)
	}
}

func TestAConditionBeginsWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally, began := New(), time.Now()
		time.Sleep(time.Minute)
		tally.Failing(nil, "")
		if c := tally.Condition(); !c.Up || !c.Since.Equal(began) {
			t.Errorf("got %+v; want it up since the start", c)
		}
		tally.Failing(errors.New("refused"), "start it")
		time.Sleep(time.Minute)
		tally.Failing(errors.New("refused again"), "start it at last")
		if c := tally.Condition(); c.Up || time.Since(c.Since) != time.Minute || c.Err.Error() != "refused again" || c.Remedy != "start it at last" {
			t.Errorf("got %+v; want it down for a minute", c)
		}
		tally.Failing(nil, "")
		if c := tally.Condition(); !c.Up || time.Since(c.Since) != 0 || c.Err != nil || c.Remedy != "" {
			t.Errorf("got %+v; want it up since now", c)
		}
		if !tally.MetNewer() || tally.MetNewer() || !tally.Condition().Newer {
			t.Error("got a newer record not told once")
		}
	})
}

func TestNoTallyCountsNothing(t *testing.T) {
	var tally *Tally
	tally.Took(Save, time.Second, nil)
	tally.Skipped(Save)
	tally.Failing(errors.New("away"), "")
	if tally.MetNewer() || !tally.Condition().Up {
		t.Error("got more than nothing")
	}
}
