// Command deploy checks a file of deploy/ as the program that it is for would, and
// what that program leaves unchecked: whether the parts of the file fit together.
// It writes each mistake to standard error, or the containers that the file
// describes, with the files and the environment they get, as JSON to standard
// output.
//
//	deploy kubernetes|compose|workflow FILE
//	deploy helm CHART VALUES MANIFEST
//	deploy sbom FILE SCHEMAS
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// A container is what runs, and what it finds when it does.
type container struct {
	Name  string
	Image string
	Env   map[string]string
	Files []file

	// Grace is how many seconds pass from SIGTERM to SIGKILL.
	Grace int

	// Served says that a Service sends requests there.
	Served bool

	// Egress are the ports that a NetworkPolicy lets it call.
	Egress []int

	// Notes are what Helm says after it has installed the chart.
	Notes string
}

// A file is one that is mounted into a container.
type file struct {
	Path    string
	Content string
	Mode    os.FileMode
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: deploy kubernetes|compose|workflow FILE, or helm CHART VALUES MANIFEST, or sbom FILE SCHEMAS")
	}
	var containers []container
	var mistakes []string
	switch args := os.Args[2:]; {
	case os.Args[1] == "kubernetes":
		containers, mistakes = kubernetes(args[0])
	case os.Args[1] == "compose":
		containers, mistakes = compose(args[0])
	case os.Args[1] == "workflow":
		mistakes = workflow(args[0])
	case os.Args[1] == "helm" && len(args) == 3:
		m, notes, err := helm(args[0], args[1], args[2])
		if err != nil {
			fail(err.Error())
		}
		containers, mistakes = m.check(), m.mistakes
		for i := range containers {
			containers[i].Notes = notes
		}
	case os.Args[1] == "sbom" && len(args) == 2:
		mistakes = sbom(args[0], args[1])
	default:
		fail("there is no such check: " + os.Args[1])
	}
	if len(mistakes) > 0 {
		fail(mistakes...)
	}
	if err := json.NewEncoder(os.Stdout).Encode(containers); err != nil {
		fail(err.Error())
	}
}

func fail(mistakes ...string) {
	for _, mistake := range mistakes {
		fmt.Fprintln(os.Stderr, mistake)
	}
	os.Exit(1)
}
