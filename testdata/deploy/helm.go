package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// helm renders a chart with a file of values as `helm install wxproxy` would, and checks
// the outcome, and a manifest of what is not the chart's, as that of `kubectl apply`. The
// NOTES go to notes.
func helm(folder, values, beside string) (m *manifest, notes string, err error) {
	c, err := load(folder)
	if err != nil {
		return nil, "", err
	}
	given, err := chartutil.ReadValuesFile(values)
	if err != nil {
		return nil, "", err
	}
	if err := chartutil.ProcessDependencies(c, given); err != nil {
		return nil, "", err
	}
	release := chartutil.ReleaseOptions{Name: "wxproxy", Namespace: "default", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, "", err
	}
	rendered, err := engine.Render(c, all)
	if err != nil {
		return nil, "", err
	}
	content, err := os.ReadFile(beside)
	if err != nil {
		return nil, "", err
	}
	m = &manifest{data: map[string]map[string]string{}}
	documents := []string{string(content)}
	names := []string{}
	for name := range rendered {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text := rendered[name]
		if path.Base(name) == "NOTES.txt" {
			notes += text
		} else if strings.TrimSpace(text) != "" {
			documents = append(documents, text)
		}
	}
	m.read([]byte(strings.Join(documents, "\n---\n")))
	return m, notes, nil
}

// load reads a chart, and its dependencies from where file:// in its Chart.yaml leads, as
// `helm dependency update` does.
func load(folder string) (*chart.Chart, error) {
	c, err := loader.Load(folder)
	if err != nil {
		return nil, err
	}
	for _, d := range c.Metadata.Dependencies {
		place, ok := strings.CutPrefix(d.Repository, "file://")
		if !ok {
			return nil, fmt.Errorf("%s is at %s", d.Name, d.Repository)
		}
		dependency, err := loader.Load(filepath.Join(folder, place))
		if err != nil {
			return nil, err
		}
		c.AddDependency(dependency)
	}
	return c, c.Validate()
}
