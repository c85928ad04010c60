package push

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxproxy/internal/secret"
	"wxproxy/push/internal/message"
)

func TestTheURLCheckIsAnsweredWithEchostr(t *testing.T) {
	b := start(t, both())
	for name, w := range map[string]wechat{"safe mode": b.wechat(), "plain mode": b.plain()} {
		for _, echo := range []string{"4375120948345356249", "ab<>&%\n", "a+b/c=="} {
			wantAnswer(t, name, w.do("GET", w.query("", "echostr", echo), nil), answer{200, "text/plain", echo})
		}
		wantAnswer(t, name+", no echostr", w.do("GET", w.query(""), nil), refusedWith(403))
		wantAnswer(t, name+", wrong signature", w.do("GET", w.query("", "echostr", "1", "nonce", "2"), nil), refusedWith(403))
		wantAnswer(t, name+", no signature", w.do("GET", url.Values{"echostr": {"1"}}, nil), refusedWith(403))
	}
	response, err := http.Get(b.base + "/push/shop?" + b.wechat().query("").Encode() + "&echostr=a+b%2Bc")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "a+b+c" {
		t.Errorf("got %q; want a+b+c: WeChat sends no blanks", body)
	}
}

// WeChat's own vector, as it comes in.
func TestTheURLCheckOfWeChatsManual(t *testing.T) {
	b := start(t, Config{Accounts: []Account{{Name: "shop", ID: "wx1", Token: secret.New("AAAAA")}}})
	response, err := http.Get(b.base + "/push/shop?signature=f464b24fc39322e44b38aa78f5edd27bd1441696&echostr=4375120948345356249&timestamp=1714036504&nonce=1514711492")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "4375120948345356249" {
		t.Errorf("got %q", body)
	}
}

func TestTheURLCheckOfWeComIsDecrypted(t *testing.T) {
	a := safeShop()
	a.IsWeCom = true
	b := start(t, Config{Accounts: []Account{a}})
	w := b.wechat()
	echo := w.key.Seal([]byte("1616140317555161061"), appID)
	q := w.query(echo, "echostr", echo, "signature", "")
	wantAnswer(t, "right", w.do("GET", q, nil), answer{200, "text/plain", "1616140317555161061"})
	q.Set("msg_signature", "x")
	wantAnswer(t, "wrong signature", w.do("GET", q, nil), refusedWith(403))
	other := w.key.Seal([]byte("1"), "another corp")
	wantAnswer(t, "another corp", w.do("GET", w.query(other, "echostr", other), nil), refusedWith(403))
	a.Key, a.KeyOld = secret.Secret{}, secret.Secret{}
	if err := b.Use(Config{Accounts: []Account{a}}); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "without a key", w.do("GET", w.query(echo, "echostr", echo), nil), refusedWith(403))
}

