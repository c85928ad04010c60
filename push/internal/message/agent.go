package message

// IsMessage reports whether plain, well formed or not, begins as messages do.
func IsMessage(plain []byte) bool {
	plain = trimmed(plain)
	return len(plain) > 0 && (plain[0] == '<' || plain[0] == '{')
}

// AgentOf returns the application of WeCom's that a push in the clear is for, "" if it
// does not say.
func AgentOf(plain []byte) string {
	found := members{names: []string{"AgentID"}}
	if _, err := found.read(plain); err != nil {
		return ""
	}
	return found.kind(0)
}
