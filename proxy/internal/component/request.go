package component

import "wxproxy/proxy/internal/members"

// A Request is what a program says in a body about an account of a platform: the
// platform's appid, the account's, and an authorization code. What it left out is empty.
type Request struct{ Component, AppID, Code string }

// Read reads a body whose members have these names. It reports false if the body is neither
// JSON nor a form, or says two things in the place of one.
func (r *Request) Read(body []byte, names [3]string) bool {
	places := map[string]*string{names[0]: &r.Component, names[1]: &r.AppID, names[2]: &r.Code}
	agrees := true
	_, err := members.Rewrite(body, names[:], func(name, value string) (string, bool) {
		place := places[name]
		agrees = agrees && (*place == "" || value == "" || *place == value)
		if *place == "" {
			*place = value
		}
		return "", false
	})
	return err == nil && agrees
}
