package members

import (
	"encoding/json"
	"testing"
)

func TestMembersOfAnObjectAreSet(t *testing.T) {
	for body, want := range map[string]string{
		``:                         `{"b":"2","a":"1"}`,
		`{}`:                       `{"b":"2","a":"1"}`,
		` [ ] `:                    `{"b":"2","a":"1"}`,
		`{ "x" : [1, 2] }`:         `{"b":"2","a":"1","x" : [1, 2] }`,
		`{"a":{"b":3},"b":null}`:   `{"a":"1","b":"2"}`,
		`{"A":"x","\u0062":"y"}`:   `{"A":"1","\u0062":"2"}`,
		`{"a":"x","a":"y","b":""}`: `{"a":"1","a":"1","b":"2"}`,
		"\ufeff{\"x\":1}":          `{"b":"2","a":"1","x":1}`,
	} {
		got, err := Set([]byte(body), [2]string{"a", "1"}, [2]string{"b", "2"})
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", body, got, err, want)
		}
	}
	for _, body := range []string{`{`, `a=b`, `[1]`, `"x"`, `{"a":1} x`} {
		if got, err := Set([]byte(body), [2]string{"a", "1"}); err == nil {
			t.Errorf("%s: got %s; want it refused", body, got)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte(`{"a":"x","b":[{"a":1}]}`))
	f.Add([]byte(` {  } `))
	f.Fuzz(func(t *testing.T, body []byte) {
		set, err := Set(body, [2]string{"a", "1"}, [2]string{"b", "\"2"})
		if err != nil {
			return
		}
		var got map[string]any
		if err := json.Unmarshal(set, &got); err != nil {
			t.Fatalf("%q became %q: %v", body, set, err)
		}
		for name, value := range got {
			if name == "a" && value != "1" || name == "b" && value != "\"2" {
				t.Errorf("%q became %q", body, set)
			}
		}
	})
}
