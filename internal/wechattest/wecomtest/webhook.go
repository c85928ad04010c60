package wecomtest

import "time"

// robotSend answers webhook/send, which takes the key of a robot and no token.
func (w *WeCom) robotSend(c *call) answer {
	if errcode := w.robotProblem(c); errcode != 0 {
		return w.refuse(c, errcode)
	}
	w.keep(c)
	return w.success(done())
}

// robotUpload answers webhook/upload_media.
func (w *WeCom) robotUpload(c *call) answer {
	if errcode := w.robotProblem(c); errcode != 0 {
		return w.refuse(c, errcode)
	}
	m, errcode := c.upload(c.params.Get("type"))
	if errcode != 0 {
		return w.refuse(c, errcode)
	}
	w.uploads = append(w.uploads, m.data)
	return w.uploaded(c.params.Get("type"), random(66))
}

// robotProblem returns why c may not use a robot; 0: it may.
func (w *WeCom) robotProblem(c *call) (errcode int) {
	key := c.params.Get("key")
	if !w.robots[key] {
		return 93000
	}
	if !w.rules.Unlimited && w.limits.exceeds("robot "+key, 20, time.Minute, w.now()) {
		return 130101
	}
	return 0
}