func TestRefusalsAreEmptyInTheirOrderAndCounted(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL}))
	safe, plain := b.wechat(), b.plain()
	stranger := func(w wechat) wechat { w.name = "nobody"; return w }
	large := strings.Repeat("x", 1<<20+1)
	body, q := safe.safe(textXML)
	changed := func(name, value string) url.Values {
		_, q := safe.safe(textXML)
		q.Set(name, value)
		return q
	}
	sealed := func(encrypt string) (string, url.Values) {
		return string(message.WriteEnvelope(message.XML, "gh_1", encrypt)), safe.query(encrypt)
	}
	noBase64Body, noBase64Query := sealed("*")
	halfBody, halfQuery := sealed("AAAA")
	other := safe
	other.key = mustKey(t, strings.Repeat("B", 43))
	otherKeyBody, otherKeyQuery := other.safe(textXML)
	foreign := safe
	foreign.id = "wxother"
	foreignBody, foreignQuery := foreign.safe(textXML)
	wordsBody, wordsQuery := sealed(safe.key.Seal([]byte("hello"), appID))
	bombBody, bombQuery := sealed(safe.key.Seal([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>`), appID))
	twiceBody, twiceQuery := sealed(safe.key.Seal([]byte(`{"MsgType":"text","MsgType":"image"}`), appID))
	chunked := func(text string) io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }
	for name, row := range map[string]struct {
		w      wechat
		method string
		query  url.Values
		body   io.Reader
		want   int
	}{
		"an unknown name":                      {stranger(safe), "POST", q, strings.NewReader(body), 404},
		"an unknown name, and the method":      {stranger(safe), "DELETE", nil, nil, 404},
		"another method":                       {safe, "PUT", q, strings.NewReader(body), 405},
		"HEAD":                                 {safe, "HEAD", q, nil, 405},
		"another method, and too large":        {safe, "PUT", nil, strings.NewReader(large), 405},
		"too large, and not signed":            {safe, "POST", nil, strings.NewReader(large), 413},
		"too large in chunks, and not signed":  {safe, "POST", nil, chunked(large), 413},
		"too large in plain mode":              {plain, "POST", plain.query(""), strings.NewReader(large), 413},
		"a plain push for an account with key": {safe, "POST", safe.query(""), strings.NewReader(textXML), 403},
		"the same, in chunks":                  {safe, "POST", safe.query(""), chunked(textXML), 403},
		"encrypt_type=raw":                     {safe, "POST", safe.query("", "encrypt_type", "raw"), strings.NewReader(textXML), 403},
		"an encrypted push without key":        {plain, "POST", q, strings.NewReader(body), 403},
		"a plain push, wrong signature":        {plain, "POST", plain.query("", "nonce", "1"), strings.NewReader(textXML), 403},
		"a plain push, no signature":           {plain, "POST", nil, strings.NewReader(textXML), 403},
		"signature alone, though right":        {safe, "POST", changed("msg_signature", ""), strings.NewReader(body), 403},
		"signature in the place of msg_...":    {safe, "POST", changed("msg_signature", q.Get("signature")), strings.NewReader(body), 403},
		"a timestamp that was not signed":      {safe, "POST", changed("timestamp", "1"), strings.NewReader(body), 403},
		"msg_signature of another Encrypt":     {safe, "POST", changed("nonce", q.Get("nonce")), strings.NewReader(body), 403},
		"no envelope":                          {safe, "POST", q, strings.NewReader("hello"), 403},
		"an envelope in the clear":             {safe, "POST", q, strings.NewReader(textXML), 403},
		"no body":                              {safe, "POST", q, nil, 403},
		"Encrypt twice":                        {safe, "POST", q, strings.NewReader(strings.Replace(body, "</xml>", "<Encrypt>x</Encrypt></xml>", 1)), 403},
		"no base64":                            {safe, "POST", noBase64Query, strings.NewReader(noBase64Body), 403},
		"less than a block":                    {safe, "POST", halfQuery, strings.NewReader(halfBody), 403},
		"another key":                          {safe, "POST", otherKeyQuery, strings.NewReader(otherKeyBody), 403},
		"another app_id":                       {safe, "POST", foreignQuery, strings.NewReader(foreignBody), 403},
		"words":                                {safe, "POST", wordsQuery, strings.NewReader(wordsBody), 400},
		"a bomb":                               {safe, "POST", bombQuery, strings.NewReader(bombBody), 400},
		"MsgType twice":                        {safe, "POST", twiceQuery, strings.NewReader(twiceBody), 400},
		"words in plain mode":                  {plain, "POST", plain.query(""), strings.NewReader("hello"), 400},
		"nothing in plain mode":                {plain, "POST", plain.query(""), nil, 400},
		"1 MiB of nesting":                     {plain, "POST", plain.query(""), strings.NewReader(strings.Repeat("<a>", 1<<20/3)), 400},
		"1 MiB of nested JSON":                 {plain, "POST", plain.query(""), strings.NewReader(`{"a":` + strings.Repeat("[", 1<<20-5)), 400},
	} {
		account := row.w.name
		if account == "nobody" {
			account = ""
		}
		before := b.counted(account, "", refused)
		wantAnswer(t, name, row.w.do(row.method, row.query, row.body), refusedWith(row.want))
		if after := b.counted(account, "", refused); after != before+1 {
			t.Errorf("%s: got %d refusals of %q counted; want 1", name, after-before, account)
		}
	}
	for _, reason := range []string{"method", "size", "not_encrypted", "signature", "envelope", "base64", "length", "padding", "appid", "format"} {
		if b.Snapshot().Refusals[Refusal{"shop", reason}]+b.Snapshot().Refusals[Refusal{"plain", reason}] == 0 && reason != "padding" { // another key may be either
			t.Errorf("none was refused for its %s: %v", reason, b.Snapshot().Refusals)
		}
	}
	if got := p.got(); len(got) != 0 {
		t.Errorf("the program got %d of them", len(got))
	}
	wantAnswer(t, "and then a good one", safe.push(textXML), success)
}

func TestOnlyPushesAreAnswered(t *testing.T) {
	b := start(t, both())
	for _, path := range []string{"/", "/push", "/push/", "/push/shop/", "/push/shop/x", "//push/shop", "/Push/shop", "/push/Shop", "/push/sho%70", "/push/../push/shop", "/metrics", "/push//shop"} {
		w := b.wechat()
		r, err := http.NewRequest("GET", b.base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path
		r.URL.RawQuery = w.query("", "echostr", "1").Encode()
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 404 || len(body) != 0 {
			t.Errorf("%s: got %d %q; want an empty 404", path, response.StatusCode, body)
		}
	}
}

func TestAnyHostMayBeNamed(t *testing.T) {
	b := start(t, both())
	r, _ := http.NewRequest("GET", b.base+"/push/shop?"+b.wechat().query("", "echostr", "1").Encode(), nil)
	r.Host = "push.example.com"
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("got %d; want 200", response.StatusCode)
	}
}

func TestPushesInAllModesAndFormatsArriveAsTheyWereWritten(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL + "/wechat?own=1", Token: secret.New("program")}))
	w, old := b.wechat(), b.wechat()
	old.key = mustKey(t, oldKeyText)
	compatible := func(plain string) answer {
		encrypt := w.key.Seal([]byte(plain), appID)
		body := strings.Replace(textXML, "</xml>", "<Encrypt>"+encrypt+"</Encrypt></xml>", 1)
		if message.FormatOf([]byte(plain)) == message.JSON {
			body = strings.Replace(textJSON, "}", `,"Encrypt":"`+encrypt+`"}`, 1)
		}
		return w.do("POST", w.query(encrypt), strings.NewReader(body))
	}
	odd := " \n\ufeff" + strings.Replace(eventXML, "CLICK", "\u4f60\u597d \x08", 1) + "\n"
	for name, row := range map[string]struct {
		plain  string
		answer func(plain string) answer
		kind   string
	}{
		"safe, XML":                 {textXML, func(plain string) answer { return w.push(plain, "openid", "o1") }, "text"},
		"safe, JSON":                {textJSON, func(plain string) answer { return w.push(plain) }, "text"},
		"safe, with the old key":    {textFor(1), func(plain string) answer { return old.push(plain) }, "text"},
		"safe, without a signature": {textFor(2), func(plain string) answer { return w.push(plain, "signature", "") }, "text"},
		"compatible, XML":           {eventXML, compatible, "event:CLICK"},
		"compatible, JSON":          {strings.Replace(textJSON, "hi", "ho", 1), compatible, "text"},
		"plain, XML":                {textXML, func(plain string) answer { return b.plain().plain(plain) }, "text"},
		"plain, JSON":               {textJSON, func(plain string) answer { return b.plain().plain(plain) }, "text"},
		"odd bytes":                 {odd, func(plain string) answer { return w.push(plain) }, "event:\u4f60\u597d \x08"},
	} {
		wantAnswer(t, name, row.answer(row.plain), success)
		got := p.last(t)
		if got.body != row.plain || got.path != "/wechat" || got.method != "POST" || got.query.Get("own") != "1" || got.header.Get("Content-Type") != "text/xml" {
			t.Errorf("%s: got %+v; want %s", name, got, row.plain)
		}
	}
}

func TestOnlyTheEncryptedPartOfCompatibleModeCounts(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL, Match: []string{"text"}}))
	w := b.wechat()
	encrypt := w.key.Seal([]byte(eventXML), appID)
	w.do("POST", w.query(encrypt), strings.NewReader(strings.Replace(textXML, "</xml>", "<Encrypt>"+encrypt+"</Encrypt></xml>", 1)))
	if got := p.got(); len(got) != 0 {
		t.Errorf("an event that says beside it that it is a text went where texts go: %+v", got)
	}
	if b.counted("shop", "event:CLICK", empty) != 1 {
		t.Errorf("got %v", b.Snapshot().Pushes)
	}
}

// WeChat's own vectors, as they come in.
func TestPushesOfWeChatsManual(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, Config{
		Accounts: []Account{
			{Name: "v1", ID: "wx134c8103faa5a59e", Token: secret.New("AAAAA"), Key: secret.New(oldKeyText)},
			{Name: "v3", ID: appID, Token: secret.New("QDG6eK"), Key: secret.New(keyText)},
			{Name: "v4", ID: "wxba5fad812f8e6fb9", Token: secret.New("AAAAA"), Key: secret.New(oldKeyText)},
		},
		Forwards: []Forward{{URL: p.URL}},
	})
	for _, row := range []struct{ name, query, body, want string }{
		{"v1", "signature=cc0c594499c1634947d5b502f158ee518947db27&timestamp=1715943329&nonce=1590219412&openid=o1&encrypt_type=aes&msg_signature=6c12a4205838198b8fa631b3220723bb07f1015c",
			"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[D7yzvUNAL930rd28wf21s4hvXhz0L6Uit/p2Di6C5DHyYGpEgdBRnKjBec34JwoQXicwaZC7fOVihW80F4VtsdvE//1vr7oAbqjDv8KenVp+ajKYpJnyQ4zMRhIC+a31fCVOMC03FfzV/QuC94kBP55a+Za3sJgvAn+ZbsNqZI5DkyuzkhQN8OBqCzFhizGmy0xpM0MEA4agpvE+RuNO1rhHTtuJB5yltw1FiYzecSXJ+y/D2r81VkRn2eYjh2ltsoyfbDR7Is6ookXIFxTfyeNyeHxMeT4KN5WpCDmSbTcUYrbBUlkGLJ9n/rU8YOywma6G7aTb7KZKOqCxgfoUlYEZPk4FUL/TK7ShriFDMVCLyjQJ15Ob++agDWtcxhfUfe6HIoIpRW8mKNBQiY/Jd1svvuskA1wLef1RTtzKfMpagSCX/laZINmdnX4zrF6kIaR9P4xQrWXbsTFHTYe0Mg==]]></Encrypt></xml>", "<xml>"},
		{"v3", "timestamp=1409659813&nonce=1372623149&encrypt_type=aes&msg_signature=477715d11cdb4164915debcba66cb864d751f3e6",
			"<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName><Encrypt><![CDATA[RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==]]></Encrypt></xml>", "<xml>"},
		{"v4", "signature=6c5c811b55cc85e0e1b54100749188c20beb3f5d&timestamp=1714112445&nonce=415670741&encrypt_type=aes&msg_signature=046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
			`{"ToUserName":"gh_1","Encrypt":"+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="}`, `{"ToUserName"`},
	} {
		q, _ := url.ParseQuery(row.query)
		w := wechat{tb: t, base: b.base, name: row.name}
		wantAnswer(t, row.name, w.do("POST", q, strings.NewReader(row.body)), success)
		if got := p.last(t).body; !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: the program got %q", row.name, got)
		}
		q.Set("encrypt_type", "AES")
		wantAnswer(t, row.name+", in capitals", w.do("POST", q, strings.NewReader(row.body)), success)
	}
}

func TestAPushOfAMegabyteIsTaken(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL}))
	w := b.plain()
	text := strings.Replace(textXML, "hi", strings.Repeat("x", 1<<20-len(textXML)+2), 1)
	for _, body := range []io.Reader{strings.NewReader(text), struct{ io.Reader }{strings.NewReader(text)}} {
		if wantAnswer(t, "1 MiB", w.do("POST", w.query(""), body), success); p.last(t).body != text {
			t.Error("it is not what arrived")
		}
	}
	if len(b.large) != 0 {
		t.Errorf("%d places among the large bodies were not given back", len(b.large))
	}
}

func TestFewLargeBodiesAreReadAtATime(t *testing.T) {
	b := start(t, both())
	for range maxLarge {
		b.large <- struct{}{}
	}
	w := b.plain()
	large := strings.Replace(textXML, "hi", strings.Repeat("x", smallBody), 1)
	wantAnswer(t, "a large one", w.plain(large), refusedWith(503))
	wantAnswer(t, "one in chunks", w.do("POST", w.query(""), struct{ io.Reader }{strings.NewReader(large)}), refusedWith(503))
	wantAnswer(t, "a small one", w.plain(textXML), success)
	wantAnswer(t, "a large one of a stranger", w.plain(large, "nonce", "1"), refusedWith(403))
}
