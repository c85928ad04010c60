package redis

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// missingRight is what to do when Redis does not say which.
const missingRight = "give the user of token.store the rights that docs/scaling.md lists; the command ACL LOG of Redis names the one that was missing"

// rightPassword is what to do where Redis does not know who wxproxy is.
const rightPassword = "put the right user and password of Redis into token.store, or the file that store_file names, and reload wxproxy; with WXPROXY_STORE, restart it"

// renamedCommand is what to do where Redis was told to have no such command.
const renamedCommand = "Redis lacks a command that wxproxy needs, as the error names it: remove its rename-command from the configuration of Redis; docs/scaling.md lists the commands"

// remedies are what to do about the errors that Redis answers, by how they
// begin.
var remedies = []struct{ begins, remedy string }{
	{"WRONGPASS", rightPassword},
	{"NOAUTH", rightPassword},
	{"Protocol error: unauthenticated", rightPassword},
	{"The user executing the script", missingRight},
	{"ACL failure in script", missingRight},
	{"NOPERM", missingRight},
	{"READONLY", "token.store names a replica: name the primary, or the Sentinels with master_name"},
	{"OOM", "Redis is full: give it more memory"},
	{"MISCONF", "Redis cannot save its data: look at its disk and its log"},
	{"MOVED", "token.store names a node of a cluster: add cluster=true"},
	{"This instance has cluster support disabled", "token.store names a Redis that is no cluster: remove cluster=true"},
	{"unknown command", renamedCommand},
	{"This Redis command is not allowed from script", renamedCommand},
	{"DB index is out of range", "Redis has no database of that number: correct the end of token.store"},
}

// remedyFor says in words what to do about an error of Redis.
func remedyFor(err error) string {
	for _, r := range remedies {
		if redis.HasErrorPrefix(err, r.begins) {
			return r.remedy
		}
	}
	if _, ok := errors.AsType[redis.Error](err); ok && strings.Contains(err.Error(), refusalOfOld) {
		return remedyForOld
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "name the authority that signed the certificate of Redis with ca_file, or the name in it with server_name"
	}
	return "have Redis run, and be reached from here, where token.store says; with TLS if that begins with rediss"
}

// isOtherType reports whether err tells that a key holds something else than a
// record, which says nothing of Redis as a whole.
func isOtherType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }
