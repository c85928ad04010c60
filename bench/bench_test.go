//go:build linux

package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
	"wxproxy/bench/upstream"
)

func TestParsePrograms(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, list string
		want       []program
	}{
		{"none", " ", nil},
		{"a path alone is wxproxy", "/bin/a", []program{{"wxproxy", "/bin/a"}}},
		{"names", "old=/bin/a  new=b", []program{{"old", "/bin/a"}, {"new", filepath.Join(here, "b")}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parsePrograms(test.list)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
	for _, list := range []string{"=/bin/a", "a=", "/bin/a /bin/b", "a=/1 a=/2", "a/b=/1", "nginx=/1"} {
		if got, err := parsePrograms(list); err == nil {
			t.Errorf("%q: got %v; want an error", list, got)
		}
	}
}

func TestTurnsMeetEveryAccountAndEveryClient(t *testing.T) {
	for _, shape := range []peer.Shape{{Accounts: 1, Clients: 1}, {Accounts: 100, Clients: 1}, {Accounts: 1, Clients: 50}} {
		paths, keys := map[string]bool{}, map[string]bool{}
		for _, call := range turns(shape) {
			paths[call.Path], keys[call.Key] = true, true
		}
		if len(paths) != shape.Accounts || len(keys) != shape.Clients {
			t.Errorf("%+v: got %d accounts, %d clients", shape, len(paths), len(keys))
		}
	}
}

func TestJudge(t *testing.T) {
	good := upstream.Counts{Requests: 100}
	tests := []struct {
		name  string
		run   load.Result
		after upstream.Counts
		want  string
	}{
		{"all is well", load.Result{Requests: 100}, good, ""},
		{"some were on their way when it ended", load.Result{Requests: 90}, good, ""},
		{"nothing", load.Result{}, good, "nothing"},
		{"failures", load.Result{Requests: 100, Failed: 1}, good, "1 of 100"},
		{"no token", load.Result{Requests: 100}, upstream.Counts{Requests: 100, Wrong: 1}, "without the token"},
		{"answers from elsewhere", load.Result{Requests: 101}, good, "the upstream saw 100"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := (&contestant{name: "x"}).judge(report.Run{Result: test.run}, upstream.Counts{}, test.after)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
}

func TestModel(t *testing.T) {
	if got := model("processor\t: 0\nmodel name\t: Xeon @ 2\nflags\t: x\n"); got != "Xeon @ 2" {
		t.Errorf("got %q", got)
	}
	if got := model("processor\t: 0\n"); got == "" {
		t.Error("got nothing; want the architecture at least")
	}
}

func TestRowSaysWhetherAGoalIsReached(t *testing.T) {
	for measured, want := range map[float64]string{0.99: "reached", 1: "reached", 1.01: "missed"} {
		if got := row("x", 1, measured, "")[4]; got != want {
			t.Errorf("%v: got %q; want %q", measured, got, want)
		}
	}
}

func TestEachSizeIsARowWithAColumnForEachProgram(t *testing.T) {
	table := tabulate([]string{"what", "old", "new"}, [][]size{{{"memory", 15.283}, {"log", 1336}}, {{"memory", 14}, {"log", 0.25}}})
	page := string(sizesPage(table, []string{"Machine: x."}))
	for _, want := range []string{"| memory | 15.28 | 14   |", "| log    | 1336  | 0.25 |", "* Machine: x."} {
		if !strings.Contains(page, want) {
			t.Errorf("got %s; want %q", page, want)
		}
	}
}

func TestMiddleOf(t *testing.T) {
	if got := middleOf([]float64{9, 1, 5}); got != 5 {
		t.Errorf("got %v; want 5", got)
	}
	if got := middleOf(nil); got != 0 {
		t.Errorf("got %v of nothing; want 0", got)
	}
}

// series returns comparisons of nginx and x, one for each cost of x beside the 10 us of nginx.
func series(titles []string, costs ...int) (all []report.Comparison) {
	for i, cost := range costs {
		run := func(us int) []report.Run {
			one := load.Result{Requests: 1, Elapsed: time.Second, P999: time.Duration(us) * time.Microsecond}
			return []report.Run{{Result: one, CPU: one.P999}}
		}
		all = append(all, report.Comparison{Title: titles[i], Series: []report.Series{{Name: "nginx", Runs: run(10)}, {Name: "x", Runs: run(cost)}}})
	}
	return all
}

func TestGoalsAreOfWhatWasMeasured(t *testing.T) {
	b := &bench{programs: []program{{name: "x"}}}
	tests := []struct {
		name string
		f    findings
		want []string // what, at most, measured, verdict
	}{
		{"nothing", findings{}, nil},
		{"bodies, one of them without a goal", findings{bodies: series([]string{"upload of 16 KiB", "upload of 64 KiB"}, 30, 11)},
			[]string{"CPU to nginx, upload of 64 KiB 1.00 1.10 missed"}},
		{"a silence", findings{silent: series([]string{"first second"}, 11)}, []string{"p99.9 to nginx, the first second after a silence 1.10 1.10 reached"}},
		{"memory", findings{left: &report.Figure{Title: "left", Names: []string{"x"}, Values: [][]float64{{29}}}}, []string{"left 30.00 29.00 reached"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, row := range b.goals(test.f)[1:] {
				got = append(got, strings.Join([]string{row[0], row[1], row[2], row[4]}, " "))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}

// Each goal by title is one of a comparison that is made, or nobody would see that it is missed.
func TestGoalsNameComparisons(t *testing.T) {
	b := &bench{}
	var titles []string
	for _, list := range [][]comparison{b.uploads(), b.answers(), b.connections(), b.handshakes(), b.logging()} {
		for _, c := range list {
			titles = append(titles, c.title)
		}
	}
	for _, title := range append(slices.Sorted(maps.Keys(mostByTitle)), askedByTitle...) {
		if !slices.Contains(titles, title) {
			t.Errorf("got no comparison %q in %q", title, titles)
		}
	}
}

func TestPlotHasWhatUsersAskAbout(t *testing.T) {
	f := findings{plain: series([]string{"a", "b", "c"}, 1, 2, 3), secure: series([]string{"d", "e", "f"}, 1, 2, 3), bodies: series([]string{"upload of 16 KiB", "upload of 256 KiB"}, 1, 2)}
	var got []string
	for _, c := range f.asked() {
		got = append(got, c.Title)
	}
	if want := []string{"a", "b", "d", "e", "upload of 256 KiB"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestPartsHaveNames(t *testing.T) {
	b := &bench{}
	if err := b.part(t.Context(), 1, "no such part"); err == nil || !strings.Contains(err.Error(), "bodies") {
		t.Errorf("got %v; want a list of the parts", err)
	}
}
