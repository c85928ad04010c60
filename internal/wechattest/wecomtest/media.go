package wecomtest

import (
	"bytes"
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"
)

// mediaLife is how long temporary media is kept.
const mediaLife = 3 * 24 * time.Hour

// mediaLimits are the types of temporary media, and how many bytes each may have.
var mediaLimits = map[string]int{
	"image": 10 << 20,
	"voice": 2 << 20,
	"video": 10 << 20,
	"file":  20 << 20,
}

// mediaMin is how many bytes media must have more than.
const mediaMin = 5

// A media is a file that an application has uploaded.
type media struct {
	name, contentType string
	data              []byte
	until             time.Time
}

func (w *WeCom) mediaUpload(c *call) answer {
	m, errcode := c.upload(c.params.Get("type"))
	if errcode != 0 {
		return w.refuse(c, errcode)
	}
	m.until = w.now().Add(mediaLife)
	id := random(66)
	w.corps[c.app.CorpID].media[id] = m
	w.uploads = append(w.uploads, m.data)
	return w.uploaded(c.params.Get("type"), id)
}

// uploaded answers an upload.
func (w *WeCom) uploaded(kind, id string) answer {
	return w.success(struct {
		outcome
		Type      string `json:"type"`
		MediaID   string `json:"media_id"`
		CreatedAt string `json:"created_at"`
	}{done(), kind, id, strconv.FormatInt(w.now().Unix(), 10)})
}

// upload returns the file in the body.
func (c *call) upload(kind string) (m media, errcode int) {
	limit, ok := mediaLimits[kind]
	if !ok {
		return media{}, 40005
	}
	m, ok = c.file()
	switch {
	case !ok || m.name == "":
		return media{}, 44001
	case len(m.data) <= mediaMin || len(m.data) > limit:
		return media{}, 40006
	}
	return m, 0
}

// file returns the field "media" of a multipart body. Its filelength must be right if it
// has one, and nothing may be missing at the end.
func (c *call) file() (m media, ok bool) {
	_, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return media{}, false
	}
	parts := multipart.NewReader(bytes.NewReader(c.Body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return m, err == io.EOF && ok //nolint:errorlint // NextPart returns io.EOF itself
		}
		if part.FormName() != "media" {
			continue
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return media{}, false
		}
		m = media{name: part.FileName(), contentType: cmp.Or(part.Header.Get("Content-Type"), "application/octet-stream"), data: data}
		_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition")) // FormName has read it
		length, isThere := disposition["filelength"]
		ok = !isThere || length == strconv.Itoa(len(data))
	}
}

// mediaGet answers with the file itself, to all applications of the corp.
func (w *WeCom) mediaGet(c *call) answer {
	id := c.params.Get("media_id")
	m, ok := w.corps[c.app.CorpID].media[id]
	switch {
	case id == "":
		return w.refuse(c, 41006)
	case !ok || !w.now().Before(m.until):
		return w.refuse(c, 40007)
	}
	w.answers[0]++
	return answer{status: http.StatusOK, header: http.Header{
		"Content-Type":        {m.contentType},
		"Content-Disposition": {`attachment; filename="` + m.name + `"`},
	}, body: m.data}
}
