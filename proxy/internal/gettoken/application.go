package gettoken

import (
	"encoding/json"
	"slices"
	"strings"
)

// An Agent is the agent_id of an application, which programs write as a number or as a string.
type Agent struct {
	ID     string // empty: the application has none
	IsText bool
}

// Value returns the agent_id as it is configured, a number or a string; nil: there is none.
func (a Agent) Value() any {
	switch {
	case a.ID == "":
		return nil
	case a.IsText:
		return a.ID
	}
	return json.Number(a.ID)
}

// An Application is an account of a corp.
type Application struct {
	Name   string
	Agent  string // its agent_id; it may be empty
	Usable bool   // the client may use it
}

// Cut splits what is in the place of the secret, as KEY:APPLICATION, at its last colon. It
// reports false if there is none.
func Cut(secret string) (key, application string, found bool) {
	i := strings.LastIndexByte(secret, ':')
	if i < 0 {
		return secret, "", false
	}
	return secret[:i], secret[i+1:], true
}

// A Choice is what a request says of the application that it is for.
type Choice struct {
	Named     int    // the index of the one that its path or header names; -1: none
	Behind    string // what stands behind the last colon of its secret; empty: nothing
	IsCertain bool   // Behind is no part of the secret itself
}

// Of returns the index of the application that is chosen among all of the corp, of which there is
// one at least, or words that say what to do. The one that the path or the header names comes
// first, then the only one that the client may use, then the one behind the colon.
func (c Choice) Of(all []Application) (index int, problem string) {
	if c.Named >= 0 {
		return c.Named, ""
	}
	behind := find(all, c.Behind)
	if behind < 0 && c.Behind != "" && c.IsCertain {
		return 0, "what stands behind the last colon of corpsecret is neither the name nor the agent_id of an application of this corp; " + told(all)
	}
	usable := func(a Application) bool { return a.Usable }
	first := slices.IndexFunc(all, usable)
	switch {
	case first >= 0 && !slices.ContainsFunc(all[first+1:], usable):
		return first, ""
	case behind >= 0:
		return behind, ""
	case len(all) == 1, first < 0: // which the client may not use, as it is told then
		return 0, ""
	}
	return 0, "the corp has several applications; " + told(all)
}

// find returns the index of the application with a name, or else with an agent_id; -1: there
// is none.
func find(all []Application, word string) int {
	if word == "" {
		return -1
	}
	if i := slices.IndexFunc(all, func(a Application) bool { return a.Name == word }); i >= 0 {
		return i
	}
	return slices.IndexFunc(all, func(a Application) bool { return a.Agent == word })
}

// told says how to name an application.
func told(all []Application) string {
	return "let corpsecret be KEY:NAME, or let the base URL end in /@NAME, with one of " + Names(all)
}

// maxNames is how many names a message lists.
const maxNames = 20

// Names lists the applications that the client may use.
func Names(all []Application) string {
	var names []string
	for _, a := range all {
		if a.Usable {
			names = append(names, a.Name)
		}
	}
	if more := len(names) - maxNames; more > 0 {
		names = append(names[:maxNames], "others")
	}
	return strings.Join(names, ", ")
}
