package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
	strict "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// workflow checks a pipeline of GitHub's by the linter for them, one of Gitee's by its
// format, and of both that what they run is in the repository, where this is run.
func workflow(path string) []string {
	content, err := os.ReadFile(path)
	if err != nil {
		return []string{err.Error()}
	}
	if strings.HasPrefix(path, ".workflow/") {
		return gitee(path, content)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	found, err := linter.Lint(path, content, nil)
	if err != nil {
		return []string{err.Error()}
	}
	mistakes := []string{}
	for _, f := range found {
		mistakes = append(mistakes, fmt.Sprintf("%s:%d: %s", path, f.Line, f.Message))
	}
	return append(mistakes, github(path, content)...)
}

// github checks what the linter leaves open: that a job may do no more than it has to,
// that each action is one of a major version, and that nothing runs without end.
func github(path string, content []byte) (mistakes []string) {
	var w struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Uses           string
			TimeoutMinutes int `json:"timeout-minutes"`
			Permissions    map[string]string
			Steps          []struct{ Uses, Run string }
		}
	}
	if err := yaml.Unmarshal(content, &w); err != nil {
		return []string{err.Error()}
	}
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		mistakes = append(mistakes, path+": lacks permissions: {contents: read}")
	}
	for name, job := range w.Jobs {
		if job.Uses != "" {
			if _, err := os.Stat(job.Uses); err != nil {
				mistakes = append(mistakes, err.Error())
			}
			continue
		}
		if job.TimeoutMinutes == 0 {
			mistakes = append(mistakes, fmt.Sprintf("%s: job %s has no timeout-minutes", path, name))
		}
		for _, s := range job.Steps {
			if s.Uses != "" && !regexp.MustCompile(`^actions/[a-z-]+@v[0-9]+$`).MatchString(s.Uses) {
				mistakes = append(mistakes, fmt.Sprintf("%s: %s is no action of GitHub's own at a major version", path, s.Uses))
			}
			mistakes = append(mistakes, runs(path, s.Run)...)
		}
	}
	return mistakes
}

// gitee checks the fields that Gitee Go knows.
func gitee(path string, content []byte) (mistakes []string) {
	type filter struct {
		Prefix []string `json:"prefix"`
	}
	var w struct {
		Version     string `json:"version"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
		Triggers    struct {
			Trigger string            `json:"trigger"`
			Push    map[string]filter `json:"push"`
			PR      map[string]filter `json:"pr"`
		} `json:"triggers"`
		Stages []struct {
			Name        string `json:"name"`
			DisplayName string `json:"displayName"`
			Strategy    string `json:"strategy"`
			Trigger     string `json:"trigger"`
			Steps       []struct {
				Step          string   `json:"step"`
				Name          string   `json:"name"`
				DisplayName   string   `json:"displayName"`
				GolangVersion string   `json:"golangVersion"`
				Commands      []string `json:"commands"`
			} `json:"steps"`
		} `json:"stages"`
	}
	asJSON, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		return []string{path + ": " + err.Error()}
	}
	found, err := strict.UnmarshalStrict(asJSON, &w)
	for _, mistake := range append(found, err) {
		if mistake != nil {
			mistakes = append(mistakes, path+": "+mistake.Error())
		}
	}
	if w.Version != "1.0" || w.Name+".yml" != filepath.Base(path) || w.Triggers.Trigger != "auto" || len(w.Stages) == 0 {
		mistakes = append(mistakes, path+": lacks its version, its file's name, a trigger or stages")
	}
	for _, stage := range w.Stages {
		for _, s := range stage.Steps {
			if s.Step != "build@golang" || len(s.Commands) == 0 {
				mistakes = append(mistakes, fmt.Sprintf("%s: step %s is not build@golang with commands", path, s.Name))
			}
			for _, c := range s.Commands {
				mistakes = append(mistakes, runs(path, c)...)
			}
		}
	}
	return mistakes
}

// runs checks that scripts and make's targets in a command are there.
func runs(path, command string) (mistakes []string) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		return []string{err.Error()}
	}
	for line := range strings.Lines(command) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "make":
			for _, target := range words[1:] {
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).Match(makefile) {
					mistakes = append(mistakes, fmt.Sprintf("%s: make has no target %s", path, target))
				}
			}
		case strings.Contains(words[0], "/"):
			if info, err := os.Stat(words[0]); err != nil || info.Mode()&0o111 == 0 {
				mistakes = append(mistakes, fmt.Sprintf("%s: %s is no program of this repository", path, words[0]))
			}
		case !slices.Contains([]string{"cd", "export", "gh", "git"}, words[0]):
			mistakes = append(mistakes, fmt.Sprintf("%s: nobody installs %s", path, words[0]))
		}
	}
	return mistakes
}
