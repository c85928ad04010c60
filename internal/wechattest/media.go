package wechattest

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"time"
)

// mediaLife is how long temporary media is kept.
const mediaLife = 3 * 24 * time.Hour

// mediaLimits are the types of temporary media, and how many bytes each may have.
var mediaLimits = map[string]int{
	"image": 10 << 20,
	"voice": 2 << 20,
	"video": 10 << 20,
	"thumb": 64 << 10,
}

// A media is a file that an app has uploaded.
type media struct {
	app                          *app
	kind, contentType, extension string
	data                         []byte
	until                        time.Time
}

func (w *WeChat) mediaUpload(c *call) answer {
	kind := c.params.Get("type")
	limit, ok := mediaLimits[kind]
	if !ok {
		return w.refuse(c, 40004)
	}
	m, ok := c.upload()
	switch {
	case !ok || len(m.data) == 0:
		return w.refuse(c, 41005)
	case len(m.data) > limit:
		return w.refuse(c, 40006)
	}
	m.app, m.kind, m.until = c.app, kind, w.now().Add(mediaLife)
	id := rand.Text() + rand.Text()
	w.media[id] = m
	return c.success(struct {
		Type      string `json:"type"`
		MediaID   string `json:"media_id"`
		CreatedAt int64  `json:"created_at"`
	}{kind, id, w.now().Unix()})
}

// upload returns the file in the field "media" of a multipart body.
func (c *call) upload() (m media, ok bool) {
	_, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return media{}, false
	}
	parts := multipart.NewReader(bytes.NewReader(c.Body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return media{}, false
		}
		if part.FormName() != "media" {
			continue
		}
		data, err := io.ReadAll(part)
		return media{
			contentType: cmp.Or(part.Header.Get("Content-Type"), "application/octet-stream"),
			extension:   path.Ext(part.FileName()),
			data:        data,
		}, err == nil
	}
}

// mediaGet answers with the file itself, or for a video with its address.
func (w *WeChat) mediaGet(c *call) answer {
	id := c.params.Get("media_id")
	m, ok := w.media[id]
	switch {
	case !ok || m.app != c.app || !w.now().Before(m.until):
		return w.refuse(c, 40007)
	case m.kind == "video":
		return c.success(map[string]string{"video_url": "http://203.205.137.21/" + id})
	}
	header := contentType(m.contentType)
	header.Set("Content-Disposition", `attachment; filename="`+id+m.extension+`"`)
	header.Set("Cache-Control", "no-cache, must-revalidate")
	return answer{status: http.StatusOK, header: header, body: m.data}
}

// codeUnlimit answers getwxacodeunlimit with a picture, or with JSON where it fails.
func (w *WeChat) codeUnlimit(c *call) answer {
	var ask struct {
		Scene string `json:"scene"`
	}
	if !c.decode(&ask) {
		return w.refuse(c, 47001)
	}
	if ask.Scene == "" || len(ask.Scene) > 32 {
		return w.refuse(c, 40129)
	}
	picture, err := base64.StdEncoding.DecodeString(blackSquare)
	if err != nil {
		panic("BUG: the square is not base64: " + err.Error())
	}
	return answer{status: http.StatusOK, header: contentType("image/jpeg"), body: picture}
}

// blackSquare is a JPEG of 8 by 8 dots in base64. The demo has all of this package in the
// program, which needs no encoder of pictures.
const blackSquare = "/9j/2wCEAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDIBCQkJDAsMGA0NGDIhHCEyMjIyMjIyMjIyMjIyMjIyMjIy" +
	"MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMv/AAAsIAAgACAEBEQD/xADSAAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFB" +
	"BhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqy" +
	"s7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAAgBAQAAPwD5/r//2Q=="
