package language

// catalogue returns the Chinese of English texts and formats, table by table.
func catalogue() []map[string]string { return nil }
