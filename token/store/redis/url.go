package redis

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// urlForm is the form of a URL of Redis, for error messages.
const urlForm = `write it as "redis://USER:PASSWORD@HOST:PORT/DB", or with rediss:// for TLS`

// parseURL reads the URL of a single Redis, or with master_name of
// Sentinels, or with cluster=true of a cluster; addr names further ones. Errors
// quote neither the URL nor a parameter's value, which may be a password.
func parseURL(spec secret.Secret) (*redis.UniversalOptions, error) {
	u, err := url.Parse(spec.Reveal())
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" {
		return nil, errors.New("is not a URL of Redis; " + urlForm)
	}
	o := impatient()
	o.Addrs = []string{net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379"))}
	o.Username = u.User.Username()
	if o.Password, _ = u.User.Password(); u.User != nil && o.Password == "" {
		return nil, errors.New("has a user without a password; " + urlForm + ", and without a user as redis://:PASSWORD@HOST")
	}
	switch {
	case strings.Contains(u.Host, ","):
		return nil, errors.New("has several hosts; name the others with addr, as redis://HOST:PORT?addr=HOST:PORT")
	case !isAddress(o.Addrs[0]):
		return nil, errors.New("has no host, or a port that is no number from 1 to 65535; " + urlForm)
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		n, err := strconv.ParseUint(db, 10, 31)
		if err != nil {
			return nil, errors.New("has no number of a database at its end; " + urlForm)
		}
		o.DB = int(n)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("has parameters that cannot be read; " + urlForm)
	}
	return o, withParameters(o, u, query)
}

// impatient returns the options that no URL changes: waits are short.
func impatient() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		DialTimeout:              timeout,
		ReadTimeout:              timeout,
		WriteTimeout:             timeout,
		PoolTimeout:              timeout,
		ContextTimeoutEnabled:    true,
		MaxRetries:               1,
		PoolSize:                 connections,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// isAddress reports whether s is HOST:PORT.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, wrong := strconv.ParseUint(port, 10, 16)
	_, notIPv6 := netip.ParseAddr(host)
	return err == nil && wrong == nil && n > 0 && host != "" && (notIPv6 == nil || !strings.ContainsAny(host, ":/?#[]@, "))
}

// connect returns a client that tries once to connect, so that callers wait no longer.
func connect(o *redis.UniversalOptions) redis.UniversalClient {
	switch {
	case o.MasterName != "":
		failover := o.Failover()
		failover.DialerRetries = 1
		return redis.NewFailoverClient(failover)
	case o.IsClusterMode:
		cluster := o.Cluster()
		cluster.DialerRetries = 1
		return redis.NewClusterClient(cluster)
	}
	single := o.Simple()
	single.DialerRetries = 1
	return redis.NewClient(single)
}

// connections is how many connections to Redis there are at most. A command
// takes a fraction of a millisecond.
const connections = 8

// withParameters adds what the parameters of the URL say.
func withParameters(o *redis.UniversalOptions, u *url.URL, query url.Values) error {
	secure := u.Scheme == "rediss"
	if err := checkParameters(query, secure); err != nil {
		return err
	}
	o.MasterName, o.IsClusterMode = query.Get("master_name"), query.Get("cluster") == "true"
	o.SentinelUsername, o.SentinelPassword = query.Get("sentinel_username"), query.Get("sentinel_password")
	o.Addrs = append(o.Addrs, query["addr"]...)
	switch {
	case o.IsClusterMode && o.MasterName != "":
		return errors.New("has both cluster and master_name; keep the one that is meant")
	case o.IsClusterMode && o.DB != 0:
		return errors.New("has the number of a database, of which a cluster has only 0; remove it")
	case o.MasterName == "" && o.SentinelUsername+o.SentinelPassword != "":
		return errors.New("has a password for Sentinels; add the master_name that they know")
	case o.SentinelUsername != "" && o.SentinelPassword == "":
		return errors.New("has a sentinel_username without a sentinel_password; add it")
	case !o.IsClusterMode && o.MasterName == "" && len(o.Addrs) > 1:
		return errors.New("has several addresses; add cluster=true, or the master_name that Sentinels know")
	case !secure:
		return nil
	}
	var err error
	o.TLSConfig, err = tlsConfig(query)
	return err
}

// checkParameters reports a parameter that is unknown or has a value that it
// cannot have.
func checkParameters(query url.Values, secure bool) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case !slices.Contains(knownParameters, name):
			return language.Textf("has %s; known are %s", unknownParameter(name), strings.Join(knownParameters, ", "))
		case slices.Contains(tlsParameters, name) && !secure:
			return language.Textf("has the parameter %s, which is about TLS; write rediss://", name)
		case slices.Contains(values, ""):
			return language.Textf("has the parameter %s without a value; give it one, or remove it", name)
		case name == "addr":
			if slices.ContainsFunc(values, func(address string) bool { return !isAddress(address) }) {
				return errors.New("has a parameter addr without a port; write HOST:PORT")
			}
		case len(values) > 1:
			return language.Textf("has the parameter %s several times; keep one", name)
		case name == "cluster" || name == "skip_verify":
			if values[0] != "true" && values[0] != "false" {
				return language.Textf("has the parameter %s; write true or false", name)
			}
		}
	}
	return nil
}

// unknownParameter names a parameter, unless it looks like a part of a password
// with a question mark or an ampersand in it.
func unknownParameter(name string) error {
	const longest = 20
	if len(name) > longest || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return language.Phrase("an unknown parameter; a password is to be percent-encoded")
	}
	return language.Textf("the unknown parameter %q", name)
}

// The parameters of a URL of Redis.
var (
	knownParameters = append([]string{"addr", "cluster", "master_name", "sentinel_username", "sentinel_password"}, tlsParameters...)
	tlsParameters   = []string{"ca_file", "cert_file", "key_file", "server_name", "skip_verify"}
)
