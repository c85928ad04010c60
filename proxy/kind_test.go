package proxy

import (
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// library is a kind of accounts that there is not: it has a host, paths, names and
// errcodes of its own.
var library = accountkind.Kind{
	Name:       "the library",
	URL:        "https://api.library.example",
	Hosts:      []string{"api.library.example"},
	TokenPaths: []string{"/loans/token"},
	Routes: []accountkind.Route{
		{Pattern: "/readers/login", Credential: accountkind.CredentialSecret},
		{Pattern: "/opening-hours", Credential: accountkind.CredentialNone},
		{Pattern: "/cgi-bin/*", Credential: accountkind.CredentialDeny},
	},
	TokenParameter:   "card",
	AccountParameter: "from_branch",
	SecretNames:      accountkind.SecretNames{AppID: "branch", Secret: "stamp"},
	OwnParameters:    []string{"from_branch"},
	TokenParameters:  []string{"card", "from_branch"},
	SecretParameters: []string{"branch", "stamp", "card", "from_branch"},
	SecretMembers:    []string{"branch", "stamp"},
	TokenRequest: accountkind.TokenRequest{
		GrantName: "kind", AppIDName: "branch", SecretName: "stamp", Grant: "reader",
		NotPOST: 1, BadGrant: 2, NoAppID: 3, BadAppID: 4, NoSecret: 5, BadSecret: 6, BadData: 7,
	},
	TokenErrcodes: []int{777},
	InvalidToken:  777,
	ExpiredToken:  778,
}

// twoKinds is a proxy for an account of WeChat's and one of the library's, which answers
// with answers.
func twoKinds(clients []Client, answers ...string) (p *Proxy, wechat, shelf *recorder) {
	wechat, shelf = &recorder{answers: []string{rawtest.OKBody}}, &recorder{answers: answers}
	branch := account("branch", "lib7")
	branch.Tokens = &fixedTokens{token: "old-card", replacement: "new-card"}
	branch.Kind = &Kind{Table: &library, Upstream: shelf, Hosts: library.Hosts, TokenErrcodes: library.TokenErrcodes}
	c := config(wechat, account("shop", "wxshop"), branch)
	c.Default, c.Clients, c.TokenEndpoint = "shop", clients, TokenVirtual
	return New(c), wechat, shelf
}

// All that differs between kinds of accounts is in their tables: a second one needs no
// code.
func TestASecondKindOfAccountsIsATable(t *testing.T) {
	for name, row := range map[string]struct{ raw, sent string }{
		"by its prefix":           {rawtest.Get("/@branch/loans?card=theirs&day=1"), "/loans?day=1&card=old-card"},
		"by the header":           {rawtest.Get("/loans", "Wxproxy-Account: branch"), "/loans?card=old-card"},
		"by its host":             {rawtest.Get("http://api.library.example/loans", "Wxproxy-Account: lib7"), "/loans?card=old-card"},
		"without a credential":    {rawtest.Get("/@lib7/opening-hours?from_branch=lib7&access_token=x"), "/opening-hours?access_token=x"},
		"with the secret":         {rawtest.Get("/@branch/readers/login?reader=1&stamp=x"), "/readers/login?reader=1&branch=lib7&stamp=branch-secret"},
		"its own parameter names": {rawtest.Get("/@branch/loans?access_token=kept"), "/loans?access_token=kept&card=old-card"},
	} {
		t.Run(name, func(t *testing.T) {
			p, wechat, shelf := twoKinds(nil, rawtest.OKBody)
			ctx := handle(t, p, row.raw)
			if len(shelf.got) != 1 || len(wechat.got) != 0 || shelf.got[0].target != row.sent {
				t.Errorf("got %s, %v and %v sent; want the library to get %s", ctx.Response.Body(), shelf.got, wechat.got, row.sent)
			}
		})
	}
}

// What is remembered of the last target is read only when the kind of accounts is known.
func TestAnAccountNamedInTheQueryAgainIsTheSame(t *testing.T) {
	p, wechat, _ := twoKinds(nil)
	for range 3 {
		if ctx := handle(t, p, rawtest.Get("/p?from_appid=wxshop")); string(ctx.Response.Body()) != rawtest.OKBody {
			t.Errorf("got %s after %v; want WeChat's answer", ctx.Response.Body(), wechat.got)
		}
	}
}

func TestKindsRefuseTokensByTheirOwnErrcodes(t *testing.T) {
	p, _, shelf := twoKinds(nil, `{"errcode":777,"errmsg":"this card was withdrawn"}`, rawtest.OKBody)
	ctx := handle(t, p, rawtest.Get("/@branch/loans"))
	if string(ctx.Response.Body()) != rawtest.OKBody || len(shelf.got) != 2 || shelf.got[1].target != "/loans?card=new-card" {
		t.Errorf("got %s after %v; want it sent again with the new card", ctx.Response.Body(), shelf.got)
	}
	p, _, shelf = twoKinds(nil, `{"errcode":40001,"errmsg":"means nothing here"}`)
	if handle(t, p, rawtest.Get("/@branch/loans")); len(shelf.got) != 1 {
		t.Errorf("got %v; want no second attempt after another kind's errcode", shelf.got)
	}
}

func TestPathsMeanWhatTheKindOfTheAccountSays(t *testing.T) {
	p, wechat, _ := twoKinds(nil, rawtest.OKBody)
	if ctx := handle(t, p, rawtest.Get("/@branch/cgi-bin/user/get")); slugOf(ctx) != "no_credential" {
		t.Errorf("got %s; want what the library denies", ctx.Response.Body())
	}
	if handle(t, p, rawtest.Get("/readers/login")); len(wechat.got) != 1 || !strings.HasPrefix(wechat.got[0].target, "/readers/login?access_token=") {
		t.Errorf("got %v; want WeChat's default, whatever the library says of the path", wechat.got)
	}
	only := keyed("reader", "key")
	only.Accounts = []string{"branch"}
	p, wechat, shelf := twoKinds([]Client{only}, rawtest.OKBody)
	if handle(t, p, rawtest.Get("/readers/login", "Authorization: Bearer key")); len(shelf.got) != 1 || len(wechat.got) != 0 || !strings.Contains(shelf.got[0].target, "stamp=branch-secret") {
		t.Errorf("got %v; want the kind of the client's only account", shelf.got)
	}
}

func TestEachKindHasItsTokenPathAndItsRefusals(t *testing.T) {
	clients := []Client{keyed("reader", "key")}
	p, _, shelf := twoKinds(clients, rawtest.OKBody)
	for raw, want := range map[string]int{
		rawtest.Get("/loans/token?kind=x&branch=lib7&stamp=key"):              2,
		rawtest.Get("/loans/token?kind=reader&stamp=key"):                     3,
		rawtest.Get("/loans/token?kind=reader&branch=wxshop&stamp=key"):       4,
		rawtest.Get("/loans/token?kind=reader&branch=lib7"):                   5,
		rawtest.Get("/loans/token?kind=reader&branch=lib7&stamp=not-a-key"):   6,
		rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=lib7"): 40013,
	} {
		if got := ask(t, p, raw); got.Errcode != want {
			t.Errorf("%.80q: got %+v; want errcode %d", raw, got, want)
		}
	}
	got := ask(t, p, rawtest.Get("/loans/token?kind=reader&branch=lib7&stamp=key"))
	if got.AccessToken == "" {
		t.Fatalf("got %+v; want a virtual token", got)
	}
	if handle(t, p, rawtest.Get("/loans?card="+got.AccessToken)); len(shelf.got) != 1 || shelf.got[0].target != "/loans?card=old-card" {
		t.Errorf("got %v; want the account that the virtual token is for", shelf.got)
	}
	forged := strings.Replace(got.AccessToken, "wxp_", "wxp_A", 1)
	if got := ask(t, p, rawtest.Get("/@branch/loans?card="+forged)); got.Errcode != 777 {
		t.Errorf("got %+v; want the library's errcode for a token that is none", got)
	}
}

func TestErrorsNameTheSideThatWasAsked(t *testing.T) {
	p, _, _ := twoKinds(nil, rawtest.OKBody)
	p.accounts["branch"].kind.Upstream = upstreamFunc(func(*upstream.Message, *fasthttp.Response) error { return upstream.ErrTimeout })
	if ctx := handle(t, p, rawtest.Get("/@branch/loans")); !strings.Contains(string(ctx.Response.Body()), "the library did not answer in time") {
		t.Errorf("got %s; want it to name the library", ctx.Response.Body())
	}
}

func TestAKindWithoutTicketsSignsNothing(t *testing.T) {
	p, _, _ := twoKinds(nil, rawtest.OKBody)
	if ctx := handle(t, p, rawtest.Get("/@branch/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F")); slugOf(ctx) != "no_credential" {
		t.Errorf("got %s; want it refused", ctx.Response.Body())
	}
}

func TestATableThatIsNotCompleteIsAMistakeOfTheProgrammers(t *testing.T) {
	for name, mutilate := range map[string]func(*accountkind.Kind){
		"no name":    func(k *accountkind.Kind) { k.Name = "" },
		"no errcode": func(k *accountkind.Kind) { k.TokenRequest.BadSecret = 0 },
		"no class":   func(k *accountkind.Kind) { k.Routes = []accountkind.Route{{Pattern: "/x", Credential: "made-up"}} },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic; want one at the start")
				}
			}()
			table := library
			mutilate(&table)
			newKind(&Kind{Table: &table}, false)
		})
	}
}

