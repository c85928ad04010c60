package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/message"
)

// receive takes pushes with the official-account server of github.com/silenceper/wechat on
// a free port, until it is killed. It prints its address, and then what each message says.
// A message is answered with its own words, but "nothing" with nothing; what "slow" says
// takes a second and a half.
func receive(appID, token, aesKey string) {
	account := officialaccount.NewOfficialAccount(&config.Config{AppID: appID, Token: token, EncodingAESKey: aesKey, Cache: cache.NewMemory()})
	answer := func(m *message.MixMessage) *message.Reply {
		fmt.Println(string(m.MsgType)+string(m.Event), m.Content)
		switch m.Content {
		case "", "nothing":
			return nil
		case "slow":
			time.Sleep(1500 * time.Millisecond)
		}
		return &message.Reply{MsgType: message.MsgTypeText, MsgData: message.NewText("you said: " + m.Content)}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Println("http://" + ln.Addr().String())
	fmt.Println(http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server := account.GetServer(r, w)
		server.SetMessageHandler(answer)
		err := server.Serve()
		if err == nil {
			err = server.Send()
		}
		if err != nil {
			fmt.Println("refused:", err)
			w.WriteHeader(http.StatusForbidden)
		}
	})))
}
