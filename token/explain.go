package token

// Class is what kind of obstacle keeps WeChat from handing out a token. It
// decides how soon it is worth asking again.
type Class string

// The classes of failures.
const (
	ClassTransient     Class = "transient"     // it passes by itself
	ClassConfiguration Class = "configuration" // somebody has to change a setting, here or at WeChat
	ClassQuota         Class = "quota"         // too many calls; it passes with time
	ClassAccount       Class = "account"       // somebody has to talk to WeChat
)

// An Explanation is what people need to know about a failure. It is safe to
// show.
type Explanation struct {
	Code     int    // WeChat's errcode; 0 if WeChat did not answer
	Reason   string // WeChat's errmsg, or what happened instead
	Remedy   string // what to do about it
	RemedyZH string // the same in Chinese
	Class    Class
	Local    bool // it is about this machine or what it was given: another process may fare better
}
