package language

// catalogue returns the Chinese of English texts and formats, table by table. A text that
// wraps an error with %w stands there with %v.
func catalogue() []map[string]string {
	return []map[string]string{values, mistakes, remarks, system, commands, operating, initial}
}
