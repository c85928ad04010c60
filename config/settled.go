package config

import "reflect"

// SettledAtStart returns the settings, in the words of the file, that next has
// different and that a running process cannot change.
func (c *Config) SettledAtStart(next *Config) (keys []string) {
	for _, setting := range []struct {
		key string
		of  func(*Config) any
	}{
		{"proxy.listen", func(c *Config) any { return c.Proxy.Listen }},
		{"proxy.max_body", func(c *Config) any { return c.Proxy.MaxBody }},
		{"proxy.max_connections", func(c *Config) any { return c.Proxy.MaxConnections }},
		{"proxy.idle_timeout", func(c *Config) any { return c.Proxy.IdleTimeout }},
		{"proxy.plain_io", func(c *Config) any { return c.Proxy.PlainIO }},
		{"proxy.tls_cert", func(c *Config) any { return c.Proxy.TLSCert == "" }},
		{"admin.listen", func(c *Config) any { return c.Admin.Listen }},
		{"token.store", func(c *Config) any { return c.Token.Store.Reveal() }},
		{"token.key_prefix", func(c *Config) any { return c.Token.KeyPrefix }},
		{"token.encryption_key", func(c *Config) any { return c.Token.EncryptionKey.Reveal() }},
		{"log.format", func(c *Config) any { return c.Log.Format }},
	} {
		if !reflect.DeepEqual(setting.of(c), setting.of(next)) {
			keys = append(keys, setting.key)
		}
	}
	return keys
}
