package front

import (
	"testing"
	"testing/synctest"
	"time"
)

// crowdThat returns a crowd, and how often its memory was given back, which takes so long.
func crowdThat(takes time.Duration) (*crowd, *int) {
	freed := new(int)
	return &crowd{free: func() { *freed++; time.Sleep(takes) }}, freed
}

func TestTheMemoryOfACrowdThatLeavesIsGivenBack(t *testing.T) {
	for _, row := range []struct {
		name  string
		steps []int // weights that are added, settleTime apart
		want  int
	}{
		{"all leave", []int{leastCrowd, -leastCrowd}, 1},
		{"a third leaves", []int{leastCrowd, -leastCrowd / 3}, 1},
		{"a few leave", []int{leastCrowd, -leastCrowd / 4}, 0},
		{"all fall asleep", []int{leastCrowd, -leastCrowd / 3 * 2}, 1},
		{"all fall asleep, and then leave", []int{6 * leastCrowd, -4 * leastCrowd, -2 * leastCrowd}, 2},
		{"too few", []int{leastCrowd - 1, 1 - leastCrowd}, 0},
		{"they come again and again", []int{leastCrowd, -leastCrowd, leastCrowd, -leastCrowd}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, freed := crowdThat(0)
				for _, weight := range row.steps {
					c.add(weight)
					time.Sleep(settleTime)
					synctest.Wait()
				}
				if *freed != row.want {
					t.Errorf("got memory given back %d times; want %d", *freed, row.want)
				}
			})
		})
	}
}

func TestMemoryIsKeptForThoseWhoComeAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, freed := crowdThat(0)
		c.add(leastCrowd)
		c.add(-leastCrowd)
		time.Sleep(settleTime / 2)
		c.add(leastCrowd)
		time.Sleep(time.Hour)
		synctest.Wait()
		if *freed != 0 {
			t.Errorf("got memory given back %d times; want 0", *freed)
		}
	})
}

func TestGivingMemoryBackTakesATwentiethOfTheTimeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes, long = 100 * time.Millisecond, 10 * time.Minute
		c, freed := crowdThat(takes)
		for began := time.Now(); time.Since(began) < long; time.Sleep(time.Second) {
			c.add(leastCrowd)
			c.add(-leastCrowd)
		}
		time.Sleep(time.Minute) // what is under way ends
		synctest.Wait()
		if most := int(long / takes / freeShare); *freed > most || *freed < most/2 {
			t.Errorf("got memory given back %d times in %v; want about %d", *freed, long, most)
		}
	})
}
