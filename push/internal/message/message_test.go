package message

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheTypeOfAPush(t *testing.T) {
	for name, row := range map[string]struct {
		plain string
		want  Message
	}{
		"text in XML": {"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><CreateTime>1</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[<MsgType>image</MsgType>]]></Content></xml>",
			Message{XML, "text", "gh_1"}},
		"an event in XML":           {"<xml><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event></xml>", Message{XML, "event:CLICK", ""}},
		"the event stands first":    {"<xml><Event>LOCATION</Event><MsgType>event</MsgType></xml>", Message{XML, "event:LOCATION", ""}},
		"an info in XML":            {"<xml><AppId>wx1</AppId><InfoType>component_verify_ticket</InfoType></xml>", Message{XML, "info:component_verify_ticket", ""}},
		"no type in XML":            {"<xml><action>CheckContainerPath</action></xml>", Message{XML, "", ""}},
		"an empty element":          {"<xml/>", Message{XML, "", ""}},
		"a declaration":             {"<?xml version=\"1.0\"?>\n<!-- c --><xml a='>' b = \"&foo;/>\"><MsgType>text</MsgType ></xml>\n<!-- c --> ", Message{XML, "text", ""}},
		"after BOM and white space": {" \n\ufeff\r\n\t<xml><MsgType>text</MsgType></xml>", Message{XML, "text", ""}},
		"in pieces":                 {"<xml><MsgType>t<![CDATA[e]]><!-- c -->x&#116;</MsgType></xml>", Message{XML, "text", ""}},
		"references":                {"<xml><MsgType>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;</MsgType></xml>", Message{XML, "<>&'\"AB", ""}},
		"two pieces of CDATA":       {"<xml><MsgType><![CDATA[a]]]]><![CDATA[>b]]></MsgType></xml>", Message{XML, "a]]>b", ""}},
		"deeper ones do not count":  {"<xml><a><MsgType>image</MsgType><b><Event>x</Event></b></a><MsgType>text</MsgType></xml>", Message{XML, "text", ""}},
		"another namespace":         {`<xml xmlns:a="u"><a:MsgType>image</a:MsgType><MsgType>text</MsgType></xml>`, Message{XML, "text", ""}},
		"another letter case":       {"<xml><msgtype>image</msgtype><MsgType>text</MsgType></xml>", Message{XML, "text", ""}},
		"control characters":        {"<xml><Content><![CDATA[\x08\xff]]></Content><MsgType>text</MsgType></xml>", Message{XML, "text", ""}},
		"white space around a type": {"<xml><MsgType> event\n</MsgType><Event>\tCLICK </Event></xml>", Message{XML, "event:CLICK", ""}},
		"text in JSON":              {`{"ToUserName":"gh_1","MsgType":"text","Content":"\"MsgType\":\"image\"}"}`, Message{JSON, "text", "gh_1"}},
		"an event in JSON":          {"\ufeff { \"MsgType\" : \"event\" , \"Event\" : \"debug_demo\" , \"a\" : [ { \"Event\" : \"x\" } , 1 ] }\n", Message{JSON, "event:debug_demo", ""}},
		"an escaped key":            {`{"Msg\u0054ype":"t\u0065xt"}`, Message{JSON, "text", ""}},
		"no type in JSON":           {`{"action":"CheckContainerPath"}`, Message{JSON, "", ""}},
		"an empty object":           {`{}`, Message{JSON, "", ""}},
		"null":                      {`{"MsgType":null,"InfoType":"authorized"}`, Message{JSON, "info:authorized", ""}},
		"a number":                  {`{"MsgType": 12 }`, Message{JSON, "12", ""}},
		"values of all kinds":       {`{"a":-1.5e3,"b":true,"c":null,"d":"}","e":{"f":"]"},"g":[{}],"MsgType":"text"}`, Message{JSON, "text", ""}},
	} {
		got, err := Read([]byte(row.plain))
		if err != nil || got != row.want {
			t.Errorf("%s: got %+v, error %v; want %+v", name, got, err, row.want)
		}
	}
}