// Several applications of a corp have its id, which then names none of them; a virtual
// token names one all the same.
func TestAccountsThatShareAnAppIDAreKeptApart(t *testing.T) {
	p, _, shelf := twoKinds(nil, rawtest.OKBody)
	shelved := p.accounts["branch"].kind.Kind
	c := config(&recorder{answers: []string{rawtest.OKBody}}, account("shop", "wxshop"))
	c.Default, c.TokenEndpoint = "shop", TokenVirtual
	for _, name := range []string{"north", "south", "lib9"} {
		a := account(name, "lib7")
		a.Key, a.Kind, a.Tokens = "lib7."+name, &shelved, &fixedTokens{token: "card-of-" + name}
		c.Accounts = append(c.Accounts, a)
	}
	c.Accounts[3].AppID = "lib9" // as its name
	p = New(c)
	if p.accounts["lib7"] != nil || p.accounts["lib9"] == nil || p.accounts["lib9"].Name != "lib9" {
		t.Errorf("got %v and %v; want lib7 to name none, and lib9 one", p.accounts["lib7"], p.accounts["lib9"])
	}
	if ctx := handle(t, p, rawtest.Get("/@lib7/loans")); slugOf(ctx) != "unknown_account" {
		t.Errorf("got %s; want it unknown", ctx.Response.Body())
	}
	north, south := p.accounts["north"], p.accounts["south"]
	if north.id == south.id || p.byID[north.id] != north || p.byID[south.id] != south {
		t.Error("virtual tokens know two accounts by one id")
	}
	if handle(t, p, rawtest.Get("/@south/loans")); len(shelf.got) != 1 || shelf.got[0].target != "/loans?card=card-of-south" {
		t.Errorf("got %v; want the account that is named", shelf.got)
	}
}
