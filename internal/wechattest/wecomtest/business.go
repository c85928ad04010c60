package wecomtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Absent is the userid of nobody: it gets 60111.
const Absent = "absent"

// hasJSON reports whether the body is JSON.
func (c *call) hasJSON() bool { return json.Valid(c.Body) }

// An agentID stands as a number or as a string.
type agentID string

// UnmarshalJSON implements [json.Unmarshaler].
func (i *agentID) UnmarshalJSON(text []byte) error {
	*i = agentID(strings.Trim(string(text), `"`))
	return nil
}

// agent returns the agent that c names, in its query or its body; "": none.
func (c *call) agent() string {
	var body struct {
		AgentID agentID `json:"agentid"`
	}
	if c.Method == http.MethodPost && json.Unmarshal(c.Body, &body) == nil && body.AgentID != "" {
		return string(body.AgentID)
	}
	return c.params.Get("agentid")
}

// agentProblem returns why the agent that c names is none that its token may be used for;
// 0: it may.
func (w *WeCom) agentProblem(c *call) (errcode int) {
	if c.app == nil || !strings.HasPrefix(c.path, "/cgi-bin/message/") && !strings.HasPrefix(c.path, "/cgi-bin/agent/") {
		return 0
	}
	switch id := c.agent(); {
	case id == c.app.AgentID && id != "":
		return 0
	case id == "" && (c.path == "/cgi-bin/message/send" || c.path == "/cgi-bin/agent/get"):
		return 41011
	case id == "":
		return 0
	case strings.Trim(id, "0123456789") != "":
		return 40056
	}
	return 301002
}

// userGet answers user/get.
func (w *WeCom) userGet(c *call) answer {
	id := c.params.Get("userid")
	switch id {
	case "":
		return w.refuse(c, 41009)
	case Absent:
		return w.refuse(c, 60111)
	}
	return w.success(struct {
		outcome
		UserID     string `json:"userid"`
		Name       string `json:"name"`
		Department []int  `json:"department"`
		Order      []int  `json:"order"`
		IsLeader   []int  `json:"is_leader_in_dept"`
		Status     int    `json:"status"`
		Gender     string `json:"gender"`
		Enable     int    `json:"enable"`
		MainDept   int    `json:"main_department"`
	}{done(), id, "张三", []int{1, 2}, []int{1, 2}, []int{1, 0}, 1, "1", 1, 1})
}

// agentGet answers agent/get.
func (w *WeCom) agentGet(c *call) answer {
	id, _ := strconv.Atoi(c.app.AgentID) // agentProblem has seen that it is a number
	return w.success(struct {
		outcome
		AgentID int    `json:"agentid"`
		Name    string `json:"name"`
		Close   int    `json:"close"`
	}{done(), id, "HR助手", 0})
}

// send answers message/send.
func (w *WeCom) send(c *call) answer {
	var message map[string]json.RawMessage
	if json.Unmarshal(c.Body, &message) != nil || string(message["msgtype"]) == "" {
		return w.refuse(c, 40008)
	}
	w.keep(c)
	return w.success(struct {
		outcome
		InvalidUser string `json:"invaliduser"`
		MsgID       string `json:"msgid"`
	}{done(), "", random(48)})
}

// keep keeps what c has done.
func (w *WeCom) keep(c *call) {
	w.sent = append(w.sent, Message{App: c.app, Path: c.path, Body: c.Body})
}

// addresses answers get_api_domain_ip and getcallbackip, whose errcode comes last.
func (w *WeCom) addresses(*call) answer {
	return w.success(struct {
		IPs []string `json:"ip_list"`
		outcome
	}{[]string{"182.254.11.176", "182.254.78.66"}, done()})
}

// codeToSession answers miniprogram/jscode2session, which takes the token of the
// application that the mini program belongs to: that of another is invalid here alone.
func (w *WeCom) codeToSession(c *call) answer {
	switch code := c.params.Get("js_code"); {
	case !c.app.MiniProgram:
		return w.refuse(c, 40014)
	case code == "":
		return w.refuse(c, 41008)
	}
	return w.success(struct {
		outcome
		CorpID     string `json:"corpid"`
		UserID     string `json:"userid"`
		SessionKey string `json:"session_key"`
	}{done(), c.app.CorpID, "zhangsan", random(16)})
}

// downstreamToken answers corpgroup/corp/gettoken with the token of another corp, which
// is a credential.
func (w *WeCom) downstreamToken(*call) answer {
	return w.success(struct {
		outcome
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}{done(), random(tokenBytes), 7200})
}

// other answers every API that stands nowhere else.
func (w *WeCom) other(c *call) answer {
	if c.Method == http.MethodPost {
		w.keep(c)
	}
	return w.success(done())
}
