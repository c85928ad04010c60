package token_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

// newKeeper returns a Keeper of the app that w knows.
func newKeeper(w *wechattest.WeChat, api wechat.API, with ...func(*token.Options)) *token.Keeper {
	o := token.Options{Issuer: wechat.NewIssuer(), Name: "shop", AppID: appID, Fetch: newClient(w, api).Fetch, Kind: api.Kind()}
	for _, change := range with {
		change(&o)
	}
	return token.NewKeeper(o)
}

// call calls a business API of w as the proxy does: once more with another
// token if WeChat refuses the first. It returns the errcode.
func call(t *testing.T, w *wechattest.WeChat, k *token.Keeper) int {
	t.Helper()
	value, err := k.Token(time.Minute)
	if err != nil {
		t.Errorf("no token: %v", err)
		return -1
	}
	code := callWith(t, w, value)
	if code == 0 {
		return 0
	}
	other, err := k.Replace(value, time.Minute)
	if err != nil {
		t.Errorf("no replacement: %v", err)
		return code
	}
	if other == value {
		return code
	}
	return callWith(t, w, other)
}

func callWith(t *testing.T, w *wechattest.WeChat, value string) int {
	t.Helper()
	resp, err := (&http.Client{Transport: w}).Get("https://api.weixin.qq.com/cgi-bin/user/get?access_token=" + value)
	if err != nil {
		t.Error(err)
		return -1
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var answer struct{ Errcode int }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%s: %v", body, err)
	}
	return answer.Errcode
}

func TestCallersSeeNoErrorWhateverHappensToTheToken(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				w.Inject(wechattest.Fault{Delay: 50 * time.Millisecond})
				k := newKeeper(w, api)
				defer k.Stop()
				k.Start()
				happen := []func(string){w.Expire, w.Steal, w.Revoke}
				for minute := range 12 * 60 {
					if minute%7 == 3 {
						happen[minute%len(happen)](appID)
					}
					var callers sync.WaitGroup
					for range 3 {
						callers.Go(func() {
							if code := call(t, w, k); code != 0 {
								t.Errorf("minute %d: got errcode %d; want success", minute, code)
							}
						})
					}
					callers.Wait()
					time.Sleep(time.Minute)
				}
				f := w.Fetches(appID)
				if got := f.Classic + f.Stable; got > 12*60/7+20 || f.Refused != 0 || f.Forced != 0 {
					t.Errorf("got fetches %+v; want about one for each incident and none refused", f)
				}
			})
		})
	}
}

func TestAThousandRefusedByWeChatCostOneFetch(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				k := newKeeper(w, api)
				defer k.Stop()
				if code := call(t, w, k); code != 0 {
					t.Fatalf("got errcode %d; want success", code)
				}
				w.Revoke(appID)
				w.Inject(wechattest.Fault{Delay: 100 * time.Millisecond})
				var callers sync.WaitGroup
				for range 1000 {
					callers.Go(func() {
						if code := call(t, w, k); code != 0 {
							t.Errorf("got errcode %d; want success", code)
						}
					})
				}
				callers.Wait()
				if f := w.Fetches(appID); f.Classic+f.Stable != 2 {
					t.Errorf("got fetches %+v; want the first one and one more", f)
				}
			})
		})
	}
}

func TestAWeekCostsFewFetches(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				w.Inject(wechattest.Fault{Delay: 70 * time.Millisecond})
				k := newKeeper(w, api)
				defer k.Stop()
				k.Start()
				for range 7 * 24 * 6 {
					if code := call(t, w, k); code != 0 {
						t.Errorf("got errcode %d; want success", code)
					}
					time.Sleep(10 * time.Minute)
				}
				if s, f := k.Status(), w.Fetches(appID); f.Classic+f.Stable > 100 || s.Rejections != 0 {
					t.Errorf("got fetches %+v, %d rejections; want about 88 fetches, no rejection", f, s.Rejections)
				}
			})
		})
	}
}

func TestARepairedSecretIsFoundWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: "another"})
		k := newKeeper(w, wechat.Stable)
		defer k.Stop()
		k.Start()
		synctest.Wait()
		_, err := k.Token(time.Second)
		if want := "errcode 40125: invalid appsecret"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
		w.SetSecret(appID, appSecret)
		time.Sleep(73 * time.Second)
		if code := call(t, w, k); code != 0 {
			t.Errorf("got errcode %d; want success", code)
		}
	})
}

func TestARestartWithTokenFilesFetchesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		for range 3 {
			kept, err := store.Open(store.Config{Spec: secret.New("file:" + dir)})
			if err != nil {
				t.Fatal(err)
			}
			k := newKeeper(w, wechat.Classic, func(o *token.Options) { o.Store = kept })
			k.Start()
			if code := call(t, w, k); code != 0 {
				t.Errorf("got errcode %d; want success", code)
			}
			time.Sleep(10 * time.Minute)
			k.Stop()
		}
		if got := w.Fetches(appID).Classic; got != 1 {
			t.Errorf("got %d fetches; want 1", got)
		}
	})
}

func TestADamagedTokenFileIsReportedAndReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, appID+".json")
	if err := os.WriteFile(path, []byte(`{"access_token":"canary`), 0o644); err != nil {
		t.Fatal(err)
	}
	kept, err := store.Open(store.Config{Spec: secret.New("file:" + dir)})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		k := newKeeper(w, wechat.Stable, func(o *token.Options) {
			o.Store, o.Log = kept, slog.New(slog.NewTextHandler(&log, nil))
		})
		k.Start()
		if code := call(t, w, k); code != 0 {
			t.Errorf("got errcode %d; want success", code)
		}
		k.Stop()
		if got, err := kept.Load(token.Key{AppID: appID}); err != nil || got.Token.Value.Reveal() != w.Tokens(appID)[0] {
			t.Errorf("got %v, %v from the store; want WeChat's token", got, err)
		}
	})
	if got := log.String(); strings.Count(got, "stored token ignored") != 1 || strings.Contains(got, "canary") {
		t.Errorf("got log %q; want one line about the damage and no canary", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info.Mode(), err)
	}
}

// logEverything has everything go wrong that can and logs also what callers and
// operators see. It returns the tokens that WeChat issued meanwhile.
func logEverything(t *testing.T, log *slog.Logger) (issued []string) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		kept, err := store.NewFile(t.TempDir(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		k := newKeeper(w, wechat.Classic, func(o *token.Options) { o.Log, o.Store = log, kept })
		quote := func(what string) []byte { return []byte(`{"errcode":40125,"errmsg":"wrong: ` + what + `"}`) }
		faults := []wechattest.Fault{
			{Body: quote(appSecret), Times: 1},
			{Status: 502, Body: []byte(appSecret), Times: 1},
			{CloseBefore: true, Times: 1},
			{Delay: time.Hour, Times: 1},
		}
		for _, fault := range faults {
			w.Inject(fault)
		}
		k.Start()
		time.Sleep(10 * time.Minute)
		for range 5 {
			value, err := k.Token(time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			issued = append(issued, value)
			w.Inject(wechattest.Fault{Path: "/cgi-bin/token", Body: quote(value), Times: 1})
			_, err = k.Replace(value, time.Minute)
			log.Error("what a caller sees", "err", err, "status", fmt.Sprintf("%+v", k.Status()))
			time.Sleep(20 * time.Minute)
			value, err = k.Replace(value, time.Minute)
			issued = append(issued, value)
			log.Error("what a caller sees", "err", err, "keeper", k, "keeper_in_text", fmt.Sprintf("%+v %#v", k, k))
		}
		k.Stop()
	})
	return issued
}

func TestNoTokenAndNoSecretIsEverLogged(t *testing.T) {
	for name, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"json": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			issued := logEverything(t, slog.New(handler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})))
			text := log.String()
			for _, line := range []string{"token not refreshed", "token refreshed", "HTTP status 502", "errcode", "remedy", "retry_in"} {
				if !strings.Contains(text, line) {
					t.Errorf("the log misses %q", line)
				}
			}
			for _, value := range append(issued, appSecret, wechattest.TokenPrefix) {
				if i := strings.Index(text, value); value != "" && i >= 0 {
					t.Fatalf("the log holds a secret: %s", text[max(0, i-200):i+len(value)])
				}
			}
		})
	}
}

func TestEachFailureIsOneLineAndNoRequestIs(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		w.Inject(wechattest.Fault{Errcode: -1, Times: 2})
		w.Inject(wechattest.Fault{Errcode: 40164, Times: 1})
		k := newKeeper(w, wechat.Stable, func(o *token.Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		k.Start()
		for range 120 {
			for range 50 {
				k.Token(0)
			}
			time.Sleep(time.Second)
		}
		value, _ := k.Token(0)
		for range 50 {
			k.Replace(value, time.Second)
		}
		k.Stop()
	})
	var got []string
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["account"] != "shop" || entry["app_id"] != appID {
			t.Errorf("%s: want the account named", line)
		}
		got = append(got, fmt.Sprint(entry["level"], " ", entry["msg"], " ", entry["reason"], " ", entry["errcode"]))
	}
	want := []string{
		"WARN token not refreshed start -1",
		"WARN token not refreshed start -1",
		"ERROR token not refreshed start 40164",
		"INFO token refreshed start <nil>",
		"WARN WeChat refused the token in an answer, stands by it when asked, and a probe was not clear refused <nil>",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Of a token that leaked nothing is good after two replacements by force, 30 s apart,
// whichever kind it is: WeChat honours a classic one for five minutes more, unless there are
// two newer ones.
func TestTwoReplacementsByForceEndALeakedToken(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				k := newKeeper(w, api, func(o *token.Options) { o.Force = newClient(w, api).Force })
				defer k.Stop()
				k.Start()
				leaked, err := k.Token(time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				for n := 1; n <= 2; n++ {
					if err := k.ReplaceByForce(time.Minute); err != nil {
						t.Fatalf("replacement %d: %v", n, err)
					}
					if code := call(t, w, k); code != 0 {
						t.Errorf("replacement %d: got errcode %d for callers; want success", n, code)
					}
					if code := callWith(t, w, leaked); code == 0 && (n == 2 || api == wechat.Stable) {
						t.Errorf("replacement %d: the leaked token is good", n)
					}
					if err := k.ReplaceByForce(time.Minute); err == nil {
						t.Errorf("replacement %d: got another one at once; want it 30 s later", n)
					}
					time.Sleep(30 * time.Second)
				}
			})
		})
	}
}
