//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// A program is a wxproxy to be measured.
type program struct{ name, path string }

// parsePrograms reads "PATH" or "NAME=PATH NAME=PATH".
func parsePrograms(list string) (all []program, err error) {
	for _, field := range strings.Fields(list) {
		name, path, named := strings.Cut(field, "=")
		if !named {
			name, path = "wxproxy", field
		}
		if name == "" || path == "" || strings.ContainsAny(name, "/|") || name == "nginx" || name == "HAProxy" {
			return nil, fmt.Errorf("%q is neither PATH nor NAME=PATH", field)
		}
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("looking for %s: %w", field, err)
		}
		for _, other := range all {
			if other.name == name {
				return nil, fmt.Errorf("two programs are called %s: NAME=PATH gives another name", name)
			}
		}
		all = append(all, program{name, path})
	}
	return all, nil
}

// build builds the wxproxy of the working directory with the flags of the image.
func build(ctx context.Context, dir string) (program, error) {
	path := filepath.Join(dir, "wxproxy")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", path, ".")
	command.Env = append(command.Environ(), "CGO_ENABLED=0")
	if said, err := command.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("building wxproxy: %w: %s", err, said)
	}
	return program{"wxproxy", path}, nil
}