func TestWhatIsNoPush(t *testing.T) {
	const bomb = `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]>`
	for name, row := range map[string]struct {
		plain string
		want  error
	}{
		"nothing":                         {"", ErrFormat},
		"white space":                     {" \ufeff\n", ErrFormat},
		"words":                           {"hello", ErrFormat},
		"a form":                          {"a=b", ErrFormat},
		"UTF-16":                          {"\xff\xfe<\x00x\x00", ErrFormat},
		"an array":                        {`[{"MsgType":"text"}]`, ErrFormat},
		"a bomb":                          {bomb + "<xml><MsgType>&lol2;</MsgType></xml>", ErrFormat},
		"a DTD of another file":           {`<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>`, ErrFormat},
		"a DTD inside":                    {"<xml>" + bomb + "</xml>", ErrFormat},
		"an entity that nobody defined":   {"<xml><Content>&xxe;</Content></xml>", ErrFormat},
		"a bare ampersand":                {"<xml><Content>a & b</Content></xml>", ErrFormat},
		"a reference without end":         {"<xml><Content>&amp</Content></xml>", ErrFormat},
		"a reference to nothing":          {"<xml><MsgType>&#xD800;</MsgType></xml>", ErrFormat},
		"a reference of many digits":      {"<xml><MsgType>&#99999999999;</MsgType></xml>", ErrFormat},
		"a reference of no digits":        {"<xml><MsgType>&#;</MsgType></xml>", ErrFormat},
		"no end":                          {"<xml><MsgType>text</MsgType>", ErrFormat},
		"another end":                     {"<xml><MsgType>text</Event></xml>", ErrFormat},
		"an end too many":                 {"<xml></xml></xml>", ErrFormat},
		"an end that is no end":           {"<xml></xml", ErrFormat},
		"crossed":                         {"<xml><a><b></a></b></xml>", ErrFormat},
		"two roots":                       {"<xml/><xml/>", ErrFormat},
		"text behind":                     {"<xml/>x", ErrFormat},
		"a zero byte behind":              {"<xml/>\x00", ErrFormat},
		"CDATA outside":                   {"<![CDATA[<xml/>]]>", ErrFormat},
		"CDATA without end":               {"<xml><![CDATA[", ErrFormat},
		"a comment without end":           {"<xml/><!--", ErrFormat},
		"an instruction without end":      {"<?xml", ErrFormat},
		"only a declaration":              {`<?xml version="1.0"?>`, ErrFormat},
		"a tag without end":               {"<xml a='b'", ErrFormat},
		"a tag without name":              {"<>", ErrFormat},
		"an attribute without value":      {"<xml a></xml>", ErrFormat},
		"an attribute without quotes":     {"<xml a=b></xml>", ErrFormat},
		"an attribute with a tag in it":   {"<xml a='<'></xml>", ErrFormat},
		"attributes that touch":           {"<xml a='b'c='d'></xml>", ErrFormat},
		"a type twice in XML":             {"<xml><MsgType>text</MsgType><MsgType>image</MsgType></xml>", ErrTwice},
		"an empty type and another":       {"<xml><MsgType/><MsgType>image</MsgType></xml>", ErrTwice},
		"a type with elements":            {"<xml><MsgType>te<b>x</b>t</MsgType></xml>", ErrValue},
		"an object without end":           {`{"MsgType":"text"`, ErrFormat},
		"an object and more":              {`{"MsgType":"text"}{}`, ErrFormat},
		"a zero byte behind JSON":         {"{}\x00", ErrFormat},
		"single quotes":                   {`{'MsgType':'text'}`, ErrFormat},
		"a comma too many":                {`{"MsgType":"text",}`, ErrFormat},
		"a type twice in JSON":            {`{"MsgType":"text","MsgType":"image"}`, ErrTwice},
		"the same twice":                  {`{"MsgType":"text","MsgType":"text"}`, ErrTwice},
		"twice, once with another escape": {`{"MsgType":"text","\u004dsgType":"image"}`, ErrTwice},
		"a type that is an object":        {`{"MsgType":{}}`, ErrValue},
		"a type that is an array":         {`{"MsgType":["text"]}`, ErrValue},
		"a type that is a book":           {`{"MsgType":"` + strings.Repeat("x", maxType+1) + `"}`, ErrValue},
		"a type that is true":             {`{"MsgType":true}`, ErrValue},
	} {
		if got, err := Read([]byte(row.plain)); !errors.Is(err, row.want) || got != (Message{}) {
			t.Errorf("%s: got %+v, error %v; want %v", name, got, err, row.want)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	const size = 1 << 20
	nest := func(open, inner, shut string, depth int) string {
		return strings.Repeat(open, depth) + inner + strings.Repeat(shut, depth)
	}
	for name, row := range map[string]struct {
		plain string
		want  error
	}{
		"XML at the bound":            {nest("<a>", "", "</a>", maxDepth), nil},
		"XML above it":                {nest("<a>", "", "</a>", maxDepth+1), ErrFormat},
		"1 MiB of XML":                {nest("<a>", "", "</a>", size/7), ErrFormat},
		"1 MiB of start tags":         {strings.Repeat("<a>", size/3), ErrFormat},
		"1 MiB of '<'":                {strings.Repeat("<", size), ErrFormat},
		"1 MiB of '&'":                {"<a>" + strings.Repeat("&", size), ErrFormat},
		"1 MiB of comments":           {strings.Repeat("<!---->", size/7) + "<a/>", nil},
		"1 MiB of half CDATA":         {"<a>" + strings.Repeat("<![CDATA[", size/9), ErrFormat},
		"1 MiB of attributes":         {"<a" + strings.Repeat(" a=''", size/5) + "/>", nil},
		"1 MiB of a name":             {"<" + strings.Repeat("a", size), ErrFormat},
		"1 MiB of elements":           {"<a>" + strings.Repeat("<b/>", size/4) + "</a>", nil},
		"JSON at the bound":           {`{"a":` + nest("[", "", "]", maxDepth-1) + "}", nil},
		"JSON above it":               {`{"a":` + nest("[", "", "]", maxDepth) + "}", ErrFormat},
		"1 MiB of arrays":             {`{"a":` + strings.Repeat("[", size), ErrFormat},
		"1 MiB of objects":            {nest(`{"a":`, "1", "}", size/6), ErrFormat},
		"1 MiB of members":            {"{" + strings.Repeat(`"a":1,`, size/6) + `"a":1}`, nil},
		"1 MiB of quotes":             {"{" + strings.Repeat(`"`, size), ErrFormat},
		"1 MiB of backslashes":        {`{"` + strings.Repeat(`\`, size), ErrFormat},
		"brackets in a string":        {`{"a":"` + strings.Repeat("[{", size/2) + `"}`, nil},
		"1 MiB of JSON's white space": {"{" + strings.Repeat(" ", size) + "}", nil},
	} {
		began := time.Now()
		if _, err := Read([]byte(row.plain)); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v; want %v", name, err, row.want)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestEnvelopes(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		want Envelope
		err  error
	}{
		"XML":               {"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[QQ==]]></Encrypt></xml>", Envelope{XML, "gh_1", "QQ=="}, nil},
		"JSON":              {`{"ToUserName":"gh_1","Encrypt":"Q+\/=="}`, Envelope{JSON, "gh_1", "Q+/=="}, nil},
		"a platform's":      {"<xml><AppId>wx1</AppId><Encrypt>QQ==</Encrypt></xml>", Envelope{XML, "", "QQ=="}, nil},
		"compatible mode":   {"<xml><ToUserName>gh_1</ToUserName><MsgType>text</MsgType><Content><![CDATA[<Encrypt>x</Encrypt>]]></Content><Encrypt>QQ==</Encrypt></xml>", Envelope{XML, "gh_1", "QQ=="}, nil},
		"in another object": {`{"a":{"Encrypt":"QQ=="}}`, Envelope{}, ErrNoEncrypt},
		"empty":             {`{"Encrypt":""}`, Envelope{}, ErrNoEncrypt},
		"lower case":        {`{"encrypt":"QQ=="}`, Envelope{}, ErrNoEncrypt},
		"in the clear":      {"<xml><MsgType>text</MsgType></xml>", Envelope{}, ErrNoEncrypt},
		"twice in JSON":     {`{"Encrypt":"QQ==","Encrypt":"QR=="}`, Envelope{}, ErrTwice},
		"twice in XML":      {"<xml><Encrypt>QQ==</Encrypt><Encrypt>QR==</Encrypt></xml>", Envelope{}, ErrTwice},
		"no body":           {"", Envelope{}, ErrFormat},
		"binary":            {"\x00\x01", Envelope{}, ErrFormat},
	} {
		got, err := ReadEnvelope([]byte(row.body))
		if !errors.Is(err, row.err) || got != row.want {
			t.Errorf("%s: got %+v, error %v; want %+v, %v", name, got, err, row.want, row.err)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, format := range []Format{XML, JSON} {
		for _, name := range []string{"gh_1", "", "]]>", `"\<&` + "\n"} {
			want := Envelope{Format: format, ToUserName: name, Encrypt: "Q+/="}
			if got, err := ReadEnvelope(WriteEnvelope(format, name, "Q+/=")); err != nil || got != want {
				t.Errorf("got %+v, error %v; want %+v", got, err, want)
			}
		}
	}
}

// The official replies, whose values must stand under these names.
func TestRepliesAreWrittenAsWeChatReadsThem(t *testing.T) {
	text, err := os.ReadFile("../envelope/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		ID, Nonce, Timestamp, Encrypt string
		MsgSignature                  string `json:"msg_signature"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		if v.Encrypt == "" {
			continue
		}
		r := Reply{v.Encrypt, v.MsgSignature, v.Timestamp, v.Nonce}
		wantJSON := `{"Encrypt":"` + v.Encrypt + `","MsgSignature":"` + v.MsgSignature + `","TimeStamp":` + v.Timestamp + `,"Nonce":"` + v.Nonce + `"}`
		if got := string(r.Write(JSON)); got != wantJSON {
			t.Errorf("%s: got %s; want %s", v.ID, got, wantJSON)
		}
		var read struct {
			XMLName                                 xml.Name `xml:"xml"`
			Encrypt, MsgSignature, TimeStamp, Nonce string
		}
		if err := xml.Unmarshal(r.Write(XML), &read); err != nil || (Reply{read.Encrypt, read.MsgSignature, read.TimeStamp, read.Nonce}) != r {
			t.Errorf("%s: got %+v, error %v; want %+v", v.ID, read, err, r)
		}
		for _, format := range []Format{XML, JSON} {
			if got, ok := ReadReply(r.Write(format)); !ok || got != v.Encrypt {
				t.Errorf("%s: read back %q, %v", v.ID, got, ok)
			}
		}
	}
}

func TestAnswersThatAreNotEncrypted(t *testing.T) {
	for _, body := range []string{"", "success", "<xml><Content>x</Content></xml>", `{"errcode":0}`, "<xml><a><Encrypt>x</Encrypt></a></xml>", "<xml>"} {
		if got, ok := ReadReply([]byte(body)); ok {
			t.Errorf("%s: got %q", body, got)
		}
	}
	if got, ok := ReadReply([]byte(`{"encrypt":"QQ==","msg_signature":"x"}`)); !ok || got != "QQ==" {
		t.Errorf("in lower case: got %q, %v", got, ok)
	}
}

// seeds are texts to begin with.
func seeds(f *testing.F) {
	for _, seed := range []string{
		"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><MsgType><![CDATA[event]]></MsgType><Event>&lt;a&#65;</Event></xml>",
		`{"ToUserName":"gh_1","MsgType":"event","Event":"\u0041","a":[{"b":1}]}`,
		"\ufeff<?xml version='1.0'?><!-- c --><xml a='b'><InfoType>x</InfoType><b/></xml>",
		"<xml><Encrypt>QQ==</Encrypt><AppId>wx1</AppId></xml>", `{"Encrypt":"QQ=="}`,
		"<!DOCTYPE x><xml/>", "<xml><![CDATA[]]]]><![CDATA[>]]></xml>",
	} {
		f.Add([]byte(seed))
	}
}

func TestWhichApplicationAMessageIsFor(t *testing.T) {
	for plain, want := range map[string]string{
		"<xml><MsgType>text</MsgType><AgentID>1000002</AgentID></xml>": "1000002",
		"<xml><AgentID><![CDATA[ 1 ]]></AgentID></xml>":                "1",
		`{"AgentID":1000002}`: "1000002",
		"<xml></xml>":         "",
		"<xml><AgentID>1</AgentID><AgentID>2</AgentID></xml>": "",
		"<xml><Deeper><AgentID>1</AgentID></Deeper></xml>":    "",
		"1616140317555161061":                                 "",
	} {
		if got := AgentOf([]byte(plain)); got != want {
			t.Errorf("%s: got %q; want %q", plain, got, want)
		}
	}
	got := string(WriteAgentEnvelope(JSON, "ww1", "1000002", "Q=="))
	if want := `{"ToUserName":"ww1","Encrypt":"Q==","AgentID":"1000002"}`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, plain []byte) {
		got, err := Read(plain)
		if err == nil && !IsMessage(plain) {
			t.Error("it can be read, and is none")
		}
		AgentOf(plain)
		if err != nil {
			if got != (Message{}) {
				t.Errorf("got %+v with error %v", got, err)
			}
			return
		}
		others := otherJSON
		if got.Format == XML {
			others = otherXML
		}
		if want, ok := others(plain, "ToUserName"); ok && normal(want) != normal(got.ToUserName) {
			t.Errorf("got %q; another reader finds %q", got.ToUserName, want)
		}
	})
}

func TestWhatIsWrittenIsReadTheSame(t *testing.T) {
	for _, format := range []Format{XML, JSON} {
		want := Envelope{Format: format, ToUserName: "a]]>b<c>&\"\\d", Encrypt: "QQ=="}
		if got, err := ReadEnvelope(WriteEnvelope(format, want.ToUserName, want.Encrypt)); err != nil || got != want {
			t.Errorf("got %+v, error %v; want %+v", got, err, want)
		}
	}
}

func FuzzReadEnvelope(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ReadEnvelope(body)
		if err != nil {
			return
		}
		again, err := ReadEnvelope(WriteEnvelope(got.Format, got.ToUserName, got.Encrypt))
		again.Encrypt, again.ToUserName = normal(again.Encrypt), normal(again.ToUserName)
		got.Encrypt, got.ToUserName = normal(got.Encrypt), normal(got.ToUserName)
		if err != nil || again != got {
			t.Errorf("got %+v, error %v; want %+v", again, err, got)
		}
	})
}

func FuzzReadReply(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if encrypt, ok := ReadReply(body); ok != (encrypt != "") {
			t.Errorf("got %q, %v", encrypt, ok)
		}
	})
}

// normal returns text as all readers agree on it: line ends, and bytes that are not UTF-8.
func normal(text string) string {
	return strings.ToValidUTF8(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\ufffd")
}

// otherJSON finds a member with the standard library, if that finds it once.
func otherJSON(plain []byte, name string) (value string, ok bool) {
	all := map[string]any{}
	plain = bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(plain, blanks), []byte("\ufeff")), blanks)
	if json.Unmarshal(plain, &all) != nil {
		return "", false
	}
	value, ok = all[name].(string)
	return value, ok
}

// otherXML finds a member with the standard library, if that can read the document.
func otherXML(plain []byte, name string) (value string, ok bool) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(plain, blanks), []byte("\ufeff")), blanks)))
	var within []xml.Name
	for {
		token, err := d.RawToken()
		if err != nil {
			return value, err.Error() == "EOF" && len(within) == 0
		}
		switch token := token.(type) {
		case xml.StartElement:
			within = append(within, token.Name)
		case xml.EndElement:
			if len(within) == 0 {
				return "", false
			}
			within = within[:len(within)-1]
		case xml.CharData:
			if len(within) == 2 && within[1] == (xml.Name{Local: name}) {
				value += string(token)
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, plain := range []string{
		"<xml><ToUserName><![CDATA[gh_123456789abc]]></ToUserName><FromUserName><![CDATA[o0000000000000000000000000000]]></FromUserName><CreateTime>1714112445</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content><MsgId>12345678901234567</MsgId></xml>",
		`{"ToUserName":"gh_123456789abc","FromUserName":"o0000000000000000000000000000","CreateTime":1714112445,"MsgType":"text","Content":"hello","MsgId":12345678901234567}`,
	} {
		b.Run(plain[:1], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read([]byte(plain)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
