package token

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisURL is the form of a URL of Redis, for error messages.
const redisURL = `write it as "redis://USER:PASSWORD@HOST:PORT/DB", or with rediss:// for TLS`

// parseRedisURL reads the URL of a single Redis, or with master_name of
// Sentinels, or with cluster=true of a cluster; addr names further ones. Errors
// quote neither the URL nor a parameter's value, which may be a password.
func parseRedisURL(spec Secret) (*redis.UniversalOptions, error) {
	u, err := url.Parse(spec.Reveal())
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" {
		return nil, errors.New("is not a URL of Redis; " + redisURL)
	}
	password, _ := u.User.Password()
	o := &redis.UniversalOptions{
		Addrs:    []string{net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379"))},
		Username: u.User.Username(),
		Password: password,

		DialTimeout:              redisPatience,
		ReadTimeout:              redisPatience,
		WriteTimeout:             redisPatience,
		PoolTimeout:              redisPatience,
		MaxRetries:               1,
		PoolSize:                 redisConnections,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, errors.New("has no number of a database at its end; " + redisURL)
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("has parameters that cannot be read; " + redisURL)
	}
	return o, withParameters(o, u, query)
}

// connectRedis returns a client that tries once to connect: whoever asks is not to
// wait longer.
func connectRedis(o *redis.UniversalOptions) redis.UniversalClient {
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

// redisConnections is how many connections to Redis there are at most. A command
// takes a fraction of a millisecond.
const redisConnections = 8

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
	case !o.IsClusterMode && o.MasterName == "" && len(o.Addrs) > 1:
		return errors.New("has several addresses; add cluster=true, or the master_name that Sentinels know")
	case !secure:
		return nil
	}
	var err error
	o.TLSConfig, err = redisTLS(query)
	return err
}

// checkParameters reports a parameter that is unknown or has a value that it
// cannot have.
func checkParameters(query url.Values, secure bool) error {
	for name, values := range query {
		switch {
		case !slices.Contains(redisParameters, name):
			return fmt.Errorf("has the unknown parameter %q; known are %s", name, strings.Join(redisParameters, ", "))
		case slices.Contains(tlsParameters, name) && !secure:
			return fmt.Errorf("has the parameter %s, which is about TLS; write rediss://", name)
		case name == "cluster" || name == "skip_verify":
			if values[0] != "true" && values[0] != "false" {
				return fmt.Errorf("has the parameter %s; write true or false", name)
			}
		}
	}
	for _, address := range query["addr"] {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return errors.New("has a parameter addr without a port; write HOST:PORT")
		}
	}
	return nil
}

// The parameters of a URL of Redis.
var (
	redisParameters = append([]string{"addr", "cluster", "master_name", "sentinel_username", "sentinel_password"}, tlsParameters...)
	tlsParameters   = []string{"ca_file", "cert_file", "key_file", "server_name", "skip_verify"}
)

// redisTLS returns how Redis is to prove who it is, and wxproxy to Redis.
func redisTLS(query url.Values) (*tls.Config, error) {
	config := &tls.Config{
		ServerName:         query.Get("server_name"), // empty: that of each server's address
		InsecureSkipVerify: query.Get("skip_verify") == "true",
	}
	if file := query.Get("ca_file"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("has a ca_file that cannot be read: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("has a ca_file without a certificate in PEM")
		}
	}
	if cert, key := query.Get("cert_file"), query.Get("key_file"); cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("has a cert_file and key_file that cannot be used: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
