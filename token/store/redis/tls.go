package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
)

// maxPEM is far more than the certificates of all authorities take.
const maxPEM = 8 << 20

// tlsConfig returns how Redis is to prove who it is, and wxproxy to Redis.
func tlsConfig(query url.Values) (*tls.Config, error) {
	config := &tls.Config{
		ServerName:         query.Get("server_name"), // empty: that of each server's address
		InsecureSkipVerify: query.Get("skip_verify") == "true",
	}
	if file := query.Get("ca_file"); file != "" {
		pem, err := readUpTo(file, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("has a ca_file that cannot be read: %w", withoutPath(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("has a ca_file without a certificate in PEM")
		}
	}
	cert, key := query.Get("cert_file"), query.Get("key_file")
	switch {
	case cert == "" && key == "":
		return config, nil
	case cert == "" || key == "":
		return nil, errors.New("has one of cert_file and key_file; add the other one")
	}
	pair, err := keyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("has a cert_file and key_file that cannot be used: %w", withoutPath(err))
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func keyPair(certFile, keyFile string) (pair tls.Certificate, err error) {
	cert, err := readUpTo(certFile, maxPEM)
	if err != nil {
		return pair, err
	}
	key, err := readUpTo(keyFile, maxPEM)
	if err != nil {
		return pair, err
	}
	return tls.X509KeyPair(cert, key)
}

// withoutPath drops the name of the file, which may be a password that was
// written in its place.
func withoutPath(err error) error {
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		return withPath.Err
	}
	return err
}

// readUpTo returns the beginning of the file at path: a device may have no end.
func readUpTo(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit))
}
