package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads a file as docker compose does: with the .env next to it, against
// the schema of the specification, which is part of the library.
func compose(file string) ([]container, []string) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		return nil, []string{err.Error()}
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, []string{err.Error()}
	}
	p := &composition{project: project}
	containers := p.check()
	return containers, p.mistakes
}

// A composition is a project under check.
type composition struct {
	project  *types.Project
	mistakes []string
}

func (p *composition) wrong(format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Sprintf(format, args...))
}

// check finds what the schema allows and wxproxy's users would regret, and returns
// the containers.
func (p *composition) check() (containers []container) {
	for name, s := range p.project.Services {
		p.checkHardened(name, s)
		p.checkImage(name, s)
		containers = append(containers, container{
			Name: name, Image: s.Image, Env: environment(s), Files: p.files(name, s), Grace: grace(s),
		})
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				p.wrong("service %s: volumes: %v", name, err)
			}
		}
	}
	return containers
}

// checkHardened reports a container that may do more than it needs to.
func (p *composition) checkHardened(name string, s types.ServiceConfig) {
	for rule, kept := range map[string]bool{
		"read_only: true":                   s.ReadOnly,
		"cap_drop: [ALL]":                   slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0,
		"security_opt: [no-new-privileges]": slices.Contains(s.SecurityOpt, "no-new-privileges:true"),
		"user":                              s.User != "" && s.User != "0" && s.User != "root",
		"restart":                           s.Restart != "",
	} {
		if !kept || s.Privileged {
			p.wrong("service %s: lacks %s", name, rule)
		}
	}
}

// checkImage reports an image that is neither built from a Dockerfile that is there
// nor of one version, and what others wait for in vain.
func (p *composition) checkImage(name string, s types.ServiceConfig) {
	_, tag, _ := strings.Cut(path.Base(s.Image), ":")
	switch {
	case s.Build != nil:
		dockerfile := filepath.Join(s.Build.Context, cmp.Or(s.Build.Dockerfile, "Dockerfile"))
		if _, err := os.Stat(dockerfile); err != nil {
			p.wrong("service %s: build: %v", name, err)
		}
	case tag == "" || tag == "latest":
		p.wrong("service %s: image %s has no version", name, s.Image)
	}
	for other, how := range s.DependsOn {
		if how.Condition == types.ServiceConditionHealthy && p.project.Services[other].HealthCheck == nil {
			p.wrong("service %s: depends on the health of %s, which has no healthcheck", name, other)
		}
	}
}

func environment(s types.ServiceConfig) map[string]string {
	variables := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			variables[name] = *value
		}
	}
	return variables
}

func grace(s types.ServiceConfig) int {
	if s.StopGracePeriod == nil {
		return 10 // Docker's default
	}
	return int(time.Duration(*s.StopGracePeriod) / time.Second)
}

// files returns the configs and secrets that a service finds mounted.
func (p *composition) files(name string, s types.ServiceConfig) (files []file) {
	add := func(target, source string) {
		content, err := os.ReadFile(source)
		info, statErr := os.Stat(source)
		if err != nil || statErr != nil {
			p.wrong("service %s: %v", name, err)
			return
		}
		files = append(files, file{target, string(content), info.Mode().Perm()})
	}
	for _, c := range s.Configs {
		add(cmp.Or(c.Target, "/"+c.Source), p.project.Configs[c.Source].File)
	}
	for _, c := range s.Secrets {
		add(c.Target, p.project.Secrets[c.Source].File) // the loader has made it absolute
	}
	return files
}
